package rest

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/voice"
)

func TestVerdicts(t *testing.T) {
	t.Parallel()
	const tw, rc = voice.FlavourTwilio, voice.FlavourRestcomm
	rows := []struct {
		name    string
		flavour voice.Flavour
		op      operation
		status  int
		body    string
		want    voice.Class
	}{
		{"bad credentials", tw, opOriginate, 401, `{"code":20003,"message":"Authenticate","status":401}`, voice.ClassFatal},
		{"bad credentials", rc, opOriginate, 401, ``, voice.ClassFatal},
		{"forbidden", rc, opRead, 403, ``, voice.ClassFatal},
		{"no To", tw, opOriginate, 400, `{"code":21201}`, voice.ClassAttemptFatal},
		{"bad URL", tw, opOriginate, 400, `{"code":21205}`, voice.ClassAttemptFatal},
		{"bad To", tw, opOriginate, 400, `{"code":21211}`, voice.ClassAttemptFatal},
		{"bad From", tw, opOriginate, 400, `{"code":"21212"}`, voice.ClassAttemptFatal},
		{"no From", tw, opOriginate, 400, `{"code":21213}`, voice.ClassAttemptFatal},
		{"not a phone number", tw, opOriginate, 400, `{"code":21217}`, voice.ClassAttemptFatal},
		{"some other 400", tw, opOriginate, 400, `{"code":29999}`, voice.ClassAttemptFatal},
		{"malformed", rc, opOriginate, 400, `To is required`, voice.ClassAttemptFatal},
		{"unreachable", tw, opOriginate, 400, `{"code":21214}`, voice.ClassAttemptFatal},
		{"geo permission", tw, opOriginate, 403, `{"code":21215}`, voice.ClassAttemptFatal},
		{"blocked", tw, opOriginate, 403, `{"code":21216}`, voice.ClassAttemptFatal},
		{"From not verified", tw, opOriginate, 400, `{"code":21210}`, voice.ClassAttemptFatal},
		{"unreachable", rc, opOriginate, 500, `java.lang.NullPointerException`, voice.ClassAttemptFatal},
		{"unknown leg", tw, opRedirect, 404, `{"code":20404}`, voice.ClassGone},
		{"unknown leg", tw, opRead, 404, `{"code":20404}`, voice.ClassGone},
		{"unknown leg", rc, opRead, 406, ``, voice.ClassGone},
		{"unknown leg", rc, opRedirect, 406, `not acceptable`, voice.ClassGone},
		{"leg over", tw, opRedirect, 400, `{"code":21220,"message":"Call is not in-progress"}`, voice.ClassGone},
		{"leg over", tw, opEnd, 400, `{"code":21220}`, voice.ClassGone},
		{"leg over", rc, opRedirect, 410, `already completed`, voice.ClassGone},
		{"leg over", rc, opEnd, 410, ``, voice.ClassGone},
		{"nothing to update", tw, opEnd, 400, `{"code":20001}`, voice.ClassFatal},
		{"nothing to update", rc, opRedirect, 409, ``, voice.ClassFatal},
		{"wrong account", tw, opOriginate, 404, `{"code":20404}`, voice.ClassFatal},
		{"rate limit", tw, opOriginate, 429, `{"code":20429}`, voice.ClassRetryable},
		{"rate limit", tw, opRedirect, 429, ``, voice.ClassRetryable},
		{"call concurrency", tw, opOriginate, 400, `{"code":10004}`, voice.ClassRetryable},
		{"platform fault", tw, opOriginate, 500, `{"code":20500}`, voice.ClassUnknownOutcome},
		{"platform fault", tw, opOriginate, 503, ``, voice.ClassUnknownOutcome},
		{"platform fault", rc, opOriginate, 500, ``, voice.ClassUnknownOutcome},
		{"platform fault", rc, opOriginate, 500, `<html>oops</html>`, voice.ClassUnknownOutcome},
		{"platform fault", rc, opOriginate, 503, `busy`, voice.ClassUnknownOutcome},
		{"platform fault", tw, opRedirect, 500, ``, voice.ClassUnknownOutcome},
		{"platform fault", tw, opEnd, 500, ``, voice.ClassRetryable},
		{"platform fault", rc, opRead, 500, `text`, voice.ClassRetryable},
		{"time-out reply", tw, opOriginate, 408, ``, voice.ClassUnknownOutcome},
		{"time-out reply", tw, opRead, 408, ``, voice.ClassRetryable},
		{"redirect", tw, opRead, 302, ``, voice.ClassFatal},
	}
	for _, r := range rows {
		t.Run(string(r.flavour)+" "+r.op.name+" "+r.name, func(t *testing.T) {
			t.Parallel()
			err := failure(r.flavour, r.op, r.status, http.Header{}, []byte(r.body), time.Now())
			require.Equal(t, r.want, voice.Verdict(err), "%v", err)
			require.Equal(t, r.want == voice.ClassGone, errors.Is(err, voice.ErrCallGone))
		})
	}
}

