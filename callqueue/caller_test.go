package callqueue_test

import (
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/taskrouter/taskrouter/callqueue"
	"github.com/taskrouter/taskrouter/taskrouter"
	"github.com/taskrouter/taskrouter/voice"
)

const (
	askDepartment = "Press 1 for Support"
	askLanguage   = "1 for English"
	invalidKey    = "That is not one of the choices."
	waitingRoom   = ">" + firstTask + "</Conference>"
)

func TestMenuBecomesOneTask(t *testing.T) {
	w := newWorld(twoSteps)
	h := w.handler(voice.FlavourTwilio)
	geo := []string{"FromCity", "Springfield", "FromCountry", "US", "CallerName", "null"}
	require.Contains(t, post(t, h, "/callqueue/callback", params(geo...)), askDepartment)
	require.Contains(t, post(t, h, "/callqueue/menu/department/0", params("Digits", "1")), askLanguage)
	require.Contains(t, post(t, h, "/callqueue/menu/language/0", params("Digits", "2")), waitingRoom)

	require.Len(t, w.tasks, 1)
	task := w.tasks[0]
	require.Equal(t, ref(), task.CallRef)
	require.Equal(t, "language", task.Step)
	require.Equal(t, map[string]string{"language": "japanese"}, task.Facts)
	require.Equal(t, int64(7), task.Priority)
	require.Empty(t, task.Channel, "voice, or what the Workspace has instead")
	require.Equal(t, map[string]any{
		"call_sid": callSID, "account_sid": "AC000000000000000000000000platform", "from": callerNo, "to": number,
		"caller": callerNo, "called": number, "direction": "inbound", "api_version": "2010-04-01",
		"call_status": "in-progress", "from_city": "Springfield", "from_country": "US", "voice_backend": "main",
		"department": "support", "language": "japanese", "line": "main", "weight": float64(3),
	}, attributesOf(t, task))

	call := w.call()
	require.Equal(t, workspace, call.WorkspaceSID)
	require.Equal(t, cqSID, call.CallQueueSID)
	require.Equal(t, callerNo, call.From)
	require.Equal(t, number, call.To)
}

func TestSimultaneousRequestsMakeOneTask(t *testing.T) {
	w := newWorld("")
	h := w.handler(voice.FlavourTwilio, func(o *callqueue.Options) { o.Budget = time.Minute })
	var wg sync.WaitGroup
	replies := make([]string, 16)
	for i := range replies {
		wg.Go(func() { replies[i] = do(h, request("/callqueue/callback", params())).Body.String() })
	}
	wg.Wait()
	require.Len(t, w.tasks, 1)
	for _, r := range replies {
		require.Contains(t, r, waitingRoom)
	}
}

func TestRestcommCallerFacts(t *testing.T) {
	w := newWorld("")
	form := params("ApiVersion", "2012-04-24", "CallerName", "null", "ForwardedFrom", "null", "To", "15550100")
	form.Del("Caller")
	form.Del("Called")
	require.Contains(t, post(t, w.handler(voice.FlavourRestcomm), "/callqueue/callback", form), waitingRoom)
	got := attributesOf(t, w.tasks[0])
	require.Equal(t, "2012-04-24", got["api_version"])
	require.Equal(t, callerNo, got["caller"])
	require.Equal(t, "15550100", got["called"])
	require.NotContains(t, got, "caller_name")
	require.NotContains(t, got, "forwarded_from")
}

// What a platform passes on may come from anybody: it must neither break nor
// fill up the Task's attributes.
func TestFactsAreBounded(t *testing.T) {
	w := newWorld("")
	long := "\x00\xff\"é" + strings.Repeat("Ω", 500)
	form := params("From", long, "CallerName", long, "ForwardedFrom", long, "Direction", long, "AccountSid", long)
	for _, name := range []string{"FromCity", "FromState", "FromZip", "FromCountry", "ToCity", "ToState", "ToZip", "ToCountry"} {
		form.Set(name, long)
	}
	post(t, w.handler(voice.FlavourTwilio), "/callqueue/callback", form)
	b, err := json.Marshal(w.tasks[0].Attributes)
	require.NoError(t, err)
	_, err = taskrouter.ParseAttributes(string(b))
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(attributesOf(t, w.tasks[0])["from"].(string), "\"éΩΩ"))
}

