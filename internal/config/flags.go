package config

import (
	"reflect"
	"strings"
	"time"

	"github.com/spf13/pflag"
)

// AddFlags registers --config and a flag for every setting but lists of
// groups. A secret has no flag, because every user of a machine can read the
// arguments of a process; its _file twin has one.
func AddFlags(fs *pflag.FlagSet) {
	fs.String(FileFlag, "", "configuration file, YAML or JSON (environment: "+FileEnv+")")
	for _, s := range Default().settings() {
		switch {
		case s.isSecret():
			fs.String(flagName(s.path+fileSuffix), "", "file with: "+s.usage)
		case s.value.Kind() == reflect.Slice && s.value.Type().Elem().Kind() == reflect.Struct:
		default:
			f := fs.VarPF(&textFlag{of: s.value.Type(), text: defaultText(s)}, flagName(s.path), "", s.usage)
			if s.value.Kind() == reflect.Bool {
				f.NoOptDefVal = "true"
			}
		}
	}
}

func (c *Config) loadFlags(fs *pflag.FlagSet) Problems {
	if fs == nil {
		return nil
	}
	var problems Problems
	for _, s := range c.settings() {
		name := flagName(s.path)
		if s.isSecret() {
			name = flagName(s.path + fileSuffix)
		}
		f := fs.Lookup(name)
		if f == nil || !f.Changed {
			continue
		}
		if s.isSecret() {
			if err := setFile(s.value, f.Value.String(), "."); err != nil {
				problems.addf(s.path, "--"+name, "%v", err)
			}
			continue
		}
		problems = append(problems, s.set("--"+name, f.Value.String())...)
	}
	return problems
}

func defaultText(s setting) string {
	if list, ok := s.value.Interface().([]string); ok {
		return strings.Join(list, ",")
	}
	return reflectText(s.value)
}

// textFlag keeps the text of a flag; Load gives it its meaning, so that every
// mistake is reported in the same words.
type textFlag struct {
	of   reflect.Type
	text string
}

// String implements pflag.Value.
func (f *textFlag) String() string { return f.text }

// Set implements pflag.Value.
func (f *textFlag) Set(text string) error { f.text = text; return nil }

// Type implements pflag.Value; it is what the help shows.
func (f *textFlag) Type() string {
	switch f.of.Kind() {
	case reflect.Bool:
		return "bool"
	case reflect.Int, reflect.Int64:
		if f.of == reflect.TypeFor[time.Duration]() {
			return "duration"
		}
		return "int"
	case reflect.Float64:
		return "float"
	case reflect.Slice:
		return "strings"
	default:
		return "string"
	}
}
