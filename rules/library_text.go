package rules

import (
	"math"
	"strconv"
	"strings"

	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
)

// textContains is `CONTAINS`, case-sensitive. Numbers and booleans take part
// as their text; nothing contains, or is contained in, a missing value, an
// array or an object.
func textContains(l, r ref.Val) bool {
	text, ok := textForm(l)
	if !ok {
		return false
	}
	part, ok := textForm(r)
	return ok && strings.Contains(text, part)
}

// textForm is a scalar as text; 5.0 is "5", since it equals 5.
func textForm(v ref.Val) (string, bool) {
	switch v := v.(type) {
	case types.String:
		return string(v), true
	case types.Int:
		return strconv.FormatInt(int64(v), 10), true
	case types.Double:
		format := byte('f')
		if math.Abs(float64(v)) >= 1e21 {
			format = 'e'
		}
		return strconv.FormatFloat(float64(v), format, -1, 64), true
	case types.Bool:
		return strconv.FormatBool(bool(v)), true
	}
	return "", false
}
