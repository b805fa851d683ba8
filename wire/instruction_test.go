package wire_test

import (
	"encoding/json"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/taskrouter"
	"github.com/taskrouter/taskrouter/wire"
)

const callSID = "CA00000000000000000000000000000001"

func codeOf(t *testing.T, err error) int {
	t.Helper()
	var e *taskrouter.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, taskrouter.KindInvalid, e.Kind)
	return e.Code
}

func TestInstructionForms(t *testing.T) {
	for _, tc := range []struct {
		query string
		want  taskrouter.Instruction
	}{
		{"Instruction=accept", taskrouter.Instruction{Kind: "accept", Params: map[string]string{}}},
		{"Instruction=Reject&WorkerActivitySid=" + activitySID, taskrouter.Instruction{Kind: "reject", Params: map[string]string{"activity_sid": activitySID}}},
		{
			"Instruction=dequeue&DequeueTo=client:ann&DequeueFrom=%2B1+(555)+010-0100&DequeueTimeout=30&DequeueRecord=record-from-answer&DequeuePostWorkActivitySid=" + activitySID +
				"&DequeueStatusCallbackUrl=https://a.example/x&DequeueStatusCallbackEvents=initiated&DequeueStatusCallbackEvents=ringing",
			taskrouter.Instruction{Kind: "dequeue", Params: map[string]string{
				"to": "client:ann", "from": "+15550100100", "timeout": "30", "record": "record-from-answer",
				"post_work_activity_sid": activitySID, "status_callback_url": "https://a.example/x", "status_callback_events": "initiated,ringing",
			}},
		},
		{
			"Instruction=call&CallFrom=%2B15550100&CallUrl=https://a.example/twiml&CallAccept=TRUE&CallTo=sip:ann@pbx.example",
			taskrouter.Instruction{Kind: "call", Params: map[string]string{"from": "+15550100", "url": "https://a.example/twiml", "accept": "true", "to": "sip:ann@pbx.example"}},
		},
		{
			"Instruction=redirect&RedirectCallSid=" + callSID + "&RedirectUrl=https://a.example/x&RedirectAccept=false",
			taskrouter.Instruction{Kind: "redirect", Params: map[string]string{"call_sid": callSID, "url": "https://a.example/x", "accept": "false"}},
		},
		{
			"Instruction=Conference&To=client:ann&From=1001&EndConferenceOnExit=true&ConferenceRecord=Record-From-Start&Beep=onenter&StatusCallbackEvent=answered&StatusCallbackEvent=completed&MaxParticipants=250&SipAuthPassword=x",
			taskrouter.Instruction{Kind: "conference", Params: map[string]string{
				"to": "client:ann", "from": "1001", "end_conference_on_exit": "true", "conference_record": "record-from-start",
				"beep": "onEnter", "status_callback_event": "answered,completed", "max_participants": "250", "sip_auth_password": "x",
			}},
		},
		{"Instruction=supervise&Supervisor=" + workerSID, taskrouter.Instruction{Kind: "supervise", Params: map[string]string{"supervisor": workerSID, "supervisor_mode": "monitor"}}},
	} {
		t.Run(tc.query, func(t *testing.T) {
			in, err := wire.ParseReservationUpdate(values(t, tc.query+"&ReservationStatus=nonsense"), wire.TaskView)
			require.NoError(t, err)
			require.Equal(t, &tc.want, in.Instruction)
			require.Nil(t, in.Status, "an instruction wins over a status")
		})
	}
}

