package openapi

import (
	"bytes"
	"encoding/json"
)

// Document is an OpenAPI 3.1 document: the part of its vocabulary that is used.
type Document struct {
	OpenAPI    string                `json:"openapi"`
	Info       Info                  `json:"info"`
	Servers    []Server              `json:"servers"`
	Security   []map[string][]string `json:"security"`
	Tags       []Tag                 `json:"tags"`
	Paths      fields[*pathItem]     `json:"paths"`
	Components Components            `json:"components"`
}

// Info says what is described.
type Info struct {
	Title       string `json:"title"`
	Version     string `json:"version"`
	Description string `json:"description"`
}

// Server is where the operations are.
type Server struct {
	URL string `json:"url"`
}

// Tag is a group of operations.
type Tag struct {
	Name        string `json:"name"`
	Description string `json:"description"`
}

// pathItem holds the operations of one path, in the order of their table.
type pathItem = fields[*operationObject]

type operationObject struct {
	OperationID string               `json:"operationId"`
	Tags        []string             `json:"tags"`
	Summary     string               `json:"summary"`
	Origin      string               `json:"x-origin"`
	Deviation   string               `json:"x-deviation,omitempty"`
	Unsupported string               `json:"x-unsupported,omitempty"`
	Security    *[]map[string]string `json:"security,omitempty"`
	Parameters  []any                `json:"parameters,omitempty"`
	Body        *requestBody         `json:"requestBody,omitempty"`
	Responses   fields[any]          `json:"responses"`
}

type parameterObject struct {
	Name        string  `json:"name"`
	In          string  `json:"in"`
	Description string  `json:"description"`
	Required    bool    `json:"required,omitempty"`
	Explode     *bool   `json:"explode,omitempty"`
	Schema      *Schema `json:"schema"`
}

type requestBody struct {
	Required bool              `json:"required,omitempty"`
	Content  map[string]*media `json:"content"`
}

type media struct {
	Schema  *Schema `json:"schema"`
	Example any     `json:"example,omitempty"`
}

type response struct {
	Description string            `json:"description"`
	Headers     map[string]any    `json:"headers,omitempty"`
	Content     map[string]*media `json:"content,omitempty"`
}

type headerObject struct {
	Description string  `json:"description"`
	Schema      *Schema `json:"schema"`
}

// reference points at a component.
type reference struct {
	Ref string `json:"$ref"`
}

// Components are what operations refer to.
type Components struct {
	Schemas         fields[*Schema]         `json:"schemas"`
	Responses       map[string]*response    `json:"responses"`
	Parameters      map[string]any          `json:"parameters"`
	Headers         map[string]headerObject `json:"headers"`
	SecuritySchemes map[string]any          `json:"securitySchemes"`
}

// Schema is a JSON Schema of the 2020-12 dialect.
type Schema struct {
	Ref         string          `json:"$ref,omitempty"`
	Description string          `json:"description,omitempty"`
	Type        any             `json:"type,omitempty"`
	Format      string          `json:"format,omitempty"`
	Pattern     string          `json:"pattern,omitempty"`
	Media       string          `json:"contentMediaType,omitempty"`
	Enum        []any           `json:"enum,omitempty"`
	Default     any             `json:"default,omitempty"`
	Minimum     *int64          `json:"minimum,omitempty"`
	Maximum     *int64          `json:"maximum,omitempty"`
	MaxLength   int             `json:"maxLength,omitempty"`
	MinItems    int             `json:"minItems,omitempty"`
	MaxItems    int             `json:"maxItems,omitempty"`
	AnyOf       []*Schema       `json:"anyOf,omitempty"`
	Items       *Schema         `json:"items,omitempty"`
	Required    []string        `json:"required,omitempty"`
	Properties  fields[*Schema] `json:"properties,omitempty"`
	Additional  *Schema         `json:"additionalProperties,omitempty"`
	Examples    []any           `json:"examples,omitempty"`
}

// field is one member of an object.
type field[V any] struct {
	name  string
	value V
}

// fields is a JSON object whose members keep their order.
type fields[V any] []field[V]

// add appends a member.
func (f *fields[V]) add(name string, value V) { *f = append(*f, field[V]{name, value}) }

// get finds a member.
func (f fields[V]) get(name string) (V, bool) {
	for _, m := range f {
		if m.name == name {
			return m.value, true
		}
	}
	var none V
	return none, false
}

// MarshalJSON writes the members in order.
func (f fields[V]) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, m := range f {
		if i > 0 {
			b.WriteByte(',')
		}
		for j, part := range []any{m.name, m.value} {
			if j > 0 {
				b.WriteByte(':')
			}
			text, err := encode(part)
			if err != nil {
				return nil, err
			}
			b.Write(text)
		}
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// encode is JSON without the escapes that are meant for HTML.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

// JSON renders the document.
func (d *Document) JSON() ([]byte, error) { return encode(d) }