func TestTransportVerdicts(t *testing.T) {
	t.Parallel()
	wrap := func(err error) error {
		return &url.Error{Op: "Post", URL: "https://api.test/secret?To=+15550001", Err: err}
	}
	rows := []struct {
		name string
		op   operation
		err  error
		want voice.Class
	}{
		{"reset", opOriginate, wrap(&net.OpError{Op: "read", Err: errors.New("connection reset")}), voice.ClassUnknownOutcome},
		{"reset while reading a leg", opRead, wrap(&net.OpError{Op: "read", Err: errors.New("reset")}), voice.ClassRetryable},
		{"refused: nothing was sent", opOriginate, wrap(&net.OpError{Op: "dial", Err: errors.New("refused")}), voice.ClassRetryable},
		{"no such host", opOriginate, wrap(&net.DNSError{Err: "no such host"}), voice.ClassRetryable},
		{"time-out", opOriginate, wrap(context.DeadlineExceeded), voice.ClassUnknownOutcome},
		{"time-out of a redirect", opRedirect, wrap(context.DeadlineExceeded), voice.ClassUnknownOutcome},
		{"time-out of an end", opEnd, wrap(context.DeadlineExceeded), voice.ClassRetryable},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			err := transportFailure(r.op, r.err)
			require.Equal(t, r.want, voice.Verdict(err))
			require.NotContains(t, err.Error(), "15550001")
		})
	}
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	require.Equal(t, 7*time.Second, retryAfter("7", now))
	require.Equal(t, 30*time.Second, retryAfter(now.Add(30*time.Second).Format(http.TimeFormat), now))
	require.Zero(t, retryAfter("", now))
	require.Zero(t, retryAfter("soon", now))
	require.Zero(t, retryAfter("-5", now))
}

func TestDecodeCalls(t *testing.T) {
	t.Parallel()
	rows := []struct {
		name, body string
		want       []string
	}{
		{"object", `{"sid":"CA1","status":"queued","duration":null}`, []string{"CA1"}},
		{"number where a string was", `{"sid":"CA1","status":"completed","duration":12}`, []string{"CA1"}},
		{"array", `[{"sid":"CA1"},{"sid":"CA2"}]`, []string{"CA1", "CA2"}},
		{"list", `{"calls":[{"sid":"CA1"}]}`, []string{"CA1"}},
		{"empty array", `[]`, nil},
		{"no sid", `{"status":"queued"}`, nil},
		{"xml", `<RestcommResponse/>`, nil},
		{"nothing", ``, nil},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			calls, err := decodeCalls([]byte(r.body))
			if r.want == nil {
				require.Error(t, err)
				return
			}
			require.NoError(t, err)
			var sids []string
			for _, c := range calls {
				sids = append(sids, string(c.SID))
			}
			require.Equal(t, r.want, sids)
		})
	}
}

func TestPaths(t *testing.T) {
	t.Parallel()
	tw, rc := dialects[voice.FlavourTwilio], dialects[voice.FlavourRestcomm]
	require.Equal(t, "/Calls.json", tw.collection("Calls"))
	require.Equal(t, "/Calls/CA1.json", tw.item("CA1", "Calls"))
	require.Equal(t, "/Calls.json/CA1", rc.item("CA1", "Calls"))
	require.Equal(t, "/Conferences/CF1/Participants/CA1.json", tw.item("CA1", "Conferences", "CF1", "Participants"))
	require.Equal(t, "/Conferences/CF1/Participants.json/CA1", rc.item("CA1", "Conferences", "CF1", "Participants"))
	require.Equal(t, "/Calls/..%2F..%2Fx.json", tw.item("../../x", "Calls"))
}

