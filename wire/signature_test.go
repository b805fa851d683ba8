package wire_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/wire"
)

// The URL, form, token and signatures of the public client libraries' own
// tests: whoever validates with them accepts what we sign.
const (
	signedURL = "https://mycompany.com/myapp.php?foo=1&bar=2"
	token     = "12345"
	signature = "vOEb5UThFn24KEfnOFLQY2AE5FY="
)

func signedForm() url.Values {
	return url.Values{
		"Digits": {"1234"}, "CallSid": {"CA1234567890ABCDE"}, "To": {"+18005551212"}, "Caller": {"+14158675309"},
		"From": {"+14158675309"}, "ReasonConferenceEnded": {"test"}, "Reason": {"Participant"},
	}
}

func TestSign(t *testing.T) {
	require.Equal(t, signature, wire.Sign(signedURL, signedForm(), token))
	require.NotEqual(t, signature, wire.Sign(signedURL, signedForm(), "12346"))
}

func TestSignRepeatedNames(t *testing.T) {
	once := wire.Sign(signedURL, url.Values{"Event": {"a", "b"}, "X": {"1"}}, token)
	require.Equal(t, once, wire.Sign(signedURL, url.Values{"Event": {"b", "a", "b"}, "X": {"1"}}, token))
	require.Equal(t, wire.Sign(signedURL+"EventaEventbX1", nil, token), once)
}

func TestValidate(t *testing.T) {
	form := signedForm()
	require.True(t, wire.Validate(signedURL, form, token, signature))
	require.True(t, wire.Validate(strings.Replace(signedURL, ".com", ".com:443", 1), form, token, signature), "signed without its port")
	require.True(t, wire.Validate(strings.Replace(signedURL, ".com", ".com:1234", 1), form, token, signature))
	withPort := wire.Sign(strings.Replace(signedURL, ".com", ".com:443", 1), form, token)
	require.True(t, wire.Validate(signedURL, form, token, withPort), "signed with the default port")
	plain := strings.Replace(signedURL, "https", "http", 1)
	require.True(t, wire.Validate(plain, form, token, wire.Sign(strings.Replace(plain, ".com", ".com:80", 1), form, token)))

	for name, ok := range map[string]bool{
		"wrong signature": wire.Validate(signedURL, form, token, "wrong"),
		"empty signature": wire.Validate(signedURL, form, token, ""),
		"other token":     wire.Validate(signedURL, form, "12346", signature),
		"empty token":     wire.Validate(signedURL, form, "", wire.Sign(signedURL, form, "")),
		"other path":      wire.Validate(strings.Replace(signedURL, "php", "asp", 1), form, token, signature),
		"other value":     wire.Validate(signedURL, url.Values{"Digits": {"1"}}, token, signature),
		"other port":      wire.Validate(strings.Replace(signedURL, ".com", ".com:80", 1), form, token, withPort),
		"no URL":          wire.Validate("", form, token, signature),
	} {
		require.False(t, ok, name)
	}
	user := "https://user:pass@[2001:db8::1]/x"
	require.True(t, wire.Validate("https://user:pass@[2001:db8::1]:443/x", nil, token, wire.Sign(user, nil, token)))
}

func TestValidateBody(t *testing.T) {
	body := []byte(`{"property": "value", "boolean": true}`)
	sent := wire.WithBodyHash(signedURL, body)
	require.Equal(t, signedURL+"&bodySHA256=0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620", sent)
	require.Equal(t, "a9nBmqA0ju/hNViExpshrM61xv4=", wire.Sign(sent, nil, token))
	require.True(t, wire.ValidateBody(sent, body, token, "a9nBmqA0ju/hNViExpshrM61xv4="))
	require.False(t, wire.ValidateBody(sent, []byte(`{}`), token, "a9nBmqA0ju/hNViExpshrM61xv4="))
	require.False(t, wire.ValidateBody(signedURL, body, token, signature))
	require.False(t, wire.ValidateBody("%", body, token, signature))
	require.True(t, strings.HasPrefix(wire.WithBodyHash("https://a.example/x", body), "https://a.example/x?bodySHA256="))
}
