package voice_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/taskrouter"
	"github.com/taskrouter/taskrouter/voice"
)

func TestParseRequest(t *testing.T) {
	t.Parallel()
	r, err := voice.ParseRequest(url.Values{
		"CallSid": {"CA1"}, "AccountSid": {"AC1"}, "From": {"+15550001"}, "To": {"+15550100"}, "ApiVersion": {"2010-04-01"},
		"Direction": {"inbound"}, "CallStatus": {"ringing"}, "FromCity": {"PARIS"}, "FromZip": {""}, "Digits": {"1"},
		"FinishedOnKey": {"#"}, "CallToken": {"tok"}, "SipHeader_X-Case": {"42"}, "Other": {"kept"},
	})
	require.NoError(t, err)
	require.Equal(t, voice.FlavourTwilio, r.Flavour)
	require.Equal(t, voice.Ringing, r.Status)
	require.True(t, r.StatusKnown)
	require.Equal(t, map[string]string{"FromCity": "PARIS"}, r.Geo)
	require.Equal(t, map[string]string{"X-Case": "42"}, r.SIPHeaders)
	require.Equal(t, "1", r.Digits)
	require.True(t, r.HasDigits)
	require.Equal(t, "kept", r.Form.Get("Other"))
	require.Equal(t, -1, r.Progress.Sequence)

	r, err = voice.ParseRequest(url.Values{
		"CallSid":    {"ID" + strings.Repeat("0", 32) + "-CA" + strings.Repeat("1", 32)},
		"ApiVersion": {"2012-04-24"}, "CallStatus": {"wait-for-answer"}, "CallerName": {"null"}, "ForwardedFrom": {"null"},
		"DialCallStatus": {"null"}, "DialCallSid": {"null"}, "SpeechResult": {""}, "InstanceId": {"ID1"},
	})
	require.NoError(t, err)
	require.Equal(t, voice.FlavourRestcomm, r.Flavour)
	require.Equal(t, voice.Ringing, r.Status)
	require.Empty(t, r.CallerName)
	require.Empty(t, r.ForwardedFrom)
	require.Empty(t, r.Dial.Status)
	require.False(t, r.HasDigits)

	r, err = voice.ParseRequest(url.Values{
		"CallSid": {"CA1"}, "DialCallStatus": {"completed"}, "DialCallSid": {"CA2"}, "DialCallDuration": {"12"},
		"DialBridged": {"true"}, "QueueResult": {"hangup"}, "QueueSid": {"QU1"}, "QueueTime": {"31"}, "QueuePosition": {"2"},
	})
	require.NoError(t, err)
	require.Equal(t, "completed", r.Dial.Status)
	require.Equal(t, 12*time.Second, r.Dial.Duration)
	require.True(t, *r.Dial.Bridged)
	require.Equal(t, voice.QueueOutcome{SID: "QU1", Result: "hangup", Time: 31 * time.Second, Position: 2}, r.Queue)
	require.False(t, r.StatusKnown)

	for _, sid := range []string{"", "null", strings.Repeat("A", 71), "CA 1", "CA\n1"} {
		_, err := voice.ParseRequest(url.Values{"CallSid": {sid}})
		require.Equal(t, taskrouter.KindInvalid, taskrouter.KindOf(err), "%q", sid)
	}
}

func TestParseCallStatus(t *testing.T) {
	t.Parallel()
	rows := []struct {
		word  string
		state voice.LegState
		cause voice.EndCause
	}{
		{"queued", voice.Queued, ""},
		{"initiated", voice.Dialing, ""},
		{"ringing", voice.Ringing, ""},
		{"wait-for-answer", voice.Ringing, ""},
		{"WAIT_FOR_ANSWER", voice.Ringing, ""},
		{"in-progress", voice.Answered, ""},
		{"In Progress", voice.Answered, ""},
		{"answered", voice.Answered, ""},
		{"completed", voice.Ended, voice.EndCompleted},
		{"busy", voice.Ended, voice.EndBusy},
		{"no-answer", voice.Ended, voice.EndNoAnswer},
		{"failed", voice.Ended, voice.EndFailed},
		{"not-found", voice.Ended, voice.EndFailed},
		{"canceled", voice.Ended, voice.EndCanceled},
	}
	for _, r := range rows {
		state, cause, ok := voice.ParseCallStatus(r.word)
		require.True(t, ok, r.word)
		require.Equal(t, r.state, state, r.word)
		require.Equal(t, r.cause, cause, r.word)
	}
	_, _, ok := voice.ParseCallStatus("flying")
	require.False(t, ok)
}

func TestLegStateWords(t *testing.T) {
	t.Parallel()
	for s := voice.Queued; s <= voice.Ended; s++ {
		got, ok := voice.ParseLegState(s.String())
		require.True(t, ok)
		require.Equal(t, s, got)
	}
	_, ok := voice.ParseLegState("unknown")
	require.False(t, ok)
	require.Equal(t, "unknown", voice.LegState(99).String())
}

func TestEventAdvances(t *testing.T) {
	t.Parallel()
	joined := true
	require.True(t, voice.Event{State: voice.Answered}.Advances(voice.Ringing))
	require.False(t, voice.Event{State: voice.Ringing}.Advances(voice.Answered), "late")
	require.False(t, voice.Event{State: voice.Answered}.Advances(voice.Answered), "twice")
	require.False(t, voice.Event{State: voice.Answered}.Advances(voice.Ended), "after the end")
	require.True(t, voice.Event{State: voice.Answered, Joined: &joined}.Advances(voice.Answered))
	require.False(t, voice.Event{State: voice.Answered, Joined: &joined}.Advances(voice.Ended))
}

