package durability

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// What the endurance test takes from the environment.
const (
	// enduranceEnv is how long things go wrong, such as 2m.
	enduranceEnv = "ENDURANCE"
	// enduranceSeedEnv repeats the faults of an earlier run.
	enduranceSeedEnv = "ENDURANCE_SEED"
)

const (
	defaultEndurance = 2 * time.Minute
	// drainPatience is how long everything may take to come to rest afterwards,
	// on a slow machine.
	drainPatience = 4 * time.Minute
	// mostShown is how many of the things that are wrong are shown.
	mostShown = 40
	// progressEvery is how often a wait tells what it waits for.
	progressEvery = 5 * time.Second
	lookEvery     = 250 * time.Millisecond
)

// TestEndurance runs the router as production does, and lets everything go
// wrong at once while clients, agents and customers keep it busy: processes of
// the router, PostgreSQL and Temporal die and come back, applications fail,
// telephone webhooks come twice and out of order, clocks of clients jump. Then
// the faults stop. Every Task that was accepted must end, every event must have
// been delivered, and the auditor must find nothing.
func TestEndurance(t *testing.T) {
	length := defaultEndurance
	if text := os.Getenv(enduranceEnv); text != "" {
		var err error
		length, err = time.ParseDuration(text)
		require.NoError(t, err, enduranceEnv)
	}
	// A build that waits for this test always has the same faults.
	otherwise := time.Now().UnixNano()
	if testing.Short() {
		otherwise = 1
	}
	seed := number(t, enduranceSeedEnv, otherwise)
	all := faults(seed, length)
	t.Logf("%d faults in %s; repeat with %s=%d %s=%s", len(all), length, enduranceSeedEnv, seed, enduranceEnv, length)

	f := newFleet(t)
	p := newPressure(t, newWorkspace(f.system), seed)
	run := &trial{fleet: f, pressure: p}
	t.Cleanup(func() { run.testify(t) })
	p.start(t)
	run.play(t, all)
	p.close()
	ended := time.Now()
	run.drain(t)
	drained := time.Since(ended)

	report, err := f.command("audit")
	require.NoError(t, err, "%s", report)
	t.Log(report)
	v := run.verdict(t)
	wrong := v.wrong()
	require.Empty(t, wrong[:min(len(wrong), mostShown)], "%d things are wrong; seed %d", len(wrong), seed)
	f.ringsOnce()
	byEnd := map[string]int{}
	for _, end := range v.ends {
		byEnd[end]++
	}
	require.Greater(t, byEnd["completed"], int(length/(4*time.Second)), "too little load to prove anything")
	for _, r := range f.routers {
		r.terminate(t)
	}
	run.red(t)

	lives, gaveUp := map[string]int{}, map[string]int{}
	for _, x := range f.processes() {
		lives[x.name], gaveUp[x.name], _ = x.told()
	}
	kinds := map[string]int{}
	for _, x := range all {
		kinds[x.target+" "+x.kind]++
	}
	t.Logf("seed %d: %d faults in %s, at rest %s later; %d requests for tasks, %d tasks, ends %v; %d calls, %d rings; "+
		"%d events to be sent, %d sent again on request; lives %v, of which gave up by themselves %v\nfaults %v\nrequests failed %v\nerrors logged %v",
		seed, len(all), length, drained.Round(100*time.Millisecond), len(v.answered), len(v.ends), byEnd, p.placed.count(), p.rings(),
		len(v.log), run.resent, lives, gaveUp, kinds, p.setbacks(), f.complaints())
}

// trial is a fleet under pressure.
type trial struct {
	*fleet
	*pressure
	// rest is when everything must have come to rest.
	rest time.Time
	// resent is how many events were sent again because a client asked.
	resent int
}

// play lets the faults happen at their times.
func (x *trial) play(t *testing.T, all []fault) {
	t.Helper()
	began := time.Now()
	for _, s := range steps(all) {
		pause(t.Context(), time.Until(began.Add(s.at)))
		if !s.ends {
			t.Logf("%s   (at %s)", s.fault, time.Since(began).Round(time.Millisecond))
		}
		x.act(t, s)
	}
}

