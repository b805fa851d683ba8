package rest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/taskrouter/taskrouter/voice"
)

const (
	// maxReply is the longest reply that is read: a full page of calls.
	maxReply = 8 << 20
	// maxTries is how often a request is sent when nothing came of it.
	maxTries = 3
	// maxRetryAfter is the longest we wait inside a verb for the platform.
	maxRetryAfter = 10 * time.Second
	firstBackoff  = 250 * time.Millisecond
	pageSize      = 500
	maxPages      = 40
)

var errTooLong = errors.New("the reply is too long")

// reply is a 2xx answer.
type reply struct {
	status int
	header http.Header
	body   []byte
	at     time.Time
}

// do sends a request and repeats it as long as that is safe. path starts behind
// the account, or is absolute when it starts with the scheme.
func (d *Driver) do(ctx context.Context, op operation, method, path string, form url.Values) (reply, error) {
	backoff := firstBackoff
	for try := 1; ; try++ {
		r, err := d.once(ctx, op, method, path, form)
		if err == nil || voice.Verdict(err) != voice.ClassRetryable || try == maxTries {
			return r, err
		}
		var e *voice.Error
		wait := backoff/2 + rand.N(backoff/2)
		if errors.As(err, &e) && e.RetryAfter > 0 {
			if e.RetryAfter > maxRetryAfter {
				return r, err
			}
			wait = e.RetryAfter + rand.N(backoff/2)
		}
		if voice.Pause(ctx, d.opt.Clock, wait) != nil {
			return r, err
		}
		backoff *= 2
	}
}

// once sends a request.
func (d *Driver) once(ctx context.Context, op operation, method, path string, form url.Values) (reply, error) {
	if err := ctx.Err(); err != nil {
		return reply{}, &voice.Error{Class: voice.ClassRetryable, Op: op.name, Cause: err}
	}
	ctx, cancel := context.WithTimeout(ctx, d.opt.Timeout)
	defer cancel()
	req, err := d.request(ctx, method, path, form)
	if err != nil {
		return reply{}, &voice.Error{Class: voice.ClassFatal, Op: op.name, Cause: errors.New("malformed address")}
	}
	resp, err := d.opt.Client.Do(req)
	if err != nil {
		return reply{}, transportFailure(op, err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxReply+1))
	if len(body) > maxReply {
		err = errTooLong
	}
	now := d.opt.Clock.Now()
	if resp.StatusCode/100 != 2 {
		return reply{}, failure(d.dialect.flavour, op, resp.StatusCode, resp.Header, body, now)
	}
	if err != nil {
		return reply{}, transportFailure(op, err)
	}
	return reply{status: resp.StatusCode, header: resp.Header, body: body, at: now}, nil
}

func (d *Driver) request(ctx context.Context, method, path string, form url.Values) (*http.Request, error) {
	target := path
	if !strings.Contains(path, "://") {
		target = d.base.String() + "/" + d.dialect.version + "/Accounts/" + url.PathEscape(d.opt.AccountSID) + path
	}
	var body io.Reader
	if method == http.MethodGet {
		if len(form) > 0 {
			target += "?" + form.Encode()
		}
	} else {
		body = strings.NewReader(form.Encode())
	}
	req, err := http.NewRequestWithContext(ctx, method, target, body)
	if err != nil {
		return nil, err
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "taskrouter")
	req.SetBasicAuth(d.opt.User, d.opt.Token)
	return req, nil
}

// list reads the pages of a list, in order, until each returns false. A list
// that does not end is an error, because absence from it would prove nothing.
func (d *Driver) list(ctx context.Context, op operation, path string, filter url.Values, each func(page, reply) bool) error {
	form := url.Values{"PageSize": {strconv.Itoa(pageSize)}}
	for k, v := range filter {
		form[k] = v
	}
	for n := range maxPages {
		if !d.dialect.nextPageURI {
			form.Set("Page", strconv.Itoa(n))
		}
		r, err := d.do(ctx, op, http.MethodGet, path, form)
		if err != nil {
			return err
		}
		p, err := decodePage(r.body)
		if err != nil {
			return &voice.Error{Class: voice.ClassFatal, Op: op.name, Status: r.status, Cause: errors.New("reply is not the JSON expected")}
		}
		if !each(p, r) {
			return nil
		}
		rows := len(p.Calls) + len(p.Conferences) + len(p.Participants) + len(p.Numbers)
		if d.dialect.nextPageURI {
			if p.NextPageURI == "" {
				return nil
			}
			if path, err = d.sameHost(string(p.NextPageURI)); err != nil {
				return &voice.Error{Class: voice.ClassFatal, Op: op.name, Cause: err}
			}
			form = nil
		} else if rows < pageSize {
			return nil
		}
	}
	return &voice.Error{Class: voice.ClassRetryable, Op: op.name, Cause: fmt.Errorf("more than %d pages", maxPages)}
}

// sameHost resolves a link of the platform, which must not lead elsewhere: our
// credentials go with it.
func (d *Driver) sameHost(ref string) (string, error) {
	u, err := d.base.Parse(ref)
	if err != nil || u.Scheme != d.base.Scheme || u.Host != d.base.Host {
		return "", errors.New("next page is on another host")
	}
	return u.String(), nil
}
