package rules

import (
	"cmp"
	"math"
	"strconv"
	"strings"

	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
)

// scalarEqual is `==`. An array or an object on either side is never equal;
// two missing values are. A number equals text that spells it.
func scalarEqual(l, r ref.Val) bool {
	// The common cases first.
	switch a := l.(type) {
	case types.String:
		if b, ok := r.(types.String); ok {
			return a == b
		}
	case types.Int:
		if b, ok := r.(types.Int); ok {
			return a == b
		}
	}
	lk, rk := kindOf(l), kindOf(r)
	switch {
	case lk >= kindArray || rk >= kindArray:
		return false
	case lk == kindNull || rk == kindNull:
		return lk == rk
	case lk == kindBool || rk == kindBool:
		return lk == rk && l.(types.Bool) == r.(types.Bool)
	}
	order, ok := compare(l, r, lk, rk)
	return ok && order == 0
}

// scalarNotEqual is `!=`. It is not the negation of `==`: with an array or an
// object it is false too.
func scalarNotEqual(l, r ref.Val) bool {
	return kindOf(l) < kindArray && kindOf(r) < kindArray && !scalarEqual(l, r)
}

// scalarOrder compares numbers, text that spells numbers with numbers, and
// text by code point. Nothing else has an order.
func scalarOrder(l, r ref.Val) (int, bool) {
	lk, rk := kindOf(l), kindOf(r)
	if lk < kindInt || rk < kindInt || lk >= kindArray || rk >= kindArray {
		return 0, false
	}
	return compare(l, r, lk, rk)
}

// compare orders two values that are numbers or text.
func compare(l, r ref.Val, lk, rk valueKind) (int, bool) {
	if lk == kindText && rk == kindText {
		return strings.Compare(string(l.(types.String)), string(r.(types.String))), true
	}
	ok := true
	if lk == kindText {
		l, lk, ok = numericText(string(l.(types.String)))
	} else if rk == kindText {
		r, rk, ok = numericText(string(r.(types.String)))
	}
	if !ok {
		return 0, false
	}
	switch {
	case lk == kindInt && rk == kindInt:
		return cmp.Compare(l.(types.Int), r.(types.Int)), true
	case lk == kindDouble && rk == kindDouble:
		return cmp.Compare(l.(types.Double), r.(types.Double)), true
	case lk == kindInt:
		return compareIntDouble(int64(l.(types.Int)), float64(r.(types.Double))), true
	}
	return -compareIntDouble(int64(r.(types.Int)), float64(l.(types.Double))), true
}

// compareIntDouble is exact where a conversion of the integer would round.
func compareIntDouble(i int64, f float64) int {
	switch {
	case f >= math.MaxInt64:
		return -1
	case f < math.MinInt64:
		return 1
	}
	whole := math.Trunc(f)
	if order := cmp.Compare(i, int64(whole)); order != 0 {
		return order
	}
	return cmp.Compare(whole, f)
}

// numericText reads text as a decimal number: sign, digits, fraction,
// exponent, and nothing around them. Hexadecimal, "NaN" and "Inf" are words.
func numericText(s string) (ref.Val, valueKind, bool) {
	if s == "" || len(s) > 64 {
		return nil, kindNull, false
	}
	digit := false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c >= '0' && c <= '9':
			digit = true
		case c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E':
		default:
			return nil, kindNull, false
		}
	}
	if !digit {
		return nil, kindNull, false
	}
	if i, err := strconv.ParseInt(s, 10, 64); err == nil {
		return types.Int(i), kindInt, true
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil && !math.IsInf(f, 0) {
		return nil, kindNull, false
	}
	return types.Double(f), kindDouble, true
}
