package codec_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/taskrouter/taskrouter/internal/codec"
)

const (
	token    = "token-of-the-operators"
	uiOrigin = "https://temporal.example.com"
)

// codecServer serves the codec as the API does.
func codecServer(t *testing.T, c *codec.Codec, o codec.HandlerOptions) string {
	mux := http.NewServeMux()
	mux.Handle("/codec/", c.Handler(o))
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s.URL + "/codec"
}

func ask(t *testing.T, method, url string, header map[string]string, body []byte) (*http.Response, []byte) {
	r, err := http.NewRequestWithContext(t.Context(), method, url, bytes.NewReader(body))
	require.NoError(t, err)
	for k, v := range header {
		r.Header.Set(k, v)
	}
	res, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer func() { _ = res.Body.Close() }()
	got, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return res, got
}

func payloadsOf(t *testing.T, p ...*commonpb.Payload) []byte {
	b, err := protojson.Marshal(&commonpb.Payloads{Payloads: p})
	require.NoError(t, err)
	return b
}

func TestHandlerDecodesAndEncodes(t *testing.T) {
	c := codecOf(t, 1)
	url := codecServer(t, c, codec.HandlerOptions{Token: token, Origin: uiOrigin, BodyLimit: 1 << 20})
	bearer := map[string]string{"Authorization": "Bearer " + token, "Content-Type": "application/json", "X-Namespace": "default"}
	basic := map[string]string{"Authorization": "Basic b3BlcmF0b3I6dG9rZW4tb2YtdGhlLW9wZXJhdG9ycw=="}
	plain := encode(t, codecOf(t), mail)
	for _, header := range []map[string]string{bearer, basic} {
		// The UI adds a query.
		res, body := ask(t, "POST", url+"/decode?preserveStorageRefs=true", header, payloadsOf(t, encode(t, c, mail), plain))
		require.Equal(t, http.StatusOK, res.StatusCode, string(body))
		var got commonpb.Payloads
		require.NoError(t, protojson.Unmarshal(body, &got))
		require.Len(t, got.GetPayloads(), 2)
		for _, p := range got.GetPayloads() {
			require.Equal(t, plain.GetData(), p.GetData())
		}
	}
	res, body := ask(t, "POST", url+"/encode", bearer, payloadsOf(t, plain))
	require.Equal(t, http.StatusOK, res.StatusCode)
	var sealed commonpb.Payloads
	require.NoError(t, protojson.Unmarshal(body, &sealed))
	back, err := decode(c, sealed.GetPayloads()[0])
	require.NoError(t, err)
	require.Equal(t, mail, back)

	res, body = ask(t, "POST", url+"/decode", bearer, payloadsOf(t, encode(t, codecOf(t, 9), mail)))
	require.Equal(t, http.StatusBadRequest, res.StatusCode)
	require.Contains(t, string(body), "temporal.encryption_keys")
	res, _ = ask(t, "GET", url+"/", basic, nil)
	require.Equal(t, http.StatusOK, res.StatusCode)
}

func TestHandlerRefuses(t *testing.T) {
	c := codecOf(t, 1)
	o := codec.HandlerOptions{Token: token, Origin: uiOrigin, BodyLimit: 2000}
	url := codecServer(t, c, o)
	body := payloadsOf(t, encode(t, c, mail))
	good := "Bearer " + token
	for name, tc := range map[string]struct {
		method, path, authorization, origin string
		body                                []byte
		status                              int
	}{
		"no token":        {"POST", "/decode", "", "", body, http.StatusUnauthorized},
		"another token":   {"POST", "/decode", "Bearer " + token + "x", "", body, http.StatusUnauthorized},
		"another scheme":  {"POST", "/decode", "Digest " + token, "", body, http.StatusUnauthorized},
		"no credentials":  {"GET", "/", "", "", nil, http.StatusUnauthorized},
		"another origin":  {"POST", "/decode", good, "https://evil.example.com", body, http.StatusForbidden},
		"its preflight":   {"OPTIONS", "/decode", "", "https://evil.example.com", nil, http.StatusForbidden},
		"the right one":   {"POST", "/decode", good, uiOrigin, body, http.StatusOK},
		"no browser":      {"POST", "/decode", good, "", body, http.StatusOK},
		"not a question":  {"GET", "/decode", good, "", nil, http.StatusNotFound},
		"another path":    {"POST", "/delete", good, "", body, http.StatusNotFound},
		"no payloads":     {"POST", "/decode", good, "", []byte("{"), http.StatusBadRequest},
		"a large request": {"POST", "/decode", good, "", bytes.Repeat([]byte(" "), 3000), http.StatusBadRequest},
	} {
		t.Run(name, func(t *testing.T) {
			header := map[string]string{}
			if tc.authorization != "" {
				header["Authorization"] = tc.authorization
			}
			if tc.origin != "" {
				header["Origin"] = tc.origin
			}
			res, answer := ask(t, tc.method, url+tc.path, header, tc.body)
			require.Equal(t, tc.status, res.StatusCode)
			require.NotContains(t, string(answer), token)
			if tc.origin != uiOrigin {
				require.Empty(t, res.Header.Get("Access-Control-Allow-Origin"))
			}
		})
	}
	o.Origin = ""
	res, _ := ask(t, "POST", codecServer(t, c, o)+"/decode", map[string]string{"Authorization": good, "Origin": uiOrigin}, body)
	require.Equal(t, http.StatusForbidden, res.StatusCode, "without a configured origin no page may ask")
}

// A browser asks first, without credentials, whether the UI may ask.
func TestHandlerAnswersThePreflight(t *testing.T) {
	url := codecServer(t, codecOf(t, 1), codec.HandlerOptions{Token: token, Origin: uiOrigin, BodyLimit: 1000})
	res, _ := ask(t, "OPTIONS", url+"/decode", map[string]string{
		"Origin": uiOrigin, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type,x-namespace,authorization",
	}, nil)
	require.Equal(t, http.StatusNoContent, res.StatusCode)
	require.Equal(t, uiOrigin, res.Header.Get("Access-Control-Allow-Origin"))
	require.Equal(t, "true", res.Header.Get("Access-Control-Allow-Credentials"))
	require.Contains(t, res.Header.Get("Access-Control-Allow-Headers"), "X-Namespace")
	require.Contains(t, res.Header.Get("Vary"), "Origin")
}
