package logging_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"pgregory.net/rapid"

	"github.com/taskrouter/taskrouter/internal/logging"
)

// logLines builds a JSON logger, lets write use it and returns what it wrote.
func logLines(t *testing.T, o logging.Options, write func(*zap.Logger)) []map[string]any {
	t.Helper()
	var buf bytes.Buffer
	o.Output = &buf
	log, err := logging.New(o)
	require.NoError(t, err)
	write(log)
	var lines []map[string]any
	for _, line := range strings.Split(strings.TrimSpace(buf.String()), "\n") {
		if line == "" {
			continue
		}
		m := map[string]any{}
		require.NoError(t, json.Unmarshal([]byte(line), &m), line)
		lines = append(lines, m)
	}
	return lines
}

func TestNewWritesNamedFields(t *testing.T) {
	lines := logLines(t, logging.Options{}, func(log *zap.Logger) {
		log.Debug("hidden")
		log.Named("dispatch").With(logging.WorkspaceSID("WS1")).Info("task created",
			logging.TaskSID("WT1"), logging.Revision(3), logging.Duration(1500*time.Microsecond))
	})
	require.Len(t, lines, 1)
	require.Equal(t, "dispatch", lines[0]["logger"])
	require.Equal(t, "task created", lines[0]["msg"])
	require.Equal(t, "WS1", lines[0]["workspace_sid"])
	require.Equal(t, "WT1", lines[0]["task_sid"])
	require.InDelta(t, 3, lines[0]["revision"], 0)
	require.InDelta(t, 1.5, lines[0]["duration_ms"], 0)
	_, err := time.Parse(time.RFC3339Nano, lines[0]["time"].(string))
	require.NoError(t, err)
}

func TestNewRefusesUnknownOptions(t *testing.T) {
	_, err := logging.New(logging.Options{Level: "loud"})
	require.EqualError(t, err, `unknown log level "loud": use debug, info, warn or error`)
	_, err = logging.New(logging.Options{Format: "xml"})
	require.EqualError(t, err, `unknown log format "xml": use json or console`)
	require.NoError(t, logging.CheckFormat("console"))
}

func TestConsoleFormat(t *testing.T) {
	var buf bytes.Buffer
	log, err := logging.New(logging.Options{Format: "console", Level: "debug", Output: &buf})
	require.NoError(t, err)
	log.Debug("listening", logging.Address("127.0.0.1:8080"))
	require.Contains(t, buf.String(), "DEBUG  listening  {\"address\": \"127.0.0.1:8080\"}")
}

func TestRedact(t *testing.T) {
	for _, tc := range []struct{ name, in, want string }{
		{"plain", "task created", "task created"},
		{"sid", "WT0123456789abcdef0123456789abcdef", "WT0123456789abcdef0123456789abcdef"},
		{"e164", "dial +14155550123 failed", "dial <redacted> failed"},
		{"spaced number", "dial +49 (30) 901 820 now", "dial <redacted> now"},
		{"encoded number", "To=%2B14155550123", "To=<redacted>"},
		{"sip user", "invite sip:alice@pbx.example.com", "invite sip:<redacted>@pbx.example.com"},
		{"url", `Post "https://u:p@hooks.example.com/a/b?token=x": EOF`, `Post "https://hooks.example.com/…": EOF`},
		{"database", "dial postgres://app:hunter2@db:5432/router", "dial postgres://db:5432/…"},
		{"basic", "Authorization: Basic QUM6dG9rZW4xMjM=", "Authorization: Basic <redacted>"},
		{"pair", "auth_token=abcdef, ok", "auth_token=<redacted>, ok"},
		{"json pair", `{"password":"hunter2"}`, `{"password":"<redacted>"}`},
		{"time stays", "2026-11-22T18:31:47+01:00", "2026-11-22T18:31:47+01:00"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			require.Equal(t, tc.want, logging.Redact(tc.in))
		})
	}
}

