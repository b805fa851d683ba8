package wire

import (
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/taskrouter/taskrouter/taskrouter"
)

// binder reads typed parameters out of a form or query. A method returns nil
// when the parameter was not sent. The first fault is kept in err and names
// its parameter; what is read after it does not matter.
type binder struct {
	values url.Values
	err    error
	// noted, when set, collects what the parser would check.
	noted *[]Parameter
}

func bind(values url.Values) *binder { return &binder{values: values} }

func (b *binder) fail(code int, format string, args ...any) {
	if b.err == nil {
		b.err = taskrouter.InvalidCode(code, format, args...)
	}
}

// fault is the first fault, or nil. It is a method so that a return statement
// reads it after the parameters beside it.
func (b *binder) fault() error { return b.err }

// text is the parameter as it was sent; the first one when it is repeated.
func (b *binder) text(name string) *string {
	b.note(Parameter{Name: name})
	values, sent := b.values[name]
	if !sent || len(values) == 0 {
		return nil
	}
	v := values[0]
	if !storable(v) {
		b.fail(0, "%s must be valid UTF-8 text without NUL", name)
		return nil
	}
	return &v
}

// storable reports whether every database takes the text.
func storable(s string) bool { return utf8.ValidString(s) && !strings.ContainsRune(s, 0) }

// required is text that must be sent and not be blank.
func (b *binder) required(name string) string {
	b.note(Parameter{Name: name, Required: true})
	v := b.text(name)
	if v == nil || strings.TrimSpace(*v) == "" {
		b.fail(0, "Missing required parameter %s", name)
		return ""
	}
	return *v
}

// name is a friendly name.
func (b *binder) name(param string) *string {
	b.note(Parameter{Name: param, MaxLength: taskrouter.MaxFriendlyNameLength})
	v := b.text(param)
	if v == nil {
		return nil
	}
	if strings.TrimSpace(*v) == "" {
		b.fail(0, "%s must not be empty", param)
	} else if utf8.RuneCountInString(*v) > taskrouter.MaxFriendlyNameLength {
		b.fail(0, "%s must be at most %d characters", param, taskrouter.MaxFriendlyNameLength)
	}
	return v
}

func (b *binder) requiredName(param string) string {
	b.required(param)
	return deref(b.name(param))
}

// all returns every value of a repeated parameter.
func (b *binder) all(name string) []string {
	b.note(Parameter{Name: name, Many: true})
	for _, v := range b.values[name] {
		if !storable(v) {
			b.fail(0, "%s must be valid UTF-8 text without NUL", name)
			return nil
		}
	}
	return b.values[name]
}

// split returns the values of a parameter that may be repeated, hold several
// values separated by commas, or both. Blank ones are dropped.
func (b *binder) split(name string) []string {
	var out []string
	for _, v := range b.all(name) {
		for part := range strings.SplitSeq(v, ",") {
			if part = strings.TrimSpace(part); part != "" {
				out = append(out, part)
			}
		}
	}
	return out
}

// flag is a boolean: true, 1 and yes in any letter case, anything else is false.
func (b *binder) flag(name string) *bool {
	b.note(Parameter{Name: name, Kind: KindBoolean})
	v := b.text(name)
	if v == nil {
		return nil
	}
	f := taskrouter.ParseBool(*v)
	return &f
}

// integer is a whole number of at least lo and, unless hi is zero, at most hi.
func (b *binder) integer(name string, lo, hi int64) *int64 {
	b.note(Parameter{Name: name, Kind: KindInteger, Min: lo, Max: hi})
	v := b.text(name)
	if v == nil {
		return nil
	}
	n, err := strconv.ParseInt(strings.TrimSpace(*v), 10, 64)
	switch {
	case err != nil:
		b.fail(0, "%s must be an integer", name)
		return nil
	case hi == 0 && n < lo:
		b.fail(0, "%s must be at least %d", name, lo)
		return nil
	case hi != 0 && (n < lo || n > hi):
		b.fail(0, "%s must be between %d and %d", name, lo, hi)
		return nil
	}
	return &n
}

// seconds is a whole number of seconds between lo and hi.
func (b *binder) seconds(name string, lo, hi time.Duration) *time.Duration {
	n := b.integer(name, int64(lo/time.Second), int64(hi/time.Second))
	if n == nil {
		return nil
	}
	d := time.Duration(*n) * time.Second
	return &d
}