func TestStatusEvent(t *testing.T) {
	t.Parallel()
	received := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	agent := voice.Callback{Backend: "b", Attempt: "WR1-1", Placement: 2, ReceivedAt: received}
	number := voice.Callback{Backend: "b", ReceivedAt: received}
	rows := []struct {
		name  string
		form  url.Values
		cb    voice.Callback
		state voice.LegState
		cause voice.EndCause
	}{
		{"twilio busy", url.Values{"CallStatus": {"busy"}}, agent, voice.Ended, voice.EndBusy},
		{"twilio completed", url.Values{"CallStatus": {"completed"}}, agent, voice.Ended, voice.EndCompleted},
		{"twilio answered", url.Values{"CallStatus": {"in-progress"}}, agent, voice.Answered, ""},
		{
			"restcomm completed says only that it is over",
			url.Values{"CallStatus": {"completed"}, "ApiVersion": {"2012-04-24"}},
			agent, voice.Ended, "",
		},
		{
			"restcomm completed, known per call by its source",
			url.Values{"CallStatus": {"completed"}, "ApiVersion": {"2012-04-24"}, "CallbackSource": {"call-progress-events"}},
			number, voice.Ended, "",
		},
		{
			"restcomm number",
			url.Values{"CallStatus": {"completed"}, "ApiVersion": {"2012-04-24"}},
			number, voice.Ended, voice.EndCompleted,
		},
		{
			"restcomm answered",
			url.Values{"CallStatus": {"answered"}, "ApiVersion": {"2012-04-24"}},
			agent, voice.Answered, "",
		},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			row.form.Set("CallSid", "CA1")
			r, err := voice.ParseRequest(row.form)
			require.NoError(t, err)
			e, ok := voice.StatusEvent(r, row.cb)
			require.True(t, ok)
			require.Equal(t, voice.Event{
				Backend: "b", CallSID: "CA1", Attempt: row.cb.Attempt, Placement: row.cb.Placement,
				State: row.state, Cause: row.cause, At: received, Sequence: -1,
			}, e)
		})
	}
}

func TestStatusEventDetails(t *testing.T) {
	t.Parallel()
	r, err := voice.ParseRequest(url.Values{
		"CallSid": {"CA1"}, "CallStatus": {"no-answer"}, "SequenceNumber": {"3"}, "CallDuration": {"7"},
		"SipResponseCode": {"480"}, "Timestamp": {"Fri, 01 May 2026 10:00:00 +0000"},
	})
	require.NoError(t, err)
	e, ok := voice.StatusEvent(r, voice.Callback{Backend: "b"})
	require.True(t, ok)
	require.Equal(t, voice.Event{
		Backend: "b", CallSID: "CA1", State: voice.Ended, Cause: voice.EndNoAnswer, Sequence: 3, SIPCode: 480,
		Duration: 7 * time.Second, At: time.Date(2026, 5, 1, 10, 0, 0, 0, time.UTC),
	}, e)

	r, err = voice.ParseRequest(url.Values{"CallSid": {"CA1"}, "CallStatus": {"flying"}})
	require.NoError(t, err)
	_, ok = voice.StatusEvent(r, voice.Callback{})
	require.False(t, ok)
}

func TestConferenceEvent(t *testing.T) {
	t.Parallel()
	for word, want := range map[string]bool{"participant-join": true, "participant-leave": false} {
		r, err := voice.ParseRequest(url.Values{
			"CallSid": {"CA1"}, "ConferenceSid": {"CF1"}, "FriendlyName": {"WT1"}, "StatusCallbackEvent": {word},
		})
		require.NoError(t, err)
		e, ok := voice.StatusEvent(r, voice.Callback{Backend: "b"})
		require.True(t, ok)
		require.Equal(t, want, *e.Joined)
		require.Equal(t, "WT1", e.Room)
		require.Equal(t, voice.Answered, e.State)
	}
	r, err := voice.ParseRequest(url.Values{
		"CallSid": {"CA1"}, "ConferenceSid": {"CF1"}, "StatusCallbackEvent": {"conference-start"},
	})
	require.NoError(t, err)
	_, ok := voice.StatusEvent(r, voice.Callback{})
	require.False(t, ok)
}

func TestStatusEventLists(t *testing.T) {
	t.Parallel()
	require.Equal(t, "initiated ringing", voice.FlavourTwilio.MarkupStatusEvents("initiated", "ringing"))
	require.Equal(t, "initiated,ringing", voice.FlavourRestcomm.MarkupStatusEvents("initiated", "ringing"))
	require.Equal(t, []string{"initiated", "ringing"}, voice.FlavourTwilio.FormStatusEvents("initiated", "ringing"))
	require.Equal(t, []string{"initiated,ringing"}, voice.FlavourRestcomm.FormStatusEvents("initiated", "ringing"))
}

func FuzzParseRequest(f *testing.F) {
	f.Add("CallSid=CA1&CallStatus=busy&Timestamp=x&QueueTime=1e300&SequenceNumber=999999999999999999999")
	f.Add("CallSid=CA1&SipHeader_=&DialCallDuration=-1&ConferenceSid=CF1")
	f.Fuzz(func(t *testing.T, body string) {
		form, err := url.ParseQuery(body)
		if err != nil {
			return
		}
		r, err := voice.ParseRequest(form)
		if err != nil {
			return
		}
		e, ok := voice.StatusEvent(r, voice.Callback{})
		if ok && (e.State < voice.Queued || e.State > voice.Ended || e.Duration < 0) {
			t.Fatalf("impossible event %+v", e)
		}
	})
}
