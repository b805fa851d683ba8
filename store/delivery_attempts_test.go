package store

import (
	"io/fs"
	"testing"
	"time"

	"github.com/pressly/goose/v3"
	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/internal/pgtest"
	"github.com/taskrouter/taskrouter/taskrouter"
)

// TestDeliveryLogIsKept brings the log of one line an event into the one of a
// line a request.
func TestDeliveryLogIsKept(t *testing.T) {
	for name, url := range map[string]func() string{
		"sqlite":   func() string { return MemoryURL },
		"postgres": func() string { return pgtest.Start(t) },
	} {
		t.Run(name, func(t *testing.T) {
			s, err := Open(t.Context(), Options{URL: url()})
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, s.Close()) })
			folder, err := fs.Sub(migrations, s.dialect.migrations)
			require.NoError(t, err)
			provider, err := goose.NewProvider(s.dialect.goose, s.write.DB, folder)
			require.NoError(t, err)
			_, err = provider.UpTo(t.Context(), 5)
			require.NoError(t, err)
			e := &taskrouter.Event{SID: "EV7", AccountSID: "AC1", WorkspaceSID: "WS1", Seq: 7, Type: taskrouter.TaskCreated, At: time.UnixMicro(5)}
			_, err = s.write.NewInsert().Model(fromEvent(e)).Exec(t.Context())
			require.NoError(t, err)
			for _, line := range []string{"'WS1', 7, 'EV7', 'failed', 2, 503, 9", "'WS1', 8, 'EV8', 'skipped', 0, 0, 9"} {
				_, err = s.write.NewRaw("INSERT INTO event_deliveries (workspace_sid, seq, event_sid, status, attempts, last_status, at) VALUES (" + line + ")").Exec(t.Context())
				require.NoError(t, err)
			}
			require.NoError(t, s.Migrate(t.Context()))
			got, err := s.ListDeliveryAttempts(t.Context(), e, taskrouter.Page{})
			require.NoError(t, err)
			require.Equal(t, []*taskrouter.DeliveryAttempt{{
				SID: "ED7", AccountSID: "AC1", WorkspaceSID: "WS1", EventSID: "EV7", Seq: 7, Number: 2, Status: taskrouter.DeliveryFailed,
				ResponseStatus: 503, CreatedAt: instant(9), SentAt: instant(9),
			}}, got)
			got, err = s.ListDeliveryAttempts(t.Context(), &taskrouter.Event{AccountSID: "AC1", WorkspaceSID: "WS1", Seq: 8}, taskrouter.Page{})
			require.NoError(t, err)
			require.Empty(t, got, "an event that is not kept has no log")
		})
	}
}