// sid is a SID of one of the given kinds.
func (b *binder) sid(name string, prefixes ...taskrouter.Prefix) *string {
	return b.sidCode(0, name, prefixes...)
}

func (b *binder) sidCode(code int, name string, prefixes ...taskrouter.Prefix) *string {
	b.note(Parameter{Name: name, Kind: KindSID, Prefixes: prefixes})
	v := b.text(name)
	if v == nil {
		return nil
	}
	for _, p := range prefixes {
		if taskrouter.IsSID(p, *v) {
			return v
		}
	}
	b.fail(code, "%s is not a valid SID", name)
	return nil
}

// address is an absolute http or https URL; an empty one clears.
func (b *binder) address(name string) *string {
	b.note(Parameter{Name: name, Kind: KindAddress, MaxLength: maxURLLength})
	v := b.text(name)
	if v != nil && *v != "" && !isWebURL(*v) {
		b.fail(0, "%s must be an absolute http or https URL", name)
		return nil
	}
	return v
}

// maxURLLength bounds stored URLs.
const maxURLLength = 4096

func isWebURL(s string) bool {
	if len(s) > maxURLLength {
		return false
	}
	u, err := url.Parse(s)
	return err == nil && (strings.EqualFold(u.Scheme, "http") || strings.EqualFold(u.Scheme, "https")) && u.Hostname() != ""
}

// oneOf is one of a set of words, compared without case; the canonical
// spelling is returned.
func oneOf[S ~string](b *binder, name string, words ...S) *S {
	b.note(Parameter{Name: name, Words: texts(words)})
	v := b.text(name)
	if v == nil {
		return nil
	}
	return canonical(b, name, *v, words)
}

// someOfWords is a list of words of a set, in their canonical spelling.
func someOfWords[S ~string](b *binder, name string, words ...S) []S {
	b.note(Parameter{Name: name, Many: true, Words: texts(words)})
	var out []S
	for _, v := range b.split(name) {
		if w := canonical(b, name, v, words); w != nil {
			out = append(out, *w)
		}
	}
	return out
}

func canonical[S ~string](b *binder, name, value string, words []S) *S {
	value = strings.TrimSpace(value)
	for _, w := range words {
		if strings.EqualFold(string(w), value) {
			return &w
		}
	}
	b.fail(0, "%s must be one of %s", name, strings.Join(texts(words), ", "))
	return nil
}

// instant is a date and time. The second result is the smallest step the form
// it was written in can express.
func (b *binder) instant(name string) (*time.Time, time.Duration) {
	b.note(Parameter{Name: name, Kind: KindInstant})
	v := b.text(name)
	if v == nil {
		return nil, 0
	}
	t, step, ok := parseInstant(strings.TrimSpace(*v))
	if !ok {
		b.fail(0, "%s must be a date and time in ISO 8601 form", name)
		return nil, 0
	}
	return &t, step
}

// instantForms are the accepted spellings of a date and time; a fraction of a
// second is accepted after the seconds of each. Without an offset it is UTC.
var instantForms = []struct {
	layout string
	step   time.Duration
}{
	{time.RFC3339, time.Second},
	{"2006-01-02T15:04:05Z0700", time.Second},
	{"2006-01-02T15:04:05Z07", time.Second},
	{"2006-01-02T15:04:05", time.Second},
	{"2006-01-02 15:04:05Z07:00", time.Second},
	{"2006-01-02 15:04:05", time.Second},
	{"20060102T150405Z0700", time.Second},
	{"20060102T150405", time.Second},
	{"2006-01-02T15:04Z07:00", time.Minute},
	{"2006-01-02T15:04Z0700", time.Minute},
	{"2006-01-02T15:04", time.Minute},
	{"2006-01-02", 24 * time.Hour},
	{"20060102", 24 * time.Hour},
}

func parseInstant(s string) (time.Time, time.Duration, bool) {
	s = strings.ToUpper(s)
	for _, f := range instantForms {
		t, err := time.Parse(f.layout, s)
		if err != nil || t.Year() < 1 || t.Year() > 9999 {
			continue
		}
		if f.step == time.Second && strings.ContainsAny(s, ".,") {
			return t.UTC(), time.Microsecond, true
		}
		return t.UTC(), f.step, true
	}
	return time.Time{}, 0, false
}

// deref is the value behind a pointer, or the zero value.
func deref[T any](p *T) T {
	var zero T
	if p == nil {
		return zero
	}
	return *p
}
