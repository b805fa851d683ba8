package setup

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/twilio/twilio-go/client"
	api "github.com/twilio/twilio-go/rest/taskrouter/v1"

	"github.com/taskrouter/taskrouter/twilioclient"
)

const (
	envURL     = "TASKROUTER_URL"
	envAccount = "TASKROUTER_ACCOUNT_SID"
	envToken   = "TASKROUTER_AUTH_TOKEN"
)

const environmentHelp = "  " + envURL + "          such as http://127.0.0.1:8080\n" +
	"  " + envAccount + "  the account\n" +
	"  " + envToken + "   its token\n" +
	"taskrouter dev --env-file FILE writes them to a file.\n"

// Router is the router as its clients see it: the operations of the official
// library, and those that the library does not know.
type Router struct {
	*api.ApiService
	url, account, token string
}

// Connect reads the environment. It asks the router nothing yet.
func Connect() (*Router, error) {
	r := &Router{url: strings.TrimSuffix(os.Getenv(envURL), "/"), account: os.Getenv(envAccount), token: os.Getenv(envToken)}
	if r.url == "" || r.account == "" || r.token == "" {
		return nil, fmt.Errorf("%s, %s and %s must be set and exported: set -a; source FILE; set +a, with the file that taskrouter dev --env-file wrote", envURL, envAccount, envToken)
	}
	c, err := twilioclient.New(twilioclient.Options{BaseURL: r.url, AccountSID: r.account, Secret: r.token})
	if err != nil {
		return nil, err
	}
	r.ApiService = c.TaskrouterV1
	return r, nil
}

// Validator checks the signatures of callbacks.
func (r *Router) Validator() client.RequestValidator { return client.NewRequestValidator(r.token) }

// ErrNotFound says that the router has no such thing, or no such operation.
var ErrNotFound = errors.New("not found")

// Get reads a path and decodes the answer.
func (r *Router) Get(ctx context.Context, path string, into any) error {
	return r.send(ctx, http.MethodGet, path, nil, into)
}

// Post sends a form to a path and decodes the answer; into may be nil.
func (r *Router) Post(ctx context.Context, path string, form url.Values, into any) error {
	return r.send(ctx, http.MethodPost, path, form, into)
}

func (r *Router) send(ctx context.Context, method, path string, form url.Values, into any) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, r.url+path, strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	req.SetBasicAuth(r.account, r.token)
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	switch {
	case err != nil:
		return err
	case resp.StatusCode == http.StatusNotFound:
		return fmt.Errorf("%s %s: %w", method, path, ErrNotFound)
	case resp.StatusCode >= http.StatusMultipleChoices:
		var problem struct{ Message string }
		_ = json.Unmarshal(body, &problem)
		return fmt.Errorf("%s %s: %s: %s", method, path, resp.Status, problem.Message)
	case into == nil:
		return nil
	}
	return json.Unmarshal(body, into)
}
