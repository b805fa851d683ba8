package events

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/taskrouter/taskrouter/internal/logging"
	"github.com/taskrouter/taskrouter/wire"
)

// NoticeTimeout bounds one request to a status callback, from its start to the
// last byte of the answer.
const NoticeTimeout = 5 * time.Second

// Notifier passes what a telephone platform reported on to the status callbacks
// of instructions. It is safe for concurrent use.
type Notifier struct {
	client *http.Client
	sign   Sign
	log    *zap.Logger
	now    func() time.Time
	limit  time.Duration
}

// NewNotifier makes a Notifier. The client's transport says which addresses may
// be reached; redirects are never followed.
func NewNotifier(client *http.Client, sign Sign, log *zap.Logger) *Notifier {
	return &Notifier{client: plain(client), sign: sign, log: log.Named("progress"), now: time.Now, limit: NoticeTimeout}
}

// Send makes one signed request on behalf of an account. A GET carries the form
// in the query, behind what the URL has there, and the signature is that of the
// whole URL. The status is that of the answer; without an answer it is zero and
// the error says why.
func (n *Notifier) Send(ctx context.Context, accountSID, method, target string, form url.Values) (int, error) {
	started := n.now()
	status, err := n.send(ctx, accountSID, method, target, form)
	fields := []zap.Field{
		logging.AccountSID(accountSID), logging.URLHost(target), logging.Status(status), logging.Duration(n.now().Sub(started)),
	}
	switch {
	case err != nil:
		err = withoutURL(err)
		n.log.Warn("status callback failed", append(fields, logging.Err(err))...)
	case status < 200 || status > 299:
		n.log.Warn("status callback refused", fields...)
	default:
		n.log.Debug("status callback delivered", fields...)
	}
	return status, err
}

func (n *Notifier) send(ctx context.Context, accountSID, method, target string, form url.Values) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, n.limit)
	defer cancel()
	body := form.Encode()
	if method == http.MethodGet {
		target, body, form = withQuery(target, body), "", nil
	}
	signature, err := n.sign(ctx, accountSID, target, form)
	if err != nil {
		return 0, err
	}
	req, err := http.NewRequestWithContext(ctx, method, target, strings.NewReader(body))
	if err != nil {
		return 0, err
	}
	if method != http.MethodGet {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	req.Header.Set("User-Agent", userAgent)
	req.Header.Set(wire.SignatureHeader, signature)
	res, err := n.client.Do(req)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	// The answer says nothing; reading it keeps the connection for the next.
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, maxAnswer))
	return res.StatusCode, nil
}

// withQuery is the URL with parameters added; what it has is left as it was
// written. A fragment is never sent.
func withQuery(target, query string) string {
	target, _, _ = strings.Cut(target, "#")
	separator := "?"
	if strings.Contains(target, "?") {
		separator = "&"
	}
	return target + separator + query
}
