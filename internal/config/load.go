package config

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/pflag"
)

const (
	envPrefix = "TASKROUTER_"
	// FileEnv is the environment variable that names the configuration file.
	FileEnv = "TASKROUTER_CONFIG"
	// FileFlag is the flag that names the configuration file.
	FileFlag = "config"
)

// Sources are where settings come from, weakest first; the defaults are
// weaker than all of them.
type Sources struct {
	// File is the path of a YAML or JSON file; empty for none.
	File string
	// Environ is the environment as os.Environ returns it. Only TASKROUTER_*
	// is looked at.
	Environ []string
	// Flags were registered by AddFlags and parsed; nil for none. Only flags
	// that were given count.
	Flags *pflag.FlagSet
}

// Load reads the settings. Its error is Problems when sources can be read but
// hold mistakes; it then lists all of them. Load does not check what the
// values mean: that is Verify.
func Load(src Sources) (*Config, error) {
	c := Default()
	var problems Problems
	file := src.file()
	if file != "" {
		text, err := os.ReadFile(file)
		if err != nil {
			problems.addf("", "", "configuration file: %v", err)
			return nil, problems
		}
		d := decoder{name: filepath.Base(file), dir: filepath.Dir(file)}
		d.document("", string(text), reflect.ValueOf(c).Elem())
		problems = append(problems, d.problems...)
	}
	problems = append(problems, c.loadEnv(src.Environ)...)
	problems = append(problems, c.loadFlags(src.Flags)...)
	return c, problems.orNil()
}

// file is the path from the strongest source that names one.
func (src Sources) file() string {
	if src.Flags != nil {
		if f := src.Flags.Lookup(FileFlag); f != nil && f.Changed {
			return f.Value.String()
		}
	}
	if src.File != "" {
		return src.File
	}
	for _, kv := range src.Environ {
		if path, ok := strings.CutPrefix(kv, FileEnv+"="); ok {
			return path
		}
	}
	return ""
}

// serviceLink matches what Kubernetes and Docker links put into the
// environment for a service that is called taskrouter; nobody set those.
var serviceLink = regexp.MustCompile(
	`^TASKROUTER(_[A-Z0-9_]+)?_(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?|NAME)$`)

// isClientVariable reports whether a variable is for programs that call the
// API. `taskrouter dev --env-file` writes them, so they are in the environment
// of many a shell that runs this program too; none is a setting.
func isClientVariable(name string) bool {
	switch name {
	case "TASKROUTER_URL", "TASKROUTER_ACCOUNT_SID", "TASKROUTER_AUTH_TOKEN",
		"TASKROUTER_WORKSPACE_SID", "TASKROUTER_WORKFLOW_SID":
		return true
	}
	return false
}

func (c *Config) loadEnv(environ []string) Problems {
	given := map[string]string{}
	for _, kv := range environ {
		name, value, ok := strings.Cut(kv, "=")
		if ok && strings.HasPrefix(name, envPrefix) && name != FileEnv {
			given[name] = value
		}
	}
	var problems Problems
	var names []string
	for _, s := range c.settings() {
		name := envName(s.path)
		names = append(names, name)
		value, ok := given[name]
		delete(given, name)
		if s.isSecret() {
			twin := name + strings.ToUpper(fileSuffix)
			path, hasFile := given[twin]
			delete(given, twin)
			switch {
			case ok && hasFile:
				problems.addf(s.path, twin, "%s is set too: use one of them", name)
				continue
			case hasFile:
				if err := setFile(s.value, path, "."); err != nil {
					problems.addf(s.path, twin, "%v", err)
				}
				continue
			}
		}
		if ok {
			problems = append(problems, s.set(name, value)...)
		}
	}
	var unknown []string
	for name := range given {
		if !serviceLink.MatchString(name) && !isClientVariable(name) {
			unknown = append(unknown, name)
		}
	}
	slices.Sort(unknown)
	for _, name := range unknown {
		if guess := nearest(name, names); guess != "" {
			problems.addf("", name, "unknown environment variable; did you mean %s?", guess)
			continue
		}
		problems.addf("", name, "unknown environment variable")
	}
	return problems
}

// set writes a setting from text. A list of groups is a YAML or JSON document.
func (s setting) set(source, text string) Problems {
	if s.value.Kind() == reflect.Slice && s.value.Type().Elem().Kind() == reflect.Struct {
		d := decoder{name: source, dir: "."}
		d.document(s.path, text, s.value)
		return d.problems
	}
	var problems Problems
	if err := setText(s.value, text); err != nil {
		problems.addf(s.path, source, "%v", err)
	}
	return problems
}
