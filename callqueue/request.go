package callqueue

import (
	"crypto/subtle"
	"errors"
	"mime"
	"net/http"
	"net/url"
	"strconv"

	"github.com/taskrouter/taskrouter/voice"
)

// maxBody is the longest webhook body, in bytes. Platforms send one or two
// thousand.
const maxBody = 64 << 10

// refusal is a request that is not served at all; its text is sent as it is.
type refusal struct {
	status int
	text   string
}

func (r *refusal) Error() string { return r.text }

var (
	errForbidden = &refusal{http.StatusForbidden, "forbidden"}
	errMalformed = &refusal{http.StatusBadRequest, "malformed request"}
	errTooLarge  = &refusal{http.StatusRequestEntityTooLarge, "request too large"}
	errNoCallSID = &refusal{http.StatusBadRequest, "CallSid is missing or malformed"}
)

// inbound is a webhook request: where it came from and what it says.
type inbound struct {
	http     *http.Request
	platform *Platform
	render   renderer
	// form is body and query together, body the parameters of the body alone:
	// only those are signed one by one.
	form, body url.Values
}

// call reads the parameters of a request about a leg.
func (in *inbound) call() (voice.Request, error) {
	req, err := voice.ParseRequest(in.form)
	if err != nil {
		return voice.Request{}, errNoCallSID
	}
	return req, nil
}

// retries is how often this document was asked for in vain.
func (in *inbound) retries() int {
	n, err := strconv.Atoi(in.form.Get(retryParam))
	if err != nil || n < 0 {
		return 0
	}
	return n
}

// retryParam counts retries in the query; keys already pressed travel along.
// Redirects use POST, which leaves the query alone on every platform.
const retryParam = "retry"

// again is the address of this request for the next retry.
func (in *inbound) again(public string) string {
	q := url.Values{retryParam: {strconv.Itoa(in.retries() + 1)}}
	if digits := in.form.Get("Digits"); digits != "" && len(digits) <= 8 {
		q.Set("Digits", digits)
	}
	return public + in.http.URL.EscapedPath() + "?" + q.Encode()
}

// readForm reads the parameters of a request: of the query, and of a body that
// is URL-encoded or multipart.
func readForm(r *http.Request) (form, body url.Values, err error) {
	if r.Method == http.MethodPost {
		// A body over the limit fails the read; it is never held in full.
		r.Body = http.MaxBytesReader(nil, r.Body, maxBody)
		kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
		if kind == "multipart/form-data" {
			err = r.ParseMultipartForm(maxBody)
			if r.MultipartForm != nil {
				defer func() { _ = r.MultipartForm.RemoveAll() }()
			}
		} else {
			err = r.ParseForm()
		}
	} else {
		err = r.ParseForm()
	}
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, nil, errTooLarge
	case err != nil:
		return nil, nil, errMalformed
	}
	return r.Form, r.PostForm, nil
}

// platform finds out who sent a request. A secret names its platform; without
// one only platforms that need none are considered, told apart by the account
// and the version they speak of.
func (h *Handler) platform(secret string, form url.Values) *Platform {
	var open []*Platform
	for i := range h.opt.Platforms {
		p := &h.opt.Platforms[i]
		switch {
		case secret == "" && p.Secret == "":
			open = append(open, p)
		case secret != "" && p.Secret != "" && subtle.ConstantTimeCompare([]byte(secret), []byte(p.Secret)) == 1:
			return p
		}
	}
	account, flavour := form.Get("AccountSid"), voice.DetectFlavour(form)
	criteria := []func(*Platform) bool{
		func(p *Platform) bool { return p.AccountSID != "" && p.AccountSID == account },
		func(p *Platform) bool { return p.Default && p.Flavour == flavour },
		func(p *Platform) bool { return p.Flavour == flavour },
		func(p *Platform) bool { return p.Default },
		func(*Platform) bool { return len(open) == 1 },
	}
	for _, fits := range criteria {
		for _, p := range open {
			if fits(p) {
				return p
			}
		}
	}
	return nil
}