func TestInstructionFormFaults(t *testing.T) {
	for query, code := range map[string]int{
		"Instruction=dance":                                                           55555,
		"Instruction=reject&WorkerActivitySid=x":                                      40100,
		"ReservationStatus=rejected&WorkerActivitySid=x":                              40100,
		"Instruction=dequeue":                                                         40132,
		"Instruction=dequeue&DequeueFrom=%3Cx%3E":                                     40132,
		"Instruction=dequeue&DequeueFrom=%2B15550100&DequeueTo=client:":               40131,
		"Instruction=dequeue&DequeueFrom=%2B15550100&DequeuePostWorkActivitySid=x":    40130,
		"Instruction=dequeue&DequeueFrom=%2B15550100&DequeueStatusCallbackEvent=busy": 40134,
		"Instruction=dequeue&DequeueFrom=%2B15550100&DequeueStatusCallbackUrl=x":      40157,
		"Instruction=dequeue&DequeueFrom=%2B15550100&DequeueTimeout=1000":             0,
		"Instruction=dequeue&DequeueFrom=%2B15550100&DequeueRecord=maybe":             0,
		"Instruction=call":                                                                       40111,
		"Instruction=call&CallFrom=x+y":                                                          40111,
		"Instruction=call&CallFrom=%2B15550100":                                                  40112,
		"Instruction=call&CallFrom=%2B15550100&CallUrl=nope":                                     40112,
		"Instruction=call&CallFrom=%2B15550100&CallUrl=http://a.example&CallTo=nobody":           40110,
		"Instruction=call&CallFrom=%2B15550100&CallUrl=http://a.example&CallStatusCallbackUrl=x": 40158,
		"Instruction=redirect&RedirectUrl=http://a.example":                                      40121,
		"Instruction=redirect&RedirectCallSid=x&RedirectUrl=http://a.example":                    40121,
		"Instruction=redirect&RedirectCallSid=" + callSID:                                        40120,
		"Instruction=conference&To=sip:nohost":                                                   40137,
		"Instruction=conference&From=%22":                                                        40141,
		"Instruction=conference&PostWorkActivitySid=x":                                           40139,
		"Instruction=conference&StatusCallback=x":                                                40159,
		"Instruction=conference&MaxParticipants=1":                                               0,
		"Instruction=conference&Region=mars":                                                     0,
		"Instruction=supervise":                                                                  40147,
		"Instruction=supervise&Supervisor=" + workerSID + "&SupervisorMode=shout":                0,
		"ReservationStatus=taken":                                                                0,
		"Instruction=conference&To=client:a&From=client:b&ConferenceStatusCallbackEvent=start&ConferenceTrim=a+little": 0,
	} {
		t.Run(query, func(t *testing.T) {
			_, err := wire.ParseReservationUpdate(values(t, query), wire.TaskView)
			require.Equal(t, code, codeOf(t, err))
		})
	}
	_, err := wire.ParseReservationUpdate(values(t, "Instruction=supervise&Supervisor="+workerSID), wire.WorkerView)
	require.Equal(t, 0, codeOf(t, err))
}

func TestReservationStatusForm(t *testing.T) {
	in, err := wire.ParseReservationUpdate(values(t, "ReservationStatus=Accepted"), wire.WorkerView)
	require.NoError(t, err)
	require.Equal(t, taskrouter.ReservationAccepted, *in.Status)
	in, err = wire.ParseReservationUpdate(url.Values{}, wire.WorkerView)
	require.NoError(t, err)
	require.Equal(t, wire.ReservationUpdate{}, in)
}

func TestInstructionDocuments(t *testing.T) {
	for text, want := range map[string]*taskrouter.Instruction{
		"":                         nil,
		"  \n":                     nil,
		"{}":                       nil,
		"\ufeff{}":                 nil,
		`{"instruction":"accept"}`: {Kind: "accept", Params: map[string]string{}},
		`{"instruction":"REJECT","activity_sid":"` + activitySID + `"}`: {Kind: "reject", Params: map[string]string{"activity_sid": activitySID}},
		`{"instruction":"reject","activity_sid":null}`:                  {Kind: "reject", Params: map[string]string{}},
		`{"instruction":"dequeue"}`:                                     {Kind: "dequeue", Params: map[string]string{}},
		`{"instruction":"dequeue","from":"+15550100","timeout":30,"status_callback_events":"initiated, ringing","unknown":{"a":[1]}}`: {
			Kind: "dequeue", Params: map[string]string{"from": "+15550100", "timeout": "30", "status_callback_events": "initiated,ringing"},
		},
		`{"instruction":"call","from":"+15550100","url":"https://a.example/x","accept":true}`: {
			Kind: "call", Params: map[string]string{"from": "+15550100", "url": "https://a.example/x", "accept": "true"},
		},
		`{"instruction":"redirect","call_sid":"` + callSID + `","url":"https://a.example/x","accept":"true"}`: {
			Kind: "redirect", Params: map[string]string{"call_sid": callSID, "url": "https://a.example/x", "accept": "true"},
		},
		`{"instruction":"conference","conference_record":true,"end_conference_on_exit":"true","conference_status_callback_event":["start","end"]}`: {
			Kind: "conference", Params: map[string]string{"conference_record": "true", "end_conference_on_exit": "true", "conference_status_callback_event": "start,end"},
		},
	} {
		t.Run(text, func(t *testing.T) {
			in, err := wire.ParseInstruction([]byte(text))
			require.NoError(t, err)
			require.Equal(t, want, in)
		})
	}
}

