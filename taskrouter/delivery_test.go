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
