package audit_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/audit"
	"github.com/taskrouter/taskrouter/privacy"
)

// purge removes what ended longer ago than an age.
func (w *world) purge(age time.Duration) privacy.Purged {
	w.t.Helper()
	out, err := privacy.Purge(w.ctx, w.db.Store, privacy.PurgeOptions{
		WorkspaceSID: w.ws, Before: w.clock.now().Add(-age), Now: w.clock.now,
	})
	require.NoError(w.t, err)
	return out
}

// A purge makes a young log begin late. That is no gap, wherever it begins; a
// hole beyond it is one.
func TestPurgesAreNotAccused(t *testing.T) {
	longRetention := func(o *audit.Options) { o.Retention = 365 * 24 * time.Hour }
	for _, kind := range []string{"memory", "sqlite", "postgres"} {
		t.Run(kind, func(t *testing.T) {
			c := newChance(newWorld(t, openDatabase(t, kind), inChunks(true)))
			removed := 0
			for i, s := range tapeOf(3, 120) {
				c.do(s)
				if i%12 == 11 {
					removed += c.purge(time.Duration(i%5) * 20 * time.Second).Events
					c.requireHealthy(longRetention)
				}
			}
			require.Greater(t, removed, 20, "too little was purged to prove anything")
			if kind == "memory" {
				return // it has no back door
			}
			c.exec("DELETE FROM events WHERE workspace_sid = ? AND seq = (SELECT MIN(seq) FROM events WHERE workspace_sid = ?)", c.ws, c.ws)
			o := audit.Options{Now: c.clock.now}
			longRetention(&o)
			r, err := audit.Run(c.ctx, c.db.Store, engine, o)
			require.NoError(t, err)
			require.NotEmpty(t, r.Findings)
			require.Equal(t, audit.LogGap, r.Findings[0].Kind)
		})
	}
}

// Nor is anybody accused after people were erased, from Tasks that wait and from
// the log: what was erased nobody judges by.
func TestErasuresAreNotAccused(t *testing.T) {
	for _, kind := range []string{"memory", "postgres"} {
		t.Run(kind, func(t *testing.T) {
			c := newChance(newWorld(t, openDatabase(t, kind), inChunks(true)))
			events := 0
			for i, s := range tapeOf(5, 150) {
				c.do(s)
				if i%10 != 9 {
					continue
				}
				out, err := privacy.Erase(c.ctx, c.db.Store, c.d, privacy.EraseOptions{
					WorkspaceSID: c.ws, Attribute: "who", Value: fmt.Sprintf("w%d", i/10%6), IncludeLive: true,
				})
				require.NoError(t, err)
				events += out.Events
				c.requireHealthy()
			}
			require.Greater(t, events, 50, "too little was erased to prove anything")
		})
	}
}

// A Task that the agent could not have taken is ahead of the one they got. Once
// it is erased, its demand reads as if they could have.
func TestErasedDemandsAreUndecidable(t *testing.T) {
	w := newWorld(t, openDatabase(t, "sqlite"))
	all := w.queue("All", "1==1")
	w.workflow(routing(all, filter("1==1", all, `"expression":"worker.lang != task.lang"`)))
	ann := w.worker("Ann", `{"lang":"en"}`, "Offline")
	w.task(`{"who":"Zaphod","lang":"en"}`, priority(5))
	got := w.task(`{"lang":"ja"}`)
	w.move(ann, "Available")
	require.Contains(t, w.offers(got), ann)
	require.Zero(t, w.requireHealthy().Totals.Undecidable[audit.OutOfTurn])
	w.move(ann, "Offline") // the erased one may be offered to nobody, or rows would differ
	_, err := privacy.Erase(w.ctx, w.db.Store, w.d, privacy.EraseOptions{WorkspaceSID: w.ws, Attribute: "who", Value: "Zaphod", IncludeLive: true})
	require.NoError(t, err)
	require.Positive(t, w.requireHealthy().Totals.Undecidable[audit.OutOfTurn])
}
