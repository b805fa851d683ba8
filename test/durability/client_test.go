package durability

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/stretchr/testify/require"
)

// record is a resource as the API shows it.
type record map[string]any

func (r record) text(key string) string { s, _ := r[key].(string); return s }
func (r record) number(key string) int  { n, _ := r[key].(float64); return int(n) }

// api speaks REST to whichever life of the router listens now.
type api struct {
	base, account, token string
	client               *http.Client
	// key makes several requests one; empty for none.
	key string
}

// once is a client whose requests with the same key are one.
func (a *api) once(key string) *api {
	out := *a
	out.key = key
	return &out
}

func (s *system) api() *api {
	return &api{
		base: "http://" + s.listen + "/v1", account: s.env["TASKROUTER_ACCOUNT_SID"], token: s.env["TASKROUTER_AUTH_TOKEN"],
		// A connection to a process that was killed is of no use to the next.
		client: &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}},
	}
}

// refused is an answer that is not 2xx.
type refused struct {
	status int
	body   string
}

func (e *refused) Error() string { return fmt.Sprintf("status %d: %s", e.status, e.body) }

// form makes a form of pairs of name and value.
func form(pairs ...string) url.Values {
	v := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		v.Add(pairs[i], pairs[i+1])
	}
	return v
}

func (a *api) get(path string, into any) error { return a.do(http.MethodGet, path, nil, into) }

func (a *api) post(path string, f url.Values) (record, error) {
	out := record{}
	return out, a.do(http.MethodPost, path, f, &out)
}

func (a *api) do(method, path string, f url.Values, into any) error {
	target := path
	if !strings.HasPrefix(path, "http") {
		target = a.base + path
	}
	req, err := http.NewRequest(method, target, strings.NewReader(f.Encode()))
	if err != nil {
		return err
	}
	req.SetBasicAuth(a.account, a.token)
	if a.key != "" {
		req.Header.Set("Idempotency-Key", a.key)
	}
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return send(a.client, req, into)
}

func send(c *http.Client, req *http.Request, into any) error {
	resp, err := c.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode/100 != 2 {
		return &refused{resp.StatusCode, string(body)}
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(body, into)
}

// list reads all pages of a collection.
func (a *api) list(path, key string) ([]record, error) {
	var out []record
	for next := path; next != ""; {
		var page struct {
			Meta struct {
				Next *string `json:"next_page_url"`
			} `json:"meta"`
		}
		var raw json.RawMessage
		if err := a.get(next, &raw); err != nil {
			return nil, err
		}
		members := map[string]json.RawMessage{}
		if err := json.Unmarshal(raw, &members); err != nil {
			return nil, err
		}
		if err := json.Unmarshal(raw, &page); err != nil {
			return nil, err
		}
		var rows []record
		if err := json.Unmarshal(members[key], &rows); err != nil {
			return nil, fmt.Errorf("%s of %s: %w", key, next, err)
		}
		out = append(out, rows...)
		next = ""
		if page.Meta.Next != nil {
			next = *page.Meta.Next
		}
	}
	return out, nil
}

// must is a post that has to succeed.
func (s *system) must(path string, f url.Values) record {
	s.t.Helper()
	out, err := s.api().post(path, f)
	require.NoError(s.t, err, path)
	return out
}

// phoneCall is one call as the platform sees it.
type phoneCall struct {
	SID     string `json:"call_sid"`
	From    string `json:"from"`
	To      string `json:"to"`
	State   string `json:"state"`
	Room    string `json:"room"`
	Bridged bool   `json:"bridged"`
}

func (c phoneCall) live() bool { return c.State != "ended" }

func (p *platform) do(method, path string, in, out any) error {
	var body bytes.Buffer
	if in != nil {
		if err := json.NewEncoder(&body).Encode(in); err != nil {
			return err
		}
	}
	req, err := http.NewRequest(method, p.control+path, &body)
	if err != nil {
		return err
	}
	return send(http.DefaultClient, req, out)
}

// call lets a customer call a number of the router.
func (p *platform) call(from, to, router string) string {
	p.t.Helper()
	base := "http://" + router + "/callqueue"
	var out struct {
		SID string `json:"call_sid"`
	}
	require.NoError(p.t, p.do(http.MethodPost, "/calls", map[string]any{
		"from": from, "to": to, "voice_url": base + "/callback", "status_url": base + "/status", "fallback_url": base + "/fallback",
	}, &out))
	return out.SID
}

// phones says what phones do by themselves: answer, manual, no-answer ….
func (p *platform) phones(pattern, do string, after, hangUpAfter time.Duration) {
	p.t.Helper()
	require.NoError(p.t, p.do(http.MethodPost, "/phones", map[string]any{
		"pattern": pattern, "do": do, "after_ms": after.Milliseconds(), "hang_up_after_ms": hangUpAfter.Milliseconds(),
	}, nil))
}

// silence makes the platform keep its status notices to itself.
func (p *platform) silence(on bool) {
	p.t.Helper()
	require.NoError(p.t, p.do(http.MethodPost, "/faults", map[string]any{"callbacks": map[string]any{"suppress": on}}, nil))
}

// act lets the party of a call answer or hang up.
func (p *platform) act(sid, action string) error {
	return p.do(http.MethodPost, "/calls/"+sid+"/"+action, nil, nil)
}

// calls lists the calls that fit, such as to=client:ann.
func (p *platform) calls(query ...string) ([]phoneCall, error) {
	var out []phoneCall
	err := p.do(http.MethodGet, "/calls?"+form(query...).Encode(), nil, &out)
	return out, err
}

// placements counts the requests to ring somebody, by attempt and placement.
func (p *platform) placements() (map[string]int, error) {
	var seen []struct {
		Form url.Values `json:"form"`
	}
	if err := p.do(http.MethodGet, "/requests?op=originate", nil, &seen); err != nil {
		return nil, err
	}
	out := map[string]int{}
	for _, r := range seen {
		// …/callqueue/leg/{attempt}/status/{placement}
		_, rest, _ := strings.Cut(r.Form.Get("StatusCallback"), "/leg/")
		attempt, _, _ := strings.Cut(rest, "/")
		out[attempt]++
	}
	return out, nil
}
