package rules

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"

	"github.com/taskrouter/taskrouter/taskrouter"
)

// Document is a decoded attributes document. Decode once per version and
// share: it is immutable. The zero Document is empty.
type Document struct{ root *object }

// fields is a decoded JSON object.
type fields struct {
	values map[string]ref.Val
	names  []string // sorted
}

func (f *fields) member(name string) (ref.Val, bool) {
	v, ok := f.values[name]
	return v, ok
}

func (f *fields) members() []string { return f.names }

var emptyObject = &object{source: &fields{}}

// maxDocumentDepth is far beyond what fits into an attributes document that
// means something; it keeps recursion over a hostile one shallow.
const maxDocumentDepth = 512

// ParseDocument decodes attributes. Integers that fit are 64-bit integers,
// other numbers are doubles; of repeated members the last counts. The empty
// text is the empty document; anything that is not one JSON object is an
// error of kind invalid.
func ParseDocument(a taskrouter.Attributes) (Document, error) {
	if strings.TrimSpace(string(a)) == "" {
		return Document{}, nil
	}
	d := json.NewDecoder(bytes.NewReader([]byte(a)))
	d.UseNumber()
	var raw map[string]any
	if err := d.Decode(&raw); err != nil || raw == nil {
		return Document{}, taskrouter.Invalidf("Attributes must be a JSON object")
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return Document{}, taskrouter.Invalidf("Attributes must be one JSON object")
	}
	v, err := decode(raw, 0)
	if err != nil {
		return Document{}, err
	}
	return Document{root: v.(*object)}, nil
}

func (d Document) object() *object {
	if d.root == nil {
		return emptyObject
	}
	return d.root
}

func decode(v any, depth int) (ref.Val, error) {
	if depth > maxDocumentDepth {
		return nil, taskrouter.Invalidf("Attributes are nested deeper than %d", maxDocumentDepth)
	}
	switch v := v.(type) {
	case nil:
		return types.NullValue, nil
	case bool:
		return types.Bool(v), nil
	case string:
		return types.String(v), nil
	case json.Number:
		return number(string(v)), nil
	case []any:
		items := make([]ref.Val, len(v))
		for i, e := range v {
			item, err := decode(e, depth+1)
			if err != nil {
				return nil, err
			}
			items[i] = item
		}
		return types.NewRefValList(types.DefaultTypeAdapter, items), nil
	case map[string]any:
		f := &fields{values: make(map[string]ref.Val, len(v)), names: make([]string, 0, len(v))}
		for name, e := range v {
			item, err := decode(e, depth+1)
			if err != nil {
				return nil, err
			}
			f.values[name] = item
			f.names = append(f.names, name)
		}
		slices.Sort(f.names)
		return &object{source: f}, nil
	}
	return nil, taskrouter.Errorf(taskrouter.KindInternal, "unexpected JSON value")
}

// number decodes the text of a JSON number.
func number(s string) ref.Val {
	if i, err := strconv.ParseInt(s, 10, 64); err == nil {
		return types.Int(i)
	}
	f, _ := strconv.ParseFloat(s, 64) // beyond the range it is an infinity
	return types.Double(max(-math.MaxFloat64, min(f, math.MaxFloat64)))
}

// lookup returns the value at a path as PathString writes it.
func (d Document) lookup(path string) (ref.Val, bool) {
	var v ref.Val = d.object()
	for path != "" {
		var step string
		step, path = splitPath(path)
		switch at := v.(type) {
		case *object:
			next, ok := at.member(step)
			if !ok {
				return nil, false
			}
			v = next
		case traits.Lister:
			i, err := strconv.ParseInt(strings.Trim(step, "[]"), 10, 64)
			if err != nil || step[0] != '[' || i < 0 || types.Int(i) >= at.Size().(types.Int) {
				return nil, false
			}
			v = at.Get(types.Int(i))
		default:
			return nil, false
		}
	}
	return v, true
}

// WholeDocument as the only field of Program.TaskFields says that the
// expression may read any part of the document.
const WholeDocument = "*"

// DemandKey is a canonical text of the values at the given paths, which are
// those of Program.TaskFields: two documents with the same key are the same to
// every expression that reads only those paths. A missing value and null
// differ. The text holds attribute values, which are personal data: hash it
// before it becomes part of an id or a log.
func (d Document) DemandKey(paths []string) string {
	var b []byte
	b = append(b, '[')
	for i, p := range paths {
		if i > 0 {
			b = append(b, ',')
		}
		if p == WholeDocument {
			b = canonical.write(b, d.object())
			continue
		}
		if v, ok := d.lookup(p); ok {
			b = canonical.write(b, v)
		} else {
			b = append(b, '~')
		}
	}
	return string(append(b, ']'))
}

// notation is how values are written as text, with sorted members.
type notation struct {
	quote func(b []byte, s string) []byte
	// double stands behind each double.
	double string
}

var (
	// canonical tells a double from the integer of the same size, since CEL can.
	canonical = notation{quote: strconv.AppendQuote, double: "d"}
	plainJSON = notation{quote: appendJSONText}
)

func appendJSONText(b []byte, s string) []byte {
	text, err := json.Marshal(s)
	if err != nil {
		return append(b, "null"...)
	}
	return append(b, text...)
}

// write appends a value.
func (n notation) write(b []byte, v ref.Val) []byte {
	switch v := v.(type) {
	case types.String:
		return n.quote(b, string(v))
	case types.Int:
		return strconv.AppendInt(b, int64(v), 10)
	case types.Double:
		return append(strconv.AppendFloat(b, float64(v), 'g', -1, 64), n.double...)
	case types.Bool:
		return strconv.AppendBool(b, bool(v))
	case *object:
		b = append(b, '{')
		for i, name := range v.members() {
			if i > 0 {
				b = append(b, ',')
			}
			item, _ := v.member(name)
			b = append(n.quote(b, name), ':')
			b = n.write(b, item)
		}
		return append(b, '}')
	case traits.Lister:
		b = append(b, '[')
		size := v.Size().(types.Int)
		for i := types.Int(0); i < size; i++ {
			if i > 0 {
				b = append(b, ',')
			}
			b = n.write(b, v.Get(i))
		}
		return append(b, ']')
	}
	return append(b, "null"...)
}
