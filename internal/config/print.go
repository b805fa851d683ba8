package config

import (
	"fmt"
	"io"
	"reflect"
	"strings"
)

func reflectText(v reflect.Value) string { return fmt.Sprint(v.Interface()) }

// Print writes the settings in force, one a line, for an operator who wonders
// which source won. Secrets appear as <secret>.
func (c *Config) Print(w io.Writer) error {
	for _, line := range lines("", reflect.ValueOf(c).Elem()) {
		if _, err := fmt.Fprintln(w, line); err != nil {
			return err
		}
	}
	return nil
}

func lines(prefix string, v reflect.Value) []string {
	var out []string
	for _, s := range settings(prefix, v) {
		if s.value.Kind() == reflect.Slice && s.value.Type().Elem().Kind() == reflect.Struct {
			for i := range s.value.Len() {
				out = append(out, lines(fmt.Sprintf("%s[%d]", s.path, i), s.value.Index(i))...)
			}
			continue
		}
		if list, ok := s.value.Interface().([]string); ok {
			out = append(out, s.path+" = "+strings.Join(list, ", "))
			continue
		}
		out = append(out, s.path+" = "+reflectText(s.value))
	}
	return out
}

// Reference lists every setting with its environment variable, its default and
// what it is for, as a Markdown table.
func Reference() string {
	var b strings.Builder
	b.WriteString("| key | environment | default | what it is |\n|---|---|---|---|\n")
	for _, s := range Default().settings() {
		text := defaultText(s)
		if s.value.Kind() == reflect.Slice && s.value.Len() == 0 {
			text = ""
		}
		fmt.Fprintf(&b, "| `%s` | `%s` | %s | %s |\n", s.path, envName(s.path), code(text), s.usage)
	}
	return b.String()
}

func code(text string) string {
	if text == "" {
		return ""
	}
	return "`" + text + "`"
}
