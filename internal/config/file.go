package config

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"

	"go.yaml.in/yaml/v3"
)

// decoder copies a YAML or JSON document into the struct and collects what is
// wrong with it. JSON needs nothing of its own: it is YAML.
type decoder struct {
	name     string // of the document, for messages
	dir      string // that relative _file paths start from
	problems Problems
}

// document decodes text into the struct v. Empty text sets nothing.
func (d *decoder) document(prefix, text string, v reflect.Value) {
	node, err := parse(text)
	if err != nil {
		d.problems.addf(prefix, d.name, "%s", strings.TrimPrefix(err.Error(), "yaml: "))
		return
	}
	if node == nil {
		return
	}
	d.value(prefix, node, v)
}

// parse returns the root of the only document in text; nil when it is empty.
func parse(text string) (*yaml.Node, error) {
	dec := yaml.NewDecoder(strings.NewReader(text))
	var doc, more yaml.Node
	if err := dec.Decode(&doc); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, nil
		}
		return nil, err
	}
	if err := dec.Decode(&more); !errors.Is(err, io.EOF) {
		return nil, errors.New("there is more than one document")
	}
	return doc.Content[0], nil
}

func (d *decoder) at(n *yaml.Node) string { return fmt.Sprintf("%s:%d", d.name, n.Line) }

func (d *decoder) value(path string, n *yaml.Node, v reflect.Value) {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if n.Tag == "!!null" {
		return // "key:" with nothing after it leaves the default
	}
	isSecret := v.Type() == reflect.TypeFor[Secret]()
	switch {
	case v.Kind() == reflect.Struct && !isSecret:
		d.mapping(path, n, v)
	case v.Kind() == reflect.Slice:
		d.sequence(path, n, v)
	case n.Kind != yaml.ScalarNode:
		d.problems.addf(path, d.at(n), "must be a single value")
	default:
		if err := setText(v, n.Value); err != nil {
			d.problems.addf(path, d.at(n), "%v", err)
		}
	}
}

func (d *decoder) mapping(path string, n *yaml.Node, v reflect.Value) {
	if n.Kind != yaml.MappingNode {
		d.problems.addf(path, d.at(n), "must be a group of keys")
		return
	}
	fields := map[string]reflect.Value{}
	var keys []string
	for i := range v.NumField() {
		key := v.Type().Field(i).Tag.Get("key")
		keys = append(keys, key)
		fields[key] = v.Field(i)
	}
	seen := map[string]bool{}
	for i := 0; i < len(n.Content); i += 2 {
		key, val := n.Content[i], n.Content[i+1]
		at := join(path, key.Value)
		if seen[key.Value] {
			d.problems.addf(at, d.at(key), "is set twice")
			continue
		}
		seen[key.Value] = true
		if f, ok := fields[key.Value]; ok {
			d.value(at, val, f)
			continue
		}
		plain := strings.TrimSuffix(key.Value, fileSuffix)
		f, ok := fields[plain]
		if plain == key.Value || !ok || f.Type() != reflect.TypeFor[Secret]() {
			d.unknown(at, key, keys)
			continue
		}
		if seen[plain] || hasKey(n, plain) {
			d.problems.addf(at, d.at(key), "%s is set too: use one of them", plain)
			continue
		}
		if err := setFile(f, val.Value, d.dir); err != nil {
			d.problems.addf(at, d.at(val), "%v", err)
		}
	}
}

func hasKey(n *yaml.Node, key string) bool {
	for i := 0; i < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return true
		}
	}
	return false
}

func (d *decoder) unknown(path string, key *yaml.Node, keys []string) {
	if guess := nearest(key.Value, keys); guess != "" {
		d.problems.addf(path, d.at(key), "unknown key; did you mean %s?", guess)
		return
	}
	d.problems.addf(path, d.at(key), "unknown key")
}

// sequence replaces a list; a list is never merged with the one before it.
func (d *decoder) sequence(path string, n *yaml.Node, v reflect.Value) {
	if n.Kind != yaml.SequenceNode {
		d.problems.addf(path, d.at(n), "must be a list")
		return
	}
	list := reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content))
	for i, item := range n.Content {
		d.value(fmt.Sprintf("%s[%d]", path, i), item, list.Index(i))
	}
	v.Set(list)
}

// setFile writes a secret from the file that its _file twin names. A trailing
// newline is not part of it: editors and echo add one.
func setFile(v reflect.Value, path, dir string) error {
	if path == "" {
		return errors.New("names no file")
	}
	if !filepath.IsAbs(path) {
		path = filepath.Join(dir, path)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		// The path is shown, the content never is.
		return fmt.Errorf("cannot be read: %w", err)
	}
	secret := strings.TrimRight(string(text), "\r\n")
	if secret == "" {
		return fmt.Errorf("%s is empty", path)
	}
	v.Set(reflect.ValueOf(NewSecret(secret)))
	return nil
}
