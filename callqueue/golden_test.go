package callqueue_test

import (
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/callqueue"
	"github.com/taskrouter/taskrouter/dispatch"
	"github.com/taskrouter/taskrouter/taskrouter"
	"github.com/taskrouter/taskrouter/voice"
)

var update = flag.Bool("update", false, "rewrite the golden documents")

// Every document, on every platform.
func TestGoldenDocuments(t *testing.T) {
	keys := `{"steps": {"keys": {"say": "Tom & \"Jerry\" <1>", "voice": "man", "language": "ja-JP",
		"choices": {"#": {}, "1": {}}}}, "goodbye": "さようなら"}`
	both := `{"steps": {"keys": {"say": "x", "choices": {"#": {}, "*": {}}}}}`
	waiting := taskrouter.Call{State: taskrouter.CallWaiting, TaskSID: firstTask, Room: firstTask}
	conference := func(params ...string) *taskrouter.Instruction {
		i := &taskrouter.Instruction{Kind: taskrouter.InstructConference, Params: map[string]string{}}
		for n := 0; n < len(params); n += 2 {
			i.Params[params[n]] = params[n+1]
		}
		return i
	}
	documents := []struct {
		name string
		menu string
		set  func(*world)
		path string
		form []string
		leg  bool
	}{
		{name: "entry", path: "/callqueue/callback"},
		{name: "entry_no_menu", menu: "{}", path: "/callqueue/callback"},
		{name: "entry_unknown_number", path: "/callqueue/callback", form: []string{"To", "+15550101"}},
		{name: "second_step", path: "/callqueue/menu/department/0", form: []string{"Digits", "1"}, set: inMenu("department", 0)},
		{name: "invalid_digit", path: "/callqueue/menu/department/0", form: []string{"Digits", "9"}, set: inMenu("department", 0)},
		{name: "tries_used_up_default", path: "/callqueue/menu/department/2", set: inMenu("department", 2)},
		{name: "tries_used_up_sorry", path: "/callqueue/menu/language/1", set: inMenu("language", 1)},
		{name: "menu_done", path: "/callqueue/menu/language/0", form: []string{"Digits", "2"}, set: inMenu("language", 0)},
		{name: "hash_is_a_choice", menu: keys, path: "/callqueue/callback"},
		{name: "hash_and_star_are_choices", menu: both, path: "/callqueue/callback"},
		{name: "hold", path: "/callqueue/wait/" + account + "/" + callSID, set: func(w *world) { w.placeCall(waiting) }},
		{name: "hold_own_music", menu: "{}", path: "/callqueue/wait/" + account + "/" + callSID, set: func(w *world) {
			w.placeCall(waiting)
			w.queue.HoldMusicURL = "https://media.example.com/hold.wav?a=1&b=2"
		}},
		{name: "conversation_over", path: "/callqueue/ended", set: func(w *world) {
			w.placeCall(waiting)
			w.status = taskrouter.TaskAssigned
		}},
		{name: "waits_on", path: "/callqueue/ended", set: func(w *world) {
			c := waiting
			c.TaskSID = nextTask // a failed join replaced the Task; the room stays
			w.placeCall(c)
		}},
		{name: "goodbye_in_japanese", menu: keys, path: "/callqueue/ended", set: func(w *world) {
			c := waiting
			c.State = taskrouter.CallEnded
			w.placeCall(c)
		}},
		{name: "no_rule_matches", menu: "{}", path: "/callqueue/callback", set: func(w *world) {
			w.failTask = taskrouter.Invalidf("no filter matches")
		}},
		{name: "store_down", path: "/callqueue/menu/department/0", form: []string{"Digits", "1"}, set: func(w *world) {
			w.fail = taskrouter.Unavailable(nil, "store is down")
		}},
		{name: "agent_joins", path: "/callqueue/leg/" + attempt, leg: true, set: joins(nil)},
		{name: "agent_joins_conference_defaults", path: "/callqueue/leg/" + attempt, leg: true, set: joins(conference())},
		{name: "agent_joins_conference", path: "/callqueue/leg/" + attempt, leg: true, set: joins(conference(
			"start_conference_on_enter", "false", "end_conference_on_exit", "false", "muted", "true", "beep", "onEnter",
			"wait_url", "https://media.example.com/wait", "wait_method", "GET", "max_participants", "3",
			"conference_record", "record-from-start", "conference_trim", "do-not-trim", "jitter_buffer_size", "small",
		))},
		{name: "agent_joins_recorded", path: "/callqueue/leg/" + attempt, leg: true, set: joins(&taskrouter.Instruction{
			Kind: taskrouter.InstructDequeue, Params: map[string]string{"record": "record-from-answer"},
		})},
		{name: "agent_joins_room_recorded", path: "/callqueue/leg/" + attempt, leg: true, set: joins(conference(
			"record", "true", "recording_channels", "dual", "recording_status_callback", "https://app.example.com/leg",
			"conference_record", "true", "conference_recording_status_callback", "https://app.example.com/room?a=1&b=2",
			"conference_recording_status_callback_method", "GET",
		))},
		{name: "agent_caller_left", path: "/callqueue/leg/" + attempt, leg: true, set: func(w *world) {
			w.placeLeg(taskrouter.Leg{})
			w.verdict = dispatch.LegVerdict{Reason: callqueue.ReasonCallerLeft}
		}},
		{name: "agent_withdrawn", path: "/callqueue/leg/" + attempt, leg: true, set: func(w *world) {
			w.placeLeg(taskrouter.Leg{})
			w.verdict = dispatch.LegVerdict{Reason: callqueue.ReasonWithdrawn}
		}},
		{name: "agent_foreign_markup", path: "/callqueue/leg/" + attempt, leg: true, set: func(w *world) {
			w.placeLeg(taskrouter.Leg{})
			w.verdict = dispatch.LegVerdict{Leg: &taskrouter.Leg{Purpose: taskrouter.LegForeign, URL: "https://customer.example.com/markup"}}
		}},
		{name: "supervisor_monitors", path: "/callqueue/leg/" + attempt, leg: true, set: supervises(taskrouter.SuperviseMonitor, "")},
		{name: "supervisor_whispers", path: "/callqueue/leg/" + attempt, leg: true, set: supervises(taskrouter.SuperviseWhisper, legSID)},
		{name: "supervisor_whispers_to_nobody", path: "/callqueue/leg/" + attempt, leg: true, set: supervises(taskrouter.SuperviseWhisper, "")},
		{name: "supervisor_barges", path: "/callqueue/leg/" + attempt, leg: true, set: supervises(taskrouter.SuperviseBarge, "")},
		{name: "supervisor_leg_over", path: "/callqueue/leg/" + attempt + "/ended", leg: true, set: supervises(taskrouter.SuperviseBarge, "")},
		{name: "agent_leg_over", path: "/callqueue/leg/" + attempt + "/ended", leg: true, set: joins(nil)},
		{name: "fallback", path: "/callqueue/fallback"},
	}
	for _, flavour := range []voice.Flavour{voice.FlavourTwilio, voice.FlavourRestcomm, voice.FlavourFake} {
		for _, d := range documents {
			t.Run(string(flavour)+"/"+d.name, func(t *testing.T) {
				menu := d.menu
				if menu == "" {
					menu = twoSteps
				}
				w := newWorld(menu)
				if d.set != nil {
					d.set(w)
				}
				form := params(d.form...)
				if d.leg {
					form = legParams(d.form...)
				}
				got := post(t, w.handler(flavour), d.path, form)
				requireMarkup(t, got)
				file := filepath.Join("testdata", string(flavour), d.name+".xml")
				if *update {
					require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
					require.NoError(t, os.WriteFile(file, []byte(got), 0o644))
				}
				want, err := os.ReadFile(file)
				require.NoError(t, err)
				require.Equal(t, string(want), got)
			})
		}
	}
}

