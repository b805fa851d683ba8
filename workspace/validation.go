package workspace

import (
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/taskrouter/taskrouter/taskrouter"
)

// checkFriendlyName checks a required name: some text, at most 64 characters.
func checkFriendlyName(name string) error {
	if strings.TrimSpace(name) == "" {
		return taskrouter.Invalidf("FriendlyName is required")
	}
	if err := checkText("FriendlyName", name); err != nil {
		return err
	}
	if n := utf8.RuneCountInString(name); n > taskrouter.MaxFriendlyNameLength {
		return taskrouter.Invalidf("FriendlyName must be at most %d characters, got %d", taskrouter.MaxFriendlyNameLength, n)
	}
	return nil
}

// checkText refuses what a database cannot keep byte for byte.
func checkText(param, value string) error {
	if !utf8.ValidString(value) || strings.ContainsRune(value, 0) {
		return taskrouter.Invalidf("%s must be valid UTF-8 text", param)
	}
	return nil
}

// checkURL checks an optional absolute http or https URL; empty clears it.
func checkURL(param, value string) error {
	if value == "" {
		return nil
	}
	if err := checkText(param, value); err != nil {
		return err
	}
	u, err := url.Parse(value)
	if err != nil || u.Hostname() == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return taskrouter.Invalidf("%s must be an absolute http or https URL", param)
	}
	return nil
}

// checkRange checks an integer parameter against its inclusive bounds.
func checkRange(param string, value, low, high int64) error {
	if value < low || value > high {
		return taskrouter.Invalidf("%s must be between %d and %d, got %d", param, low, high, value)
	}
	return nil
}

// oneOf finds the canonical form of an enum value, compared without case.
func oneOf(param, value string, allowed ...string) (string, error) {
	i := slices.IndexFunc(allowed, func(a string) bool { return strings.EqualFold(a, value) })
	if i < 0 {
		return "", taskrouter.Invalidf("%s must be one of %s", param, strings.Join(allowed, ", "))
	}
	return allowed[i], nil
}

// parseOrder reads a queue order; empty is FIFO.
func parseOrder(param, value string) (taskrouter.QueueOrder, error) {
	if value == "" {
		return taskrouter.FIFO, nil
	}
	v, err := oneOf(param, value, string(taskrouter.FIFO), string(taskrouter.LIFO))
	return taskrouter.QueueOrder(v), err
}

// sidNouns names what a SID parameter of a prefix points at.
var sidNouns = map[taskrouter.Prefix]string{
	taskrouter.PrefixActivity: "Activity",
	taskrouter.PrefixWorkflow: "Workflow",
}

// checkReference checks a SID parameter against the resources of its
// Workspace: a malformed one and an unknown one are both bad parameters.
func checkReference[T any](param string, prefix taskrouter.Prefix, sid string, known map[string]*T) error {
	if !taskrouter.IsSID(prefix, sid) {
		return taskrouter.Invalidf("%s must be a SID of the form %s followed by 32 hexadecimal digits", param, prefix)
	}
	if known[sid] == nil {
		return taskrouter.Invalidf("%s: %s %s does not exist in the Workspace", param, sidNouns[prefix], sid)
	}
	return nil
}

// firstError returns the first failed check.
func firstError(checks ...error) error {
	for _, err := range checks {
		if err != nil {
			return err
		}
	}
	return nil
}

// set puts a sent value into a field.
func set[T any](field, value *T) {
	if value != nil {
		*field = *value
	}
}

// checkSent runs a check on an optional parameter that was sent.
func checkSent[T any](value *T, check func(T) error) error {
	if value == nil {
		return nil
	}
	return check(*value)
}
