package taskrouter

import (
	"bytes"
	"encoding/json"
	"unicode/utf8"
)

// MaxAttributesLength is the longest attributes document, in characters,
// white space included.
const MaxAttributesLength = 4096

// Attributes is a JSON object kept exactly as it was sent. Only the rules
// package looks inside.
type Attributes string

// NoAttributes is the empty document.
const NoAttributes Attributes = "{}"

// ParseAttributes checks that s is a JSON object of at most
// MaxAttributesLength characters. An empty string is the empty document.
func ParseAttributes(s string) (Attributes, error) {
	if s == "" {
		return NoAttributes, nil
	}
	if n := utf8.RuneCountInString(s); n > MaxAttributesLength {
		return "", Invalidf("Attributes must be at most %d characters, got %d", MaxAttributesLength, n)
	}
	if !utf8.ValidString(s) {
		return "", Invalidf("Attributes must be valid UTF-8")
	}
	b := bytes.TrimLeft([]byte(s), " \t\r\n")
	if !json.Valid(b) {
		return "", Invalidf("Attributes must be valid JSON")
	}
	if b[0] != '{' {
		return "", Invalidf("Attributes must be a JSON object")
	}
	return Attributes(s), nil
}

// Merge returns the document with the given members set, keeping the others.
// It is used for the facts the router itself adds, such as worker_call_sid.
func (a Attributes) Merge(members map[string]any) (Attributes, error) {
	doc := map[string]json.RawMessage{}
	if a != "" {
		if err := json.Unmarshal([]byte(a), &doc); err != nil {
			return a, &Error{Kind: KindInvalid, Message: "Attributes must be valid JSON", Cause: err}
		}
	}
	for k, v := range members {
		raw, err := json.Marshal(v)
		if err != nil {
			return a, &Error{Kind: KindInternal, Message: "encode attribute", Cause: err}
		}
		doc[k] = raw
	}
	out, err := json.Marshal(doc)
	if err != nil {
		return a, &Error{Kind: KindInternal, Message: "encode attributes", Cause: err}
	}
	return Attributes(out), nil
}

// RedactedAttributes stands in for a document that was erased. What was in it,
// nobody knows any more.
const RedactedAttributes Attributes = `{"redacted":true}`

// Redacted reports whether the document was erased.
func (a Attributes) Redacted() bool { return a == RedactedAttributes }
