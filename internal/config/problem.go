package config

import (
	"fmt"
	"strings"
)

// Problem is one thing wrong with one setting.
type Problem struct {
	// Path names the setting, such as temporal.address.
	Path string
	// Source says where it was set, such as router.yaml:3 or an environment
	// variable; empty when that does not matter.
	Source string
	// Text says what is wrong. It never contains the value of a secret.
	Text string
}

// String is the problem on one line.
func (p Problem) String() string {
	s := p.Text
	if p.Path != "" {
		s = p.Path + ": " + s
	}
	if p.Source != "" {
		s = p.Source + ": " + s
	}
	return s
}

// Problems are all problems found; it is the error of Load and Verify.
type Problems []Problem

// Error lists the problems, one a line.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

func (ps *Problems) addf(path, source, format string, args ...any) {
	*ps = append(*ps, Problem{Path: path, Source: source, Text: fmt.Sprintf(format, args...)})
}

// orNil avoids an error that is not nil and holds nothing.
func (ps Problems) orNil() error {
	if len(ps) == 0 {
		return nil
	}
	return ps
}
