package durability

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// verdict is what is known when everything has come to rest.
type verdict struct {
	// answered are the Tasks that clients were answered 2xx with, by the token
	// of the request; empty for a request that was never answered. made are the
	// Tasks of the log, by the token they carry.
	answered map[string]string
	made     map[string][]string
	// ends tells how each Task of the log ended; empty for one that did not.
	ends map[string]string
	// log are the events that were to be sent, booked those that the router
	// believes to have been taken, heard how often each was.
	log, booked []string
	heard       map[string]int
	// offers is how often each Reservation's assignment callback came.
	offers map[string]int
	// strange is what is wrong by itself.
	strange []string
}

// wrong lists what must not be.
func (v verdict) wrong() []string {
	out := slices.Clone(v.strange)
	add := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	for _, token := range slices.Sorted(maps.Keys(v.answered)) {
		sid, made := v.answered[token], v.made[token]
		switch {
		case sid == "":
			add("request %s was never answered", token)
		case len(made) == 0:
			add("task %s of request %s is lost: it was answered and is not in the log", sid, token)
		case !slices.Contains(made, sid):
			add("request %s was answered with %s and made %v", token, sid, made)
		}
	}
	for _, token := range slices.Sorted(maps.Keys(v.made)) {
		if n := len(v.made[token]); n > 1 {
			add("request %s made %d tasks: %v", token, n, v.made[token])
		}
		if _, asked := v.answered[token]; !asked {
			add("tasks %v carry %q, which nobody asked for", v.made[token], token)
		}
	}
	for _, sid := range slices.Sorted(maps.Keys(v.ends)) {
		if v.ends[sid] == "" {
			add("task %s has not ended", sid)
		}
	}
	for _, event := range v.log {
		if v.heard[event] == 0 {
			add("event %s was not delivered", event)
		}
	}
	for _, event := range v.booked {
		if v.heard[event] == 0 {
			add("event %s is booked as delivered and was not heard", event)
		}
	}
	for _, reservation := range slices.Sorted(maps.Keys(v.offers)) {
		if n := v.offers[reservation]; n > 1 {
			add("the assignment callback of %s was made %d times", reservation, n)
		}
	}
	return out
}

// TestVerdict makes sure that the judge sees what is wrong.
func TestVerdict(t *testing.T) {
	healthy := func() verdict {
		return verdict{
			answered: map[string]string{"a": "WT1", "b": "WT2"},
			made:     map[string][]string{"a": {"WT1"}, "b": {"WT2"}},
			ends:     map[string]string{"WT1": "completed", "WT2": "canceled", "WTcall": "completed"},
			log:      []string{"EV1", "EV2"}, booked: []string{"EV1"}, heard: map[string]int{"EV1": 1, "EV2": 2},
			offers: map[string]int{"WR1": 1},
		}
	}
	require.Empty(t, healthy().wrong())
	for _, tc := range []struct {
		name  string
		spoil func(v *verdict)
		want  string
	}{
		{"lost", func(v *verdict) { delete(v.made, "a"); delete(v.ends, "WT1") }, "task WT1 of request a is lost: it was answered and is not in the log"},
		{"open", func(v *verdict) { v.ends["WT2"] = "" }, "task WT2 has not ended"},
		{"open call", func(v *verdict) { v.ends["WTcall"] = "" }, "task WTcall has not ended"},
		{"unanswered", func(v *verdict) { v.answered["a"] = "" }, "request a was never answered"},
		{"twice", func(v *verdict) { v.made["b"] = []string{"WT2", "WT3"} }, "request b made 2 tasks: [WT2 WT3]"},
		{"other", func(v *verdict) { v.answered["b"] = "WT9" }, "request b was answered with WT9 and made [WT2]"},
		{"unasked", func(v *verdict) { v.made["c"] = []string{"WT4"} }, `tasks [WT4] carry "c", which nobody asked for`},
		{"silent", func(v *verdict) { delete(v.heard, "EV2") }, "event EV2 was not delivered"},
		{"misbooked", func(v *verdict) { v.booked = append(v.booked, "EV0") }, "event EV0 is booked as delivered and was not heard"},
		{"again", func(v *verdict) { v.offers["WR1"]++ }, "the assignment callback of WR1 was made 2 times"},
		{"strange", func(v *verdict) { v.strange = []string{"worker-1 panicked"} }, "worker-1 panicked"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			v := healthy()
			tc.spoil(&v)
			require.Equal(t, []string{tc.want}, v.wrong())
		})
	}
}
