package wire

import (
	"strconv"
	"strings"
)

// noVersion is a version no entity has: it makes every comparison fail.
const noVersion int64 = -1

// ETag renders the version of an entity as a strong entity tag.
func ETag(version int64) string { return `"` + strconv.FormatInt(version, 10) + `"` }

// ParseIfMatch reads an If-Match header: "3", 3 and W/"3" name version 3. A
// missing header and * ask for nothing and give nil. Anything else gives a
// version that matches no entity, so that nothing is changed by mistake.
func ParseIfMatch(header string) *int64 {
	s := strings.TrimSpace(header)
	if s == "" || s == "*" {
		return nil
	}
	s = strings.TrimPrefix(s, "W/")
	if len(s) >= 2 && s[0] == '"' && s[len(s)-1] == '"' {
		s = s[1 : len(s)-1]
	}
	version := noVersion
	if n, err := strconv.ParseInt(s, 10, 64); err == nil && n >= 0 {
		version = n
	}
	return &version
}