// act begins or ends a fault.
func (x *trial) act(t *testing.T, s step) {
	t.Helper()
	mood := s.fault.kind
	if s.ends {
		mood = ""
	}
	switch s.fault.target {
	case onPostgres:
		switch mood {
		case faultFast:
			x.cluster.Stop(t)
		case faultImmediate:
			x.cluster.Abort(t)
		default:
			x.cluster.Resume(t)
		}
	case onEvents:
		x.events.is(mood)
	case onAssignments:
		x.assignments.is(mood)
	case onWebhooks:
		x.platform.notices(t, mood)
	case onClock:
		x.clock.jump(s.fault.jump)
	default:
		if p := x.process(s.fault.target); s.ends {
			p.up()
		} else {
			p.kill()
		}
	}
}

// notices makes the platform's notices as unreliable as said.
func (p *platform) notices(t *testing.T, mood string) {
	t.Helper()
	now := map[string]any{"duplicate": mood == faultDuplicate, "reorder": mood == faultReorder}
	if mood == faultDelay {
		now["delay_ms"] = 1500
	}
	require.NoError(t, p.do(http.MethodPost, "/faults", map[string]any{"callbacks": now}, nil))
}

// drain waits until nothing is going on any more, and tells how far it is.
func (x *trial) drain(t *testing.T) {
	t.Helper()
	x.rest = time.Now().Add(drainPatience)
	x.waits(t, "every task ends", func() error {
		x.dismissCallers()
		x.settled(t.Context())
		return x.audit(t.Context(), resting)
	})
	x.stop()
	x.waits(t, "every event is delivered", func() error { return x.delivered(t.Context()) })
	x.waits(t, "no run is left", func() error { return errors.Join(x.audit(t.Context(), resting), x.conducted(t.Context())) })
	require.NoError(t, x.audit(t.Context(), always))
}

// settled lets clients ask again who have no answer yet.
func (x *trial) settled(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 2*progressEvery)
	defer cancel()
	x.settle(ctx)
}

// waits waits for a condition and says now and then what is missing.
func (x *trial) waits(t *testing.T, what string, ok func() error) {
	t.Helper()
	began := time.Now()
	told := began
	until(t, time.Until(x.rest), what, func() error {
		err := ok()
		if err == nil {
			return nil
		}
		if time.Since(told) > progressEvery {
			told = time.Now()
			lines := strings.Split(err.Error(), "\n")
			t.Logf("%s: not yet after %s; %d are missing, such as %s", what, time.Since(began).Round(time.Second), len(lines), lines[0])
		}
		pause(t.Context(), lookEvery) // looking must not be what keeps the machine busy
		return err
	})
}

// delivered reports what keeps events from having been delivered. Those that
// were given up while their receiver failed are sent again, as its operators
// would ask for.
func (x *trial) delivered(ctx context.Context) error {
	var failed []string
	err := x.audit(ctx, func(ctx context.Context, l *ledger) {
		l.none(ctx, "delivery is behind", `SELECT d.cursor_seq || ' of ' || k.event_seq
			FROM deliveries d JOIN workspace_locks k ON k.workspace_sid = d.workspace_sid WHERE d.cursor_seq <> k.event_seq`)
		l.none(ctx, "event is still to be sent again", `SELECT event_sid FROM delivery_attempts WHERE status = 'queued'`)
		failed = l.rows(ctx, toSend+`WHERE NOT EXISTS (SELECT 1 FROM delivery_attempts a
			WHERE a.workspace_sid = e.workspace_sid AND a.seq = e.seq AND a.status IN ('delivered', 'queued'))`)
	})
	if err != nil {
		return err
	}
	var errs []error
	for _, sid := range failed {
		errs = append(errs, fmt.Errorf("event %s was given up", sid))
		if _, err := x.api_.post(x.path+"/Events/"+sid+"/Deliveries", nil); err != nil {
			errs = append(errs, err)
			continue
		}
		x.resent++
	}
	return errors.Join(errs...)
}

// toSend selects the events that are to be sent: from the one on that announces
// the URL.
const toSend = `WITH announced AS (SELECT workspace_sid, min(seq) AS seq FROM events WHERE type = 'workspace.updated' GROUP BY workspace_sid)
	SELECT e.sid FROM events e JOIN announced ON announced.workspace_sid = e.workspace_sid AND e.seq >= announced.seq `