func TestOriginateForm(t *testing.T) {
	t.Parallel()
	req := voice.DialRequest{
		Attempt: "WR1-1", To: "sip:a@example.com", From: "+15550100", AnswerURL: "https://r/leg/WR1-1/{placement}",
		StatusURL: "https://r/status/WR1-1/{placement}", FallbackURL: "https://r/fallback",
		Timeout: 1500 * time.Millisecond, TimeLimit: time.Hour, Record: true,
		Recording: voice.Recording{Channels: "dual", StatusURL: "https://app/recorded", StatusMethod: "GET"},
		SIPUser:   "u", SIPPassword: "p", CallToken: "tok",
	}
	require.Equal(t, "dial WR1-1", req.String())
	tw := (&Driver{dialect: dialects[voice.FlavourTwilio]}).originateForm(req, 2)
	require.Equal(t, url.Values{
		"To": {"sip:a@example.com"}, "From": {"+15550100"}, "Url": {"https://r/leg/WR1-1/2"}, "Method": {"POST"},
		"StatusCallback": {"https://r/status/WR1-1/2"}, "StatusCallbackMethod": {"POST"},
		"StatusCallbackEvent": {"initiated", "ringing", "answered", "completed"},
		"FallbackUrl":         {"https://r/fallback"}, "FallbackMethod": {"POST"}, "Timeout": {"2"}, "TimeLimit": {"3600"},
		"Record": {"true"}, "RecordingChannels": {"dual"}, "RecordingStatusCallback": {"https://app/recorded"},
		"RecordingStatusCallbackMethod": {"GET"}, "SipAuthUsername": {"u"}, "SipAuthPassword": {"p"}, "CallToken": {"tok"},
	}, tw)
	rc := (&Driver{dialect: dialects[voice.FlavourRestcomm]}).originateForm(req, 1)
	require.Equal(t, []string{"initiated,ringing,answered,completed"}, rc["StatusCallbackEvent"])
	require.Equal(t, "u", rc.Get("Username"))
	require.Equal(t, "p", rc.Get("Password"))
	require.False(t, rc.Has("CallToken"))
	for name := range rc {
		require.NotContains(t, name, "Record", "nothing there records a leg that is placed")
	}
	req.Recording = voice.Recording{StatusMethod: "GET"}
	plain := (&Driver{dialect: dialects[voice.FlavourTwilio]}).originateForm(req, 1)
	require.Equal(t, "true", plain.Get("Record"))
	require.False(t, plain.Has("RecordingStatusCallbackMethod"), "there is no URL it would be for")
	req.Record = false
	require.False(t, (&Driver{dialect: dialects[voice.FlavourTwilio]}).originateForm(req, 1).Has("Record"))
}

func TestSameHost(t *testing.T) {
	t.Parallel()
	base, err := url.Parse("https://api.test")
	require.NoError(t, err)
	d := &Driver{base: base}
	got, err := d.sameHost("/2010-04-01/Accounts/AC1/Calls.json?Page=1")
	require.NoError(t, err)
	require.Equal(t, "https://api.test/2010-04-01/Accounts/AC1/Calls.json?Page=1", got)
	for _, ref := range []string{"https://evil.test/x", "//evil.test/x", "http://api.test/x"} {
		_, err := d.sameHost(ref)
		require.Error(t, err, ref)
	}
}

func TestNewChecksOptions(t *testing.T) {
	t.Parallel()
	_, err := New(Options{Flavour: "other"})
	require.Error(t, err)
	for _, base := range []string{"", "api.test", "ftp://api.test", "https://u:p@api.test", "https://api.test?x=1"} {
		_, err := New(Options{Flavour: voice.FlavourTwilio, BaseURL: base, AccountSID: "AC1", Token: "t"})
		require.Error(t, err, base)
	}
	o := Options{Name: "n", Flavour: voice.FlavourTwilio, Token: "secret"}
	require.NotContains(t, o.String(), "secret")
	require.NotContains(t, o.GoString(), "secret")
}