func TestRedactNeverLeaksNumbers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		number := rapid.StringMatching(`\+[1-9][0-9]{7,13}`).Draw(t, "number")
		before := rapid.StringMatching(`[a-z ,:="(]{0,20}`).Draw(t, "before")
		after := rapid.StringMatching(`[ ,:=")][a-z ]{0,20}`).Draw(t, "after")
		got := logging.Redact(before + number + after)
		if strings.Contains(got, number[1:]) {
			t.Fatalf("number left in %q", got)
		}
	})
}

type phone struct{ Number string }

func (p phone) String() string { return "call " + p.Number }

func TestFieldsAreRedacted(t *testing.T) {
	const number = "+14155550123"
	cause := fmt.Errorf("get https://x.example/secret/path: %w", errors.New("bad "+number))
	lines := logLines(t, logging.Options{}, func(log *zap.Logger) {
		log = log.With(zap.String("auth_token", "t0ken"), zap.Any("task_attributes", map[string]string{"n": number}))
		log.Warn("leg "+number+" gone",
			zap.String("from", "alice"), zap.Stringer("peer", phone{number}), zap.Any("whole", phone{number}),
			zap.ByteString("raw", []byte("x "+number)), logging.Err(cause),
			logging.URLHost("https://user:pw@hooks.example.com:8443/a?b=c"), zap.Int(logging.KeyCount, 3))
	})
	require.Len(t, lines, 1)
	raw, err := json.Marshal(lines[0])
	require.NoError(t, err)
	for _, leak := range []string{"4155550123", "t0ken", "alice", "secret", "pw"} {
		require.NotContains(t, string(raw), leak)
	}
	require.Equal(t, "hooks.example.com:8443", lines[0]["host"])
	require.Equal(t, "get https://x.example/… bad <redacted>", strings.ReplaceAll(lines[0]["error"].(string), "/…: ", "/… "))
	require.InDelta(t, 3, lines[0]["count"], 0)
}

func TestForSDK(t *testing.T) {
	lines := logLines(t, logging.Options{Level: "debug"}, func(log *zap.Logger) {
		l := logging.ForSDK(log)
		l.Info("started", "WorkflowID", "task/WT1", "Attempt", 2, "odd")
		l.Error("failed", "Error", errors.New("dial +14155550123"))
		l.Debug("d")
		l.Warn("w", 7, true)
	})
	require.Len(t, lines, 4)
	require.Equal(t, "task/WT1", lines[0]["workflow_id"])
	require.InDelta(t, 2, lines[0]["attempt"], 0)
	require.Equal(t, "odd", lines[0]["extra"])
	require.Equal(t, "dial <redacted>", lines[1]["error"])
	require.Equal(t, true, lines[3]["7"])
}

func TestLogAccess(t *testing.T) {
	for _, tc := range []struct {
		status int
		level  string
	}{{201, "info"}, {404, "info"}, {401, "warn"}, {429, "warn"}, {503, "warn"}, {500, "error"}} {
		t.Run(fmt.Sprint(tc.status), func(t *testing.T) {
			lines := logLines(t, logging.Options{}, func(log *zap.Logger) {
				logging.LogAccess(log, logging.Access{
					Method: "POST", Route: "/v1/Workspaces/:ws/Tasks", Status: tc.status, Bytes: 12,
					Elapsed: 2 * time.Millisecond, RequestID: "RQ1", AccountSID: "AC1", Code: 20001,
				})
			})
			require.Len(t, lines, 1)
			require.Equal(t, tc.level, lines[0]["level"])
			require.Equal(t, "/v1/Workspaces/:ws/Tasks", lines[0]["route"])
			require.Equal(t, "AC1", lines[0]["account_sid"])
			require.InDelta(t, 2, lines[0]["duration_ms"], 0)
		})
	}
	quiet := logLines(t, logging.Options{Level: "error"}, func(log *zap.Logger) {
		logging.LogAccess(log, logging.Access{Status: 200})
	})
	require.Empty(t, quiet)
}
