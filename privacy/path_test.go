package privacy

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/taskrouter"
)

func TestAttributesOfAPerson(t *testing.T) {
	for name, tc := range map[string]struct {
		path, value, document string
		want                  bool
	}{
		"a text":                   {"phone", "+1555", `{"phone":"+1555"}`, true},
		"escaped":                  {"phone", "+1555", `{"phone":"\u002b1555"}`, true},
		"another":                  {"phone", "+1555", `{"phone":"+15551"}`, false},
		"elsewhere":                {"phone", "+1555", `{"fax":"+1555"}`, false},
		"within":                   {"customer.phone", "+1555", `{"customer":{"phone":"+1555"}}`, true},
		"not so deep":              {"phone", "+1555", `{"customer":{"phone":"+1555"}}`, false},
		"a name with a dot":        {"customer.phone", "+1555", `{"customer.phone":"+1555"}`, true},
		"a dot in the middle":      {"a.b.c", "x", `{"a.b":{"c":"x"}}`, true},
		"one of a list":            {"phones", "+1555", `{"phones":["+1444","+1555"]}`, true},
		"within one of a list":     {"people.phone", "+1555", `{"people":[{"phone":"+1"},{"phone":"+1555"}]}`, true},
		"a number":                 {"id", "4711", `{"id":4711}`, true},
		"a number as a text":       {"id", "4711", `{"id":"4711"}`, true},
		"a number beyond a double": {"id", "12345678901234567890", `{"id":12345678901234567890}`, true},
		"a truth":                  {"vip", "true", `{"vip":true}`, true},
		"nothing":                  {"phone", "null", `{"phone":null}`, false},
		"an object":                {"customer", "+1555", `{"customer":{"phone":"+1555"}}`, false},
		"no document":              {"phone", "+1555", `{"phone":"+1555"`, false},
		"erased":                   {"redacted", "true", string(taskrouter.RedactedAttributes), false},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPerson(tc.path, tc.value)
			for range 2 { // the second answer is remembered
				require.Equal(t, tc.want, p.in(taskrouter.Attributes(tc.document)))
			}
		})
	}
	for path, want := range map[string]bool{"": false, ".": false, ".a": false, "a.": false, "a": true, "a.b": true} {
		require.Equal(t, want, validPath(path), path)
	}
}
