package codec

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"strings"

	"go.temporal.io/sdk/converter"
)

// HandlerOptions say who may have payloads decrypted over HTTP.
type HandlerOptions struct {
	// Token must come with each request, as a bearer token or as the password
	// of basic authentication, whatever the user name. It must not be empty.
	Token string
	// Origin is where the Temporal UI is served, such as
	// https://temporal.example.com. Browsers let its pages, and no others, read
	// the answers. Empty lets none.
	Origin string
	// BodyLimit is the largest request in bytes.
	BodyLimit int64
}

// Paths below which the Handler answers.
const (
	pathDecode = "/decode"
	pathEncode = "/encode"
)

// Handler answers POST …/decode and …/encode, as the Temporal UI and its
// command line ask, and GET …/, where a browser can be made to ask for the token
// and remember it.
// https://docs.temporal.io/production-deployment/data-encryption
func (c *Codec) Handler(o HandlerOptions) http.Handler {
	payloads := converter.NewPayloadCodecHTTPHandler(c)
	want := sha256.Sum256([]byte(o.Token))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Add("Vary", "Origin")
		if origin := r.Header.Get("Origin"); origin != "" {
			if o.Origin == "" || origin != o.Origin {
				http.Error(w, "this origin may not use the codec", http.StatusForbidden)
				return
			}
			h.Set("Access-Control-Allow-Origin", origin)
			h.Set("Access-Control-Allow-Credentials", "true")
			if r.Method == http.MethodOptions {
				h.Set("Access-Control-Allow-Methods", "POST")
				h.Set("Access-Control-Allow-Headers", "Authorization, Authorization-Extras, Content-Type, X-Namespace")
				h.Set("Access-Control-Max-Age", "600")
				w.WriteHeader(http.StatusNoContent)
				return
			}
		}
		got := sha256.Sum256([]byte(credential(r)))
		if o.Token == "" || subtle.ConstantTimeCompare(got[:], want[:]) != 1 {
			h.Set("WWW-Authenticate", `Basic realm="taskrouter codec", charset="UTF-8"`)
			http.Error(w, "the codec token is required", http.StatusUnauthorized)
			return
		}
		switch {
		case r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, "/"):
			h.Set("Content-Type", "text/plain; charset=utf-8")
			_, _ = w.Write([]byte("This browser may use the codec now.\n"))
		case r.Method == http.MethodPost && (strings.HasSuffix(r.URL.Path, pathDecode) || strings.HasSuffix(r.URL.Path, pathEncode)):
			r.Body = http.MaxBytesReader(w, r.Body, o.BodyLimit)
			payloads.ServeHTTP(w, r)
		default:
			http.NotFound(w, r)
		}
	})
}

// credential is the token a request came with; empty when it has none.
func credential(r *http.Request) string {
	if _, password, ok := r.BasicAuth(); ok {
		return password
	}
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}