func TestWebhooksOfCallers(t *testing.T) {
	department := func(tries int) taskrouter.Call {
		return taskrouter.Call{State: taskrouter.CallInMenu, MenuStep: "department", MenuTries: tries}
	}
	language := taskrouter.Call{State: taskrouter.CallInMenu, MenuStep: "language"}
	waiting := taskrouter.Call{State: taskrouter.CallWaiting, MenuStep: "language", TaskSID: nextTask, Room: firstTask}
	over := taskrouter.Call{State: taskrouter.CallEnded, MenuStep: "language", TaskSID: firstTask, Room: firstTask}
	for _, c := range []struct {
		name  string
		call  *taskrouter.Call // nil: not known yet
		path  string
		form  []string
		want  string
		not   string
		tries int
		tasks int
		ended []string
	}{
		{name: "entry again at the first step", call: new(department(1)), path: "callback", want: askDepartment, tries: 1},
		{name: "entry again at a later step", call: &language, path: "callback", want: askLanguage},
		{name: "entry again while waiting", call: &waiting, path: "callback", want: waitingRoom},
		{name: "entry again after the end", call: &over, path: "callback", want: "<Hangup/>", not: "Gather"},
		{name: "entry of a leg that is over", path: "callback", form: []string{"CallStatus", "canceled"}, want: "<Hangup/>", not: "Gather"},
		{name: "right key", call: new(department(0)), path: "menu/department/0", form: []string{"Digits", "2"}, want: askLanguage},
		{name: "right key after a miscounted try", call: new(department(1)), path: "menu/department/0", form: []string{"Digits", "2"}, want: askLanguage},
		{name: "right key without a count", call: new(department(0)), path: "menu/department", form: []string{"Digits", "2"}, want: askLanguage},
		{name: "key for an old step", call: &language, path: "menu/department/0", form: []string{"Digits", "1"}, want: askLanguage},
		{name: "wrong key for an old step", call: &language, path: "menu/department/0", form: []string{"Digits", "9"}, want: askLanguage, not: invalidKey},
		{name: "key for a step to come", call: new(department(0)), path: "menu/language/0", form: []string{"Digits", "1"}, want: askDepartment},
		{name: "key for no step at all", call: new(department(0)), path: "menu/nonsense/0", form: []string{"Digits", "1"}, want: askDepartment},
		{name: "key while waiting", call: &waiting, path: "menu/language/0", form: []string{"Digits", "1"}, want: waitingRoom},
		{name: "key after the end", call: &over, path: "menu/language/0", form: []string{"Digits", "1"}, want: "<Hangup/>", not: "Gather"},
		{name: "key of a call nobody knows", path: "menu/department/0", form: []string{"Digits", "1"}, want: askDepartment},
		{name: "wrong key", call: new(department(0)), path: "menu/department/0", form: []string{"Digits", "9"}, want: invalidKey, tries: 1},
		{name: "wrong key without a count", call: new(department(0)), path: "menu/department", form: []string{"Digits", "9"}, want: invalidKey, tries: 1},
		{name: "wrong key twice reported", call: new(department(1)), path: "menu/department/0", form: []string{"Digits", "9"}, want: invalidKey, tries: 1},
		{name: "two keys", call: new(department(0)), path: "menu/department/0", form: []string{"Digits", "12"}, want: invalidKey, tries: 1},
		{name: "no key", call: new(department(1)), path: "menu/department/1", want: invalidKey, tries: 2},
		{name: "no key, asked for the step only", call: new(department(0)), path: "menu/department", want: askDepartment, not: invalidKey},
		{name: "last try, default", call: new(department(2)), path: "menu/department/2", want: askLanguage},
		{name: "last try, no default", call: &taskrouter.Call{State: taskrouter.CallInMenu, MenuStep: "language", MenuTries: 1}, path: "menu/language/1", want: "Please call again. Goodbye.", tries: 2},
		{name: "apology repeated", call: &taskrouter.Call{State: taskrouter.CallInMenu, MenuStep: "language", MenuTries: 2}, path: "callback", want: "Please call again. Goodbye.", tries: 2},
		{name: "hang-up in the menu", call: &language, path: "menu/language/0", form: []string{"CallStatus", "completed"}, want: "<Hangup/>", ended: []string{"hangup"}},
		{name: "last key", call: &language, path: "menu/language/0", form: []string{"Digits", "1"}, want: waitingRoom, tasks: 1},
		{name: "step that the menu lost", call: &taskrouter.Call{State: taskrouter.CallInMenu, MenuStep: "gone"}, path: "menu/gone/0", form: []string{"Digits", "1"}, want: askDepartment},
		{name: "end of the talk", call: &waiting, path: "ended", want: "<Dial"},
		{name: "caller left the room for good", call: &waiting, path: "ended", form: []string{"CallStatus", "completed"}, want: "<Hangup/>", ended: []string{"hangup"}},
		{name: "ended in the menu", call: &language, path: "ended", want: askLanguage},
		{name: "ended, unknown call", path: "ended", want: "<Hangup/>", not: "Say"},
		{name: "ended, unknown number", path: "ended", form: []string{"To", "+15550101"}, want: "<Hangup/>", not: "Say"},
		{name: "menu, unknown number", path: "menu/department/0", form: []string{"To", "+15550101"}, want: "<Hangup/>"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(twoSteps)
			if c.call != nil {
				w.placeCall(*c.call)
			}
			h := w.handler(voice.FlavourTwilio)
			for range 2 { // every webhook may come twice
				requireMarkup(t, post(t, h, "/callqueue/"+c.path, params(c.form...)))
			}
			require.Len(t, w.tasks, c.tasks)
			require.Equal(t, c.ended, w.ended)

			w = newWorld(twoSteps)
			if c.call != nil {
				w.placeCall(*c.call)
			}
			got := post(t, w.handler(voice.FlavourTwilio), "/callqueue/"+c.path, params(c.form...))
			require.Contains(t, got, c.want)
			if c.not != "" {
				require.NotContains(t, got, c.not)
			}
			if call := w.call(); call != nil && call.State == taskrouter.CallInMenu {
				require.Equal(t, c.tries, call.MenuTries)
			}
		})
	}
}

