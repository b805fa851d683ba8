package bench

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// maxIdle is how many connections to the router stay open between requests:
// more than are ever used at a time, so that none is opened while measuring.
const maxIdle = 1024

// client speaks REST to the router.
type client struct {
	// root is the router's URL, base that of its API.
	root, base, account, token string
	http                       *http.Client
}

func newClient(o *Options) *client {
	root := strings.TrimSuffix(o.URL, "/")
	return &client{
		root: root, base: root + "/v1", account: o.AccountSID, token: o.Token,
		http: &http.Client{Timeout: o.Patience, Transport: &http.Transport{MaxIdleConns: maxIdle, MaxIdleConnsPerHost: maxIdle}},
	}
}

func (c *client) close() { c.http.CloseIdleConnections() }

// refused is an answer that is not 2xx.
type refused struct {
	status int
	body   string
	// after is how long the router wants to be left alone; zero when it does
	// not say.
	after time.Duration
}

func (e *refused) Error() string { return fmt.Sprintf("status %d: %s", e.status, e.body) }

// busy tells an answer that asks to come again from one that is final.
func busy(err error) (after time.Duration, yes bool) {
	var r *refused
	if !errors.As(err, &r) || (r.status != http.StatusServiceUnavailable && r.status != http.StatusTooManyRequests) {
		return 0, false
	}
	return cmp.Or(r.after, time.Second), true
}

// resource is what the generator reads of an answer.
type resource struct {
	SID    string `json:"sid"`
	Reason string `json:"reason"`
}

// post sends a form of pairs of name and value, and reports how long the answer
// took, its body included.
func (c *client) post(ctx context.Context, path string, pairs ...string) (resource, time.Duration, error) {
	form := formOf(pairs)
	var out resource
	began := time.Now()
	body, err := c.do(ctx, http.MethodPost, c.base+path, form)
	took := time.Since(began)
	if err != nil {
		return out, took, fmt.Errorf("POST %s: %w", path, err)
	}
	return out, took, json.Unmarshal(body, &out)
}

func formOf(pairs []string) url.Values {
	form := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		form.Add(pairs[i], pairs[i+1])
	}
	return form
}

// get reads a resource.
func (c *client) get(ctx context.Context, path string, into any) error {
	body, err := c.do(ctx, http.MethodGet, c.base+path, nil)
	if err != nil {
		return fmt.Errorf("GET %s: %w", path, err)
	}
	return json.Unmarshal(body, into)
}

func (c *client) remove(ctx context.Context, path string) error {
	if _, err := c.do(ctx, http.MethodDelete, c.base+path, nil); err != nil {
		return fmt.Errorf("DELETE %s: %w", path, err)
	}
	return nil
}

func (c *client) do(ctx context.Context, method, address string, form url.Values) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	req.SetBasicAuth(c.account, c.token)
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode/100 != 2 {
		seconds, _ := strconv.Atoi(resp.Header.Get("Retry-After"))
		return nil, &refused{resp.StatusCode, string(body), time.Duration(seconds) * time.Second}
	}
	return body, nil
}
