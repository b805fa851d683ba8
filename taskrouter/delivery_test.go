package taskrouter

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDeliveryWants(t *testing.T) {
	for name, row := range map[string]struct {
		filter string
		want   bool
	}{
		"no filter":                {"", true},
		"only separators":          {" , ,", true},
		"named":                    {"task.created", true},
		"named among others":       {"worker.created,task.created", true},
		"spaces":                   {" worker.created , task.created ", true},
		"other":                    {"task.completed", false},
		"part of a name":           {"task", false},
		"unknown beside the named": {"task.exploded,task.created", true},
		"unknown only":             {"task.exploded", false},
	} {
		d := Delivery{EventsFilter: row.filter}
		require.Equal(t, row.want, d.Wants(TaskCreated), name)
	}
}

func TestDeliveryTarget(t *testing.T) {
	for url, want := range map[string]string{
		"https://example.com/events":                     "https://example.com/events",
		"https://ann:s3cret@example.com:8443/e?t=s3cret": "https://example.com:8443/e",
		"http://example.com#s3cret":                      "http://example.com",
		"http://example.com/a%2Fb?x":                     "http://example.com/a%2Fb",
		"://s3cret":                                      "",
		"":                                               "",
	} {
		d := Delivery{CallbackURL: url}
		require.Equal(t, want, d.Target(), url)
	}
}
