package logging

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// masked stands in the log where a value must not.
const masked = "<redacted>"

// secretWords are parts of field keys whose values are never written.
var secretWords = []string{
	"attributes", "auth_token", "authorization", "body", "caller", "cookie", "email", "password",
	"payload", "phone", "secret", "sealing", "signature", "token",
}

// secretKeys are whole field keys whose values are never written.
var secretKeys = map[string]bool{"from": true, "to": true, "digits": true, "input": true, "result": true}

// plainKeys hold machine-made values: their digits are never a telephone number.
var plainKeys = map[string]bool{
	KeyAddress: true, KeyHost: true, KeyClientIP: true, KeyDeadline: true, KeyInstance: true,
	KeyRequestID: true, KeyRoute: true, KeyRunID: true, KeyVersion: true, KeyNamespace: true,
}

var (
	// phonePattern matches E.164 numbers: a plus sign and 7 to 15 digits, with
	// the punctuation people put between them.
	phonePattern = regexp.MustCompile(`(?:\+|%2[Bb])[0-9](?:[ ().-]{0,2}[0-9]){6,14}`)
	// sipPattern matches the user part of a SIP address.
	sipPattern = regexp.MustCompile(`(?i)\b(sips?):[^@\s>"]+@`)
	// urlPattern matches URLs, whose user, path and query are dropped.
	urlPattern = regexp.MustCompile(`(?i)\b(https?|wss?|postgres(?:ql)?|redis)://[^\s"'<>]+`)
	// basicPattern matches credentials in an Authorization header.
	basicPattern = regexp.MustCompile(`(?i)\b(basic|bearer)\s+[A-Za-z0-9+/=._~-]{8,}`)
	// pairPattern matches secrets in key=value and key: value text.
	pairPattern = regexp.MustCompile(`(?i)\b([a-z_]*(?:token|password|secret|signature))(["']?\s*[=:]\s*["']?)[^\s,;&"']+`)
)

// Redact masks what must not be read in a log: telephone numbers, SIP users,
// credentials, and all of a URL but its scheme and host.
func Redact(text string) string {
	if !suspicious(text) {
		return text
	}
	text = urlPattern.ReplaceAllStringFunc(text, redactURL)
	text = basicPattern.ReplaceAllString(text, "$1 "+masked)
	text = pairPattern.ReplaceAllString(text, "$1$2"+masked)
	text = sipPattern.ReplaceAllString(text, "$1:"+masked+"@")
	return phonePattern.ReplaceAllString(text, masked)
}

// suspicious is a cheap test that spares most values the patterns.
func suspicious(text string) bool {
	return strings.ContainsAny(text, "+@:=%") || strings.Contains(text, " ")
}

func redactURL(raw string) string {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" {
		return masked
	}
	return u.Scheme + "://" + u.Host + "/…"
}

// SecretKey reports whether the value of a field with this key is never
// written, whatever it looks like.
func SecretKey(key string) bool {
	key = strings.ToLower(key)
	if secretKeys[key] {
		return true
	}
	for _, word := range secretWords {
		if strings.Contains(key, word) {
			return true
		}
	}
	return false
}

// redactCore masks messages and fields before the core below encodes them.
type redactCore struct{ zapcore.Core }

// With implements zapcore.Core.
func (c redactCore) With(fields []zapcore.Field) zapcore.Core {
	return redactCore{c.Core.With(redactFields(fields))}
}

// Check implements zapcore.Core.
func (c redactCore) Check(e zapcore.Entry, ce *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if c.Enabled(e.Level) {
		return ce.AddCore(e, c)
	}
	return ce
}

// Write implements zapcore.Core.
func (c redactCore) Write(e zapcore.Entry, fields []zapcore.Field) error {
	e.Message = Redact(e.Message)
	return c.Core.Write(e, redactFields(fields))
}

// redactFields copies fields only when one of them changes: the caller may
// still hold the slice.
func redactFields(fields []zapcore.Field) []zapcore.Field {
	var out []zapcore.Field
	for i, f := range fields {
		clean, changed := redactField(f)
		if !changed {
			continue
		}
		if out == nil {
			out = append(make([]zapcore.Field, 0, len(fields)), fields...)
		}
		out[i] = clean
	}
	if out == nil {
		return fields
	}
	return out
}

func redactField(f zapcore.Field) (zapcore.Field, bool) {
	if SecretKey(f.Key) && f.Type != zapcore.NamespaceType && f.Type != zapcore.SkipType {
		return zap.String(f.Key, masked), true
	}
	if plainKeys[f.Key] {
		return f, false
	}
	var text string
	switch f.Type {
	case zapcore.StringType:
		text = f.String
	case zapcore.ErrorType:
		err, ok := f.Interface.(error)
		if !ok || err == nil {
			return f, false
		}
		// The verbose form of an error (%+v) is not written at all: nobody
		// can promise what a foreign error puts there.
		return zap.String(f.Key, Redact(err.Error())), true
	case zapcore.StringerType:
		text = safeString(f.Interface)
	case zapcore.ByteStringType:
		b, _ := f.Interface.([]byte)
		text = string(b)
	case zapcore.ReflectType:
		// Structures are for machines to read; in a log they are written as
		// text, so that the patterns can see into them.
		text = fmt.Sprintf("%v", f.Interface)
		return zap.String(f.Key, Redact(text)), true
	default:
		return f, false
	}
	clean := Redact(text)
	if clean == text {
		return f, false
	}
	return zap.String(f.Key, clean), true
}

// safeString renders a Stringer; a nil pointer in one must not end the process.
func safeString(v any) (s string) {
	defer func() {
		if recover() != nil {
			s = "<nil>"
		}
	}()
	if str, ok := v.(fmt.Stringer); ok {
		return str.String()
	}
	return ""
}
