package store

import (
	"encoding/json"
	"time"
)

// micros is an instant as it is stored; the zero time is 0. Anything finer
// than a microsecond is lost.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// instant reverses micros; the result is in UTC.
func instant(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}

// span is a duration as it is stored.
func span(d time.Duration) int64 { return d.Microseconds() }

// duration reverses span.
func duration(us int64) time.Duration { return time.Duration(us) * time.Microsecond }

// encodeMap writes text maps as JSON with sorted keys; nil and empty are "".
func encodeMap(m map[string]string) string {
	if len(m) == 0 {
		return ""
	}
	b, err := json.Marshal(m)
	if err != nil { // a map of strings always encodes
		return ""
	}
	return string(b)
}

// decodeMap reverses encodeMap; it returns an empty map for "".
func decodeMap(s string) map[string]string {
	m := map[string]string{}
	if s != "" {
		_ = json.Unmarshal([]byte(s), &m) // only encodeMap writes these columns
	}
	return m
}

// encodeList writes texts as a JSON array; empty is "".
func encodeList(l []string) string {
	if len(l) == 0 {
		return ""
	}
	b, err := json.Marshal(l)
	if err != nil { // a list of strings always encodes
		return ""
	}
	return string(b)
}

// decodeList reverses encodeList.
func decodeList(s string) []string {
	if s == "" {
		return nil
	}
	var l []string
	_ = json.Unmarshal([]byte(s), &l) // only encodeList writes these columns
	return l
}

// mapped converts every element of a slice.
func mapped[A, B any](in []A, f func(A) B) []B {
	out := make([]B, len(in))
	for i, a := range in {
		out[i] = f(a)
	}
	return out
}
