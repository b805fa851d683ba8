package fake

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/taskrouter/taskrouter/voice"
)

// maxDocument is the longest reply that is read.
const maxDocument = 1 << 20

// paramsLocked are the parameters every request about a leg carries.
func (n *Network) paramsLocked(l *leg) url.Values {
	p := url.Values{
		"CallSid": {l.sid}, "AccountSid": {n.opt.AccountSID}, "From": {l.from}, "To": {l.to},
		"CallStatus": {statusWord(l)}, "Direction": {string(l.direction)},
	}
	if l.parent != nil {
		p.Set("ParentCallSid", l.parent.sid)
	}
	if n.opt.Emulate == voice.FlavourRestcomm {
		p.Set("ApiVersion", "2012-04-24")
		p.Set("InstanceId", l.sid[:strings.IndexByte(l.sid, '-')])
		p.Set("CallTimestamp", l.createdAt.UTC().Format("2006-01-02T15:04:05.000Z"))
		p.Set("CallerName", orNull(l.caller.CallerName))
		p.Set("ForwardedFrom", "null")
		return p
	}
	p.Set("ApiVersion", "2010-04-01")
	p.Set("Caller", l.from)
	p.Set("Called", l.to)
	if l.caller.CallerName != "" {
		p.Set("CallerName", l.caller.CallerName)
	}
	for k, v := range l.caller.Geo {
		p.Set(k, v)
	}
	return p
}

func orNull(s string) string {
	if s == "" {
		return "null"
	}
	return s
}

// post delivers a notice; the reply does not matter.
func (n *Network) post(to string, form url.Values) {
	resp, err := n.send(n.ctx, http.MethodPost, to, form)
	if err != nil {
		return
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, maxDocument))
	_ = resp.Body.Close()
}

// send makes one webhook request.
func (n *Network) send(ctx context.Context, method, to string, form url.Values) (*http.Response, error) {
	u, err := url.Parse(to)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return nil, fmt.Errorf("not an http address")
	}
	u.Fragment = ""
	ctx, cancel := context.WithTimeout(ctx, defaultFetchLimit)
	var req *http.Request
	if strings.EqualFold(method, http.MethodGet) {
		q := u.Query()
		if n.opt.Emulate == voice.FlavourRestcomm {
			q = url.Values{} // replaces our query instead of adding to it
		}
		for k, vs := range form {
			q[k] = append(q[k], vs...)
		}
		u.RawQuery = q.Encode()
		form = url.Values{}
		req, err = http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	} else {
		req, err = http.NewRequestWithContext(ctx, http.MethodPost, u.String(), strings.NewReader(form.Encode()))
		if err == nil {
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=UTF-8")
		}
	}
	if err != nil {
		cancel()
		return nil, err
	}
	req.Header.Set("Accept", "*/*")
	req.Header.Set("User-Agent", "taskrouter-fake/1")
	if n.opt.Sign != nil && n.opt.Emulate == voice.FlavourTwilio {
		req.Header.Set("X-Twilio-Signature", n.opt.Sign(u.String(), form))
	}
	resp, err := n.opt.Fetcher.Do(req)
	if err != nil {
		cancel()
		return nil, err
	}
	resp.Body = &cancelingBody{ReadCloser: resp.Body, cancel: cancel}
	return resp, nil
}

// cancelingBody releases the request's deadline with the body.
type cancelingBody struct {
	io.ReadCloser
	cancel context.CancelFunc
}

func (b *cancelingBody) Close() error {
	defer b.cancel()
	return b.ReadCloser.Close()
}

// fetchFailure is a document that could not be had, with Twilio's number for it.
type fetchFailure struct {
	code string
	err  error
}

func (e *fetchFailure) Error() string { return "document " + e.code + ": " + e.err.Error() }

// fetch requests a document for a leg.
func (n *Network) fetch(ctx context.Context, l *leg, t target) (document, error) {
	n.mu.Lock()
	form := n.paramsLocked(l)
	n.mu.Unlock()
	for k, v := range t.extra {
		form.Set(k, v)
	}
	resp, err := n.send(ctx, t.method, t.url, form)
	if err != nil {
		return document{}, &fetchFailure{"11200", err}
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxDocument))
	if err != nil {
		return document{}, &fetchFailure{"11200", err}
	}
	if resp.StatusCode/100 != 2 {
		return document{}, &fetchFailure{"11200", fmt.Errorf("status %d", resp.StatusCode)}
	}
	if strings.HasPrefix(resp.Header.Get("Content-Type"), "audio/") {
		return document{url: t.url, verbs: []element{{name: "Play", text: t.url}}}, nil
	}
	verbs, err := parseMarkup(body)
	if err != nil {
		return document{}, &fetchFailure{"12100", err}
	}
	return document{url: t.url, verbs: verbs}, nil
}

// load fetches a document, or the leg's fallback when that fails.
func (l *leg) load(t target) (document, bool) {
	doc, err := l.n.fetch(l.ctx, l, t)
	if err == nil {
		return doc, true
	}
	l.failed(err)
	if l.fallbackURL == "" || l.fallbackURL == t.url || l.ctx.Err() != nil {
		return document{}, false
	}
	extra := map[string]string{}
	var f *fetchFailure
	if errors.As(err, &f) && l.n.opt.Emulate == voice.FlavourTwilio {
		extra["ErrorCode"], extra["ErrorUrl"] = f.code, t.url
	}
	doc, err = l.n.fetch(l.ctx, l, target{url: l.fallbackURL, extra: extra})
	if err != nil {
		l.failed(err)
		return document{}, false
	}
	return doc, true
}

func (l *leg) failed(err error) {
	l.n.mu.Lock()
	defer l.n.mu.Unlock()
	l.n.hearLocked(l, "failed", err.Error())
}