func TestRepeatedFailureCountsOnce(t *testing.T) {
	w := newWorld(twoSteps)
	w.placeCall(taskrouter.Call{State: taskrouter.CallInMenu, MenuStep: "department"})
	h := w.handler(voice.FlavourTwilio)
	first := post(t, h, "/callqueue/menu/department/0", params("Digits", "7"))
	again := post(t, h, "/callqueue/menu/department/0", params("Digits", "7"))
	require.Equal(t, first, again)
	require.Equal(t, 1, w.call().MenuTries)
}

func TestDefaultOfAMenuThatEndsInATask(t *testing.T) {
	w := newWorld(`{"steps": {"only": {"say": "x", "tries": 1, "choices": {"1": {}}, "default": {"set": {"chose": "nothing"}}}}}`)
	h := w.handler(voice.FlavourTwilio)
	post(t, h, "/callqueue/callback", params())
	require.Contains(t, post(t, h, "/callqueue/menu/only/0", params()), waitingRoom)
	require.Len(t, w.tasks, 1)
	require.Equal(t, "nothing", attributesOf(t, w.tasks[0])["chose"])
}

func TestUnreadableMenuDoesNotLoseTheCall(t *testing.T) {
	w := newWorld(`{"steps": `)
	require.Contains(t, post(t, w.handler(voice.FlavourTwilio), "/callqueue/callback", params()), waitingRoom)
	require.Len(t, w.tasks, 1)
}

func TestCallThatCannotBecomeATask(t *testing.T) {
	w := newWorld("")
	w.failTask = taskrouter.Invalidf("no filter matches")
	h := w.handler(voice.FlavourTwilio)
	require.Contains(t, post(t, h, "/callqueue/callback", params()), "cannot take your call")
	require.Equal(t, []string{callqueue.CauseFailed}, w.ended)
	require.NotContains(t, post(t, h, "/callqueue/callback", params()), "Gather")
}