func inMenu(step string, tries int) func(*world) {
	return func(w *world) {
		w.placeCall(taskrouter.Call{State: taskrouter.CallInMenu, MenuStep: step, MenuTries: tries})
	}
}

func joins(i *taskrouter.Instruction) func(*world) {
	return func(w *world) {
		w.placeLeg(taskrouter.Leg{})
		w.verdict = dispatch.LegVerdict{Join: firstTask, Instruction: i}
	}
}

func supervises(mode taskrouter.SupervisorMode, coach string) func(*world) {
	return func(w *world) {
		l := taskrouter.Leg{Attempt: attempt, Purpose: taskrouter.LegSupervises, Mode: mode}
		w.placeLeg(l)
		// What the Reservation's own instruction says is about the agent.
		w.verdict = dispatch.LegVerdict{Join: firstTask, Leg: &l, Coach: coach}
	}
}

// portable are the verbs and nouns every platform runs.
var portable = []string{"Response", "Say", "Play", "Gather", "Pause", "Redirect", "Hangup", "Reject", "Dial", "Conference"}

// requireMarkup checks that a document is well formed, keeps to the portable
// subset and always says where keys go.
func requireMarkup(t *testing.T, text string) {
	t.Helper()
	dec := xml.NewDecoder(strings.NewReader(text))
	for {
		token, err := dec.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		require.NoError(t, err, text)
		start, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		require.Contains(t, portable, start.Name.Local)
		if name := start.Name.Local; name == "Gather" || name == "Dial" {
			require.Contains(t, text, `<`+name+` action="`)
		}
	}
}
