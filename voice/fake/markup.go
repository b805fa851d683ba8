package fake

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// maxDepth bounds the nesting of a document.
const maxDepth = 10

// document is parsed markup and where it came from.
type document struct {
	url   string
	verbs []element
}

// element is a verb or a noun.
type element struct {
	name     string
	attrs    map[string]string
	text     string
	children []element
}

// parseMarkup reads a Response document strictly.
func parseMarkup(body []byte) ([]element, error) {
	dec := xml.NewDecoder(bytes.NewReader(body))
	for {
		tok, err := dec.Token()
		if errors.Is(err, io.EOF) {
			return nil, errors.New("no Response element")
		}
		if err != nil {
			return nil, err
		}
		start, ok := tok.(xml.StartElement)
		if !ok {
			if loose(tok) {
				return nil, errors.New("text before the Response element")
			}
			continue
		}
		if start.Name.Local != "Response" {
			return nil, fmt.Errorf("root element is %s, not Response", start.Name.Local)
		}
		root, err := parseElement(dec, start, 0)
		if err != nil {
			return nil, err
		}
		if err := trailing(dec); err != nil {
			return nil, err
		}
		return root.children, nil
	}
}

// loose reports whether a token is text that stands outside of all elements.
// A byte order mark is none.
func loose(tok xml.Token) bool {
	text, ok := tok.(xml.CharData)
	return ok && strings.Trim(string(text), " \t\r\n\ufeff") != ""
}

// trailing fails when anything but blanks and comments follows the root.
func trailing(dec *xml.Decoder) error {
	for {
		tok, err := dec.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if _, ok := tok.(xml.StartElement); ok || loose(tok) {
			return errors.New("content after the Response element")
		}
	}
}

func parseElement(dec *xml.Decoder, start xml.StartElement, depth int) (element, error) {
	if depth > maxDepth {
		return element{}, errors.New("elements nested too deeply")
	}
	e := element{name: start.Name.Local, attrs: map[string]string{}}
	for _, a := range start.Attr {
		e.attrs[a.Name.Local] = a.Value
	}
	var text strings.Builder
	for {
		tok, err := dec.Token()
		if err != nil {
			return element{}, err
		}
		switch t := tok.(type) {
		case xml.CharData:
			text.Write(t)
		case xml.StartElement:
			c, err := parseElement(dec, t, depth+1)
			if err != nil {
				return element{}, err
			}
			e.children = append(e.children, c)
		case xml.EndElement:
			e.text = strings.Join(strings.Fields(text.String()), " ")
			return e, nil
		}
	}
}

// with is the element with one attribute changed.
func (e element) with(name, value string) element {
	attrs := map[string]string{}
	maps.Copy(attrs, e.attrs)
	attrs[name] = value
	e.attrs = attrs
	return e
}

func (e element) has(attr string) bool { _, ok := e.attrs[attr]; return ok }

func (e element) attr(name, otherwise string) string {
	if v, ok := e.attrs[name]; ok {
		return v
	}
	return otherwise
}

func (e element) number(name string, otherwise int) int {
	if n, err := strconv.Atoi(e.attrs[name]); err == nil {
		return n
	}
	return otherwise
}

func (e element) seconds(name string, otherwise int) time.Duration {
	return time.Duration(e.number(name, otherwise)) * time.Second
}

func (e element) flag(name string, otherwise bool) bool {
	if b, err := strconv.ParseBool(e.attrs[name]); err == nil {
		return b
	}
	return otherwise
}

// resolve makes an address in a document absolute.
func (d document) resolve(ref string) string {
	base, err := url.Parse(d.url)
	if err != nil {
		return ref
	}
	u, err := base.Parse(strings.TrimSpace(ref))
	if err != nil {
		return ref
	}
	return u.String()
}