func TestNumberSpellings(t *testing.T) {
	for to, known := range map[string]bool{
		number: true, "15550100": true, "sip:+15550100@router.example.com": true, "sip:15550100@10.0.0.1:5060;transport=tcp": true,
		"SIPS:+15550100@router.example.com": true, " +15550100 ": true, "+15550101": false, "client:+15550100x": false, "": false, "sip:": false, "@": false,
	} {
		w := newWorld("")
		got := post(t, w.handler(voice.FlavourTwilio), "/callqueue/callback", params("To", to))
		require.Equal(t, known, strings.Contains(got, waitingRoom), to)
		require.Equal(t, !known, strings.Contains(got, "<Reject"), to)
	}
}

func TestStatusOfANumber(t *testing.T) {
	for status, cause := range map[string]string{
		"completed": "hangup", "canceled": "hangup", "no-answer": "hangup", "busy": "hangup", "failed": "failed",
		"ringing": "", "in-progress": "", "queued": "", "nonsense": "", "": "",
	} {
		w := newWorld(twoSteps)
		w.placeCall(taskrouter.Call{State: taskrouter.CallWaiting, TaskSID: firstTask})
		h := w.handler(voice.FlavourTwilio)
		notify(t, h, "/callqueue/status", params("CallStatus", status))
		notify(t, h, "/callqueue/status", params("CallStatus", status))
		if cause == "" {
			require.Empty(t, w.ended, status)
			continue
		}
		require.Equal(t, []string{cause}, w.ended, status)
	}
}

func TestStatusOfCallsNobodyKnows(t *testing.T) {
	w := newWorld(twoSteps)
	h := w.handler(voice.FlavourTwilio)
	notify(t, h, "/callqueue/status", params("CallStatus", "completed"))
	notify(t, h, "/callqueue/status", params("CallStatus", "completed", "To", "+15550101"))
	require.Empty(t, w.ended)
}

func TestEndedAsksForTheTask(t *testing.T) {
	for status, over := range map[taskrouter.TaskStatus]bool{
		taskrouter.TaskPending: false, taskrouter.TaskReserved: false, taskrouter.TaskAssigned: true,
		taskrouter.TaskWrapping: true, taskrouter.TaskCompleted: true, taskrouter.TaskCanceled: true, "": true,
	} {
		w := newWorld(twoSteps)
		w.placeCall(taskrouter.Call{State: taskrouter.CallWaiting, TaskSID: nextTask, Room: firstTask})
		w.status = status
		h := w.handler(voice.FlavourTwilio)
		got := post(t, h, "/callqueue/ended", params("DialCallStatus", "answered"))
		if over {
			require.Contains(t, got, "Thank you for calling.", status)
			require.Equal(t, []string{callqueue.CauseCompleted}, w.ended, status)
			require.Equal(t, got, post(t, h, "/callqueue/ended", params()), "the repeat says the same")
			continue
		}
		require.Contains(t, got, waitingRoom, status)
		require.Empty(t, w.ended, status)
	}
}

// Whatever order requests come in, a call becomes at most one Task, and every
// reply is a document.
func TestAnyOrderOfRequests(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(twoSteps)
		h := w.handler(rapid.SampledFrom([]voice.Flavour{voice.FlavourTwilio, voice.FlavourRestcomm}).Draw(rt, "flavour"))
		paths := []string{
			"callback", "menu/department/0", "menu/department/1", "menu/department/2", "menu/department", "menu/language/0",
			"menu/language/1", "menu/other/0", "menu/department/x", "ended",
		}
		for range rapid.IntRange(1, 25).Draw(rt, "requests") {
			form := params()
			if digits := rapid.SampledFrom([]string{"", "", "1", "2", "9", "#", "12"}).Draw(rt, "digits"); digits != "" {
				form.Set("Digits", digits)
			}
			rec := do(h, request("/callqueue/"+rapid.SampledFrom(paths).Draw(rt, "path"), form))
			if rec.Code != 200 || !strings.Contains(rec.Body.String(), "<Response>") {
				rt.Fatalf("status %d: %s", rec.Code, rec.Body)
			}
			if len(w.tasks) > 1 {
				rt.Fatalf("%d tasks", len(w.tasks))
			}
		}
	})
}
