package config

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

const fileSuffix = "_file"

// setting is one key of the configuration, bound to a Config.
type setting struct {
	path  string
	usage string
	value reflect.Value
}

func (s setting) isSecret() bool { return s.value.Type() == reflect.TypeFor[Secret]() }

// settings lists the leaves of a struct in the order of declaration.
func settings(prefix string, v reflect.Value) []setting {
	var out []setting
	for i := range v.NumField() {
		f, tag := v.Field(i), v.Type().Field(i).Tag
		path := join(prefix, tag.Get("key"))
		if f.Kind() == reflect.Struct && f.Type() != reflect.TypeFor[Secret]() {
			out = append(out, settings(path, f)...)
			continue
		}
		out = append(out, setting{path: path, usage: tag.Get("usage"), value: f})
	}
	return out
}

func (c *Config) settings() []setting { return settings("", reflect.ValueOf(c).Elem()) }

func join(prefix, key string) string {
	if prefix == "" {
		return key
	}
	return prefix + "." + key
}

func envName(path string) string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(path, ".", "_"))
}

func flagName(path string) string {
	return strings.NewReplacer(".", "-", "_", "-").Replace(path)
}

// setText writes a leaf from text: the form it has in the environment, in a
// flag, and as a scalar of the file.
func setText(v reflect.Value, text string) error {
	switch v.Interface().(type) {
	case Secret:
		v.Set(reflect.ValueOf(NewSecret(text)))
		return nil
	case time.Duration:
		d, err := time.ParseDuration(text)
		if err != nil {
			return fmt.Errorf("%q is not a duration such as 30s, 5m or 24h", text)
		}
		v.SetInt(int64(d))
		return nil
	case []string:
		items := strings.FieldsFunc(text, func(r rune) bool { return r == ',' })
		for i := range items {
			items[i] = strings.TrimSpace(items[i])
		}
		items = slices.DeleteFunc(items, func(s string) bool { return s == "" })
		v.Set(reflect.ValueOf(items))
		return nil
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
	case reflect.Bool:
		b, err := strconv.ParseBool(text)
		if err != nil {
			return fmt.Errorf("%q is not true or false", text)
		}
		v.SetBool(b)
	case reflect.Int, reflect.Int64:
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return fmt.Errorf("%q is not a whole number", text)
		}
		v.SetInt(n)
	case reflect.Float64:
		f, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return fmt.Errorf("%q is not a number", text)
		}
		v.SetFloat(f)
	default:
		return fmt.Errorf("a setting of type %s cannot be text", v.Type())
	}
	return nil
}

// nearest returns the candidate that a misspelt key most likely meant, or
// nothing when none is close.
func nearest(key string, candidates []string) string {
	best, bestDistance := "", 3
	for _, c := range candidates {
		if d := distance(key, c); d < bestDistance {
			best, bestDistance = c, d
		}
	}
	return best
}

// distance counts the single-character edits between two short words.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
