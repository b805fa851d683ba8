package wire

import (
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // the public signature scheme is HMAC-SHA1
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"net/url"
	"slices"
	"sort"
	"strings"
)

// SignatureHeader carries the signature of a webhook.
const SignatureHeader = "X-Twilio-Signature"

// bodyHash is the query parameter that covers a body that is not a form.
const bodyHash = "bodySHA256"

// Sign computes the signature of a webhook as
// https://www.twilio.com/docs/usage/webhooks/webhooks-security describes it.
// rawURL is the URL exactly as configured, query included; form is nil unless
// the request is a form POST. The distinct values of a repeated name are taken
// in byte order.
func Sign(rawURL string, form url.Values, token string) string {
	return sign(rawURL, signedForm(form), token)
}

// Validate reports whether a signature is that of a request. As receivers
// cannot know how the sender wrote the URL, it is tried as given, with the
// scheme's default port, and without a port. It takes the same time whichever
// form matches and wherever the signatures differ.
func Validate(rawURL string, form url.Values, token, signature string) bool {
	text := signedForm(form)
	matched := 0
	for _, u := range portForms(rawURL) {
		matched |= subtle.ConstantTimeCompare([]byte(sign(u, text, token)), []byte(signature))
	}
	return matched == 1 && token != ""
}

// WithBodyHash returns the URL a body that is not a form is sent to: it
// carries the body's hash, and the URL alone is signed.
func WithBodyHash(rawURL string, body []byte) string {
	separator := "?"
	if strings.Contains(rawURL, "?") {
		separator = "&"
	}
	sum := sha256.Sum256(body)
	return rawURL + separator + bodyHash + "=" + hex.EncodeToString(sum[:])
}

// ValidateBody is Validate for a body that is not a form: the URL must carry
// the body's hash.
func ValidateBody(rawURL string, body []byte, token, signature string) bool {
	u, err := url.Parse(rawURL)
	if err != nil {
		return false
	}
	sum := sha256.Sum256(body)
	claimed := strings.ToLower(u.Query().Get(bodyHash))
	same := subtle.ConstantTimeCompare([]byte(claimed), []byte(hex.EncodeToString(sum[:]))) == 1
	return Validate(rawURL, nil, token, signature) && same
}

func sign(rawURL, form, token string) string {
	mac := hmac.New(sha1.New, []byte(token))
	mac.Write([]byte(rawURL))
	mac.Write([]byte(form))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

func signedForm(form url.Values) string {
	names := make([]string, 0, len(form))
	for name := range form {
		names = append(names, name)
	}
	sort.Strings(names)
	var b strings.Builder
	for _, name := range names {
		values := slices.Clone(form[name])
		slices.Sort(values)
		for _, v := range slices.Compact(values) {
			b.WriteString(name)
			b.WriteString(v)
		}
	}
	return b.String()
}

// portForms lists the ways a URL may have been written as to its port. The
// rest of the text is left untouched.
func portForms(rawURL string) []string {
	forms := []string{rawURL}
	scheme, rest, ok := strings.Cut(rawURL, "://")
	if !ok {
		return forms
	}
	end := strings.IndexAny(rest, "/?#")
	if end < 0 {
		end = len(rest)
	}
	authority, tail := rest[:end], rest[end:]
	host := authority
	if i := strings.LastIndexByte(authority, ':'); i > strings.LastIndexByte(authority, ']') && i > strings.LastIndexByte(authority, '@') {
		host = authority[:i]
	}
	port := map[string]string{"https": "443", "http": "80"}[strings.ToLower(scheme)]
	if host == authority && port != "" {
		return append(forms, scheme+"://"+host+":"+port+tail)
	}
	return append(forms, scheme+"://"+host+tail)
}