// verdict collects what is known.
func (x *trial) verdict(t *testing.T) verdict {
	t.Helper()
	v := verdict{made: map[string][]string{}}
	v.answered, v.strange = x.pressure.told()
	for _, p := range x.routers {
		_, _, crashes := p.told()
		v.strange = append(v.strange, crashes...)
	}
	_, v.heard = x.events.seen()
	v.offers, _ = x.assignments.seen()
	var err error
	v.ends, err = x.endings(t.Context())
	require.NoError(t, err)
	require.NoError(t, x.audit(t.Context(), func(ctx context.Context, l *ledger) {
		v.log = l.rows(ctx, toSend)
		v.booked = l.rows(ctx, `SELECT DISTINCT event_sid FROM delivery_attempts WHERE status = 'delivered'`)
		for _, line := range l.rows(ctx, `SELECT task_sid || ' ' || data FROM events WHERE type = 'task.created' ORDER BY seq`) {
			sid, data, _ := strings.Cut(line, " ")
			var about struct {
				Attributes string `json:"task_attributes"`
			}
			var carried struct {
				Token string `json:"token"`
			}
			if err := errors.Join(json.Unmarshal([]byte(data), &about), json.Unmarshal([]byte(about.Attributes), &carried)); err != nil {
				l.broken("task %s: %w", sid, err)
			}
			if carried.Token != "" {
				v.made[carried.Token] = append(v.made[carried.Token], sid)
			}
		}
	}))
	return v
}

// red proves that the checks can fail: something is spoilt that nobody repairs
// any more, and they must see it.
func (x *trial) red(t *testing.T) {
	t.Helper()
	db, err := sql.Open("pgx", x.postgres)
	require.NoError(t, err)
	defer func() { _ = db.Close() }()
	for _, spoilt := range []struct{ statement, found, missed string }{
		{`UPDATE worker_channels SET accepted = accepted + 1 WHERE worker_sid = (SELECT min(worker_sid) FROM worker_channels)`, "ROW-MISMATCH", "counter is not what is open"},
		{`DELETE FROM events WHERE type = 'task.completed' AND seq = (SELECT max(seq) FROM events WHERE type = 'task.completed')`, "LOG-GAP", "event log has a gap"},
	} {
		_, err := db.ExecContext(t.Context(), spoilt.statement)
		require.NoError(t, err)
		report, err := x.command("audit")
		var exit *exec.ExitError
		require.ErrorAs(t, err, &exit, "the audit sees nothing: %s", report)
		require.Equal(t, 1, exit.ExitCode(), report)
		require.Contains(t, report, spoilt.found)
		require.ErrorContains(t, x.audit(t.Context(), atRest), spoilt.missed)
	}
	ends, err := x.endings(t.Context())
	require.NoError(t, err)
	require.Len(t, verdict{ends: ends}.wrong(), 1, "a task without an end is noticed")
}

// testify keeps the event log of a trial that failed: it says what happened.
func (x *trial) testify(t *testing.T) {
	if !t.Failed() {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var lines []string
	if err := x.audit(ctx, func(ctx context.Context, l *ledger) {
		lines = l.rows(ctx, `SELECT seq || ' ' || at || ' ' || type || ' ' || task_sid || ' ' || reservation_sid || ' ' || worker_sid || ' ' || data FROM events ORDER BY seq`)
	}); err != nil {
		t.Logf("the event log cannot be read: %v", err)
		return
	}
	path := filepath.Join(x.dir, "events.txt")
	t.Logf("the event log is in %s: %v", path, os.WriteFile(path, []byte(strings.Join(lines, "\n")), 0o600))
}

// complaints counts what the router's processes logged as errors.
func (f *fleet) complaints() map[string]int {
	out := map[string]int{}
	for _, p := range f.routers {
		text, _ := os.ReadFile(p.log)
		for line := range strings.Lines(string(text)) {
			var said struct {
				Level   string `json:"level"`
				Message string `json:"msg"`
			}
			if json.Unmarshal([]byte(line), &said) == nil && said.Level == "error" {
				out[said.Message]++
			}
		}
	}
	return out
}