func TestInstructionDocumentFaults(t *testing.T) {
	for text, code := range map[string]int{
		"accept":                        40001,
		"[]":                            40001,
		"null":                          40001,
		`{"instruction":"accept"} more`: 40001,
		`{"instruction":`:               40001,
		`{"to":"client:ann"}`:           40005,
		`{"instruction":""}`:            40005,
		`{"instruction":null}`:          40005,
		`{"instruction":{}}`:            40005,
		`{"instruction":"dance"}`:       55555,
		`{"instruction":"supervise","supervisor":"client:ann"}`:                       55555,
		`{"instruction":"call","url":"https://a.example"}`:                            40111,
		`{"instruction":"call","from":"+15550100"}`:                                   40112,
		`{"instruction":"redirect","url":"https://a.example"}`:                        40121,
		`{"instruction":"dequeue","to":{"a":1}}`:                                      40131,
		`{"instruction":"dequeue","to":[["x"]]}`:                                      40131,
		`{"instruction":"dequeue","timeout":"soon"}`:                                  0,
		`{"instruction":"conference","to":"nobody at all"}`:                           40137,
		`{"instruction":"dequeue","post_work_activity_sid":"WK1"}`:                    40130,
		`{"instruction":"dequeue","to":"client:\u0000"}`:                              40131,
		`{"instruction":"conference","wait_url":"javascript:alert(1)"}`:               0,
		`{"instruction":"conference","status_callback":"ftp://a.example/x"}`:          40159,
		`{"instruction":"dequeue","status_callback_url":"https://"}`:                  40157,
		`{"instruction":"dequeue","status_callback_events":["initiated","exploded"]}`: 40134,
	} {
		t.Run(text, func(t *testing.T) {
			in, err := wire.ParseInstruction([]byte(text))
			require.Equal(t, code, codeOf(t, err))
			require.Nil(t, in)
		})
	}
}

func TestRejectIsCarriedOutWithoutABadActivity(t *testing.T) {
	for _, text := range []string{`{"instruction":"reject","activity_sid":"busy"}`, `{"instruction":"reject","activity_sid":{}}`} {
		in, err := wire.ParseInstruction([]byte(text))
		require.Equal(t, 40100, codeOf(t, err))
		require.Equal(t, &taskrouter.Instruction{Kind: "reject", Params: map[string]string{}}, in)
	}
}

// FuzzParseInstruction shows that no document can end the program, and that
// each is either an instruction, nothing, or a fault.
func FuzzParseInstruction(f *testing.F) {
	f.Add([]byte(`{"instruction":"dequeue","from":"+15550100","timeout":30}`))
	f.Add([]byte(`{"instruction":"reject","activity_sid":[1,true,null]}`))
	f.Add([]byte(`{`))
	f.Fuzz(func(t *testing.T, document []byte) {
		in, err := wire.ParseInstruction(document)
		if err != nil {
			require.Equal(t, taskrouter.KindInvalid, taskrouter.KindOf(err))
		}
		if in != nil {
			_, err := json.Marshal(in.Params)
			require.NoError(t, err)
		}
	})
}
