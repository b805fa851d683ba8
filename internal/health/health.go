package health

import (
	"context"
	"encoding/json"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/taskrouter/taskrouter/internal/logging"
)

// Status is the answer to a question about health.
type Status string

// The states of a process and of a check.
const (
	OK Status = "ok"
	// Degraded is a process that works although something fails.
	Degraded Status = "degraded"
	Failed   Status = "failed"
)

const (
	// probeTimeout bounds one round of checks: less than the second that a
	// probe of Kubernetes waits for its answer.
	probeTimeout = 900 * time.Millisecond
	// probeAge is how long what was found out serves further questions:
	// anybody may ask, and each check costs somebody something.
	probeAge = time.Second
	// retryAfter is what those who ask too early are told, in seconds.
	retryAfter = "5"
)

// Check is one thing a process depends on.
type Check struct {
	// Name is shown to whoever asks.
	Name string
	// Probe fails while it is not as it should be. Its error goes to the log,
	// and never into an answer: it may hold addresses.
	Probe func(ctx context.Context) error
	// Optional says that the process can work without it.
	Optional bool
}

// Report is what is known about a process.
type Report struct {
	Status Status            `json:"status"`
	Checks map[string]Status `json:"checks"`
}

// Monitor answers for one process. It is safe for concurrent use.
type Monitor struct {
	checks   []Check
	log      *zap.Logger
	now      func() time.Time
	draining atomic.Bool

	mu    sync.Mutex
	beats []*Beat

	probing sync.Mutex // held while the checks run: those who ask share a round
	at      time.Time
	last    Report
}

// New makes a Monitor.
func New(log *zap.Logger, checks ...Check) *Monitor {
	return &Monitor{checks: checks, log: log.Named("health"), now: time.Now}
}

// Drain makes the process not ready from now on.
func (m *Monitor) Drain() { m.draining.Store(true) }

// Beat follows one loop.
type Beat struct {
	name     string
	patience time.Duration
	now      func() time.Time
	since    atomic.Int64 // start of the round under way, zero between rounds
}

// Watch follows a loop whose rounds take no longer than patience.
func (m *Monitor) Watch(name string, patience time.Duration) *Beat {
	b := &Beat{name: name, patience: patience, now: m.now}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.beats = append(m.beats, b)
	return b
}

// Round runs one round of the loop.
func (b *Beat) Round(fn func() error) error {
	b.since.Store(b.now().UnixNano())
	defer b.since.Store(0)
	return fn()
}

func (b *Beat) stuck() bool {
	since := b.since.Load()
	return since != 0 && b.now().Sub(time.Unix(0, since)) > b.patience
}

// Alive tells whether the loops go round.
func (m *Monitor) Alive() Report {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := Report{Status: OK, Checks: map[string]Status{}}
	for _, b := range m.beats {
		r.Checks[b.name] = OK
		if b.stuck() {
			r.Checks[b.name], r.Status = Failed, Failed
		}
	}
	return r
}

// Ready tells whether the process can work.
func (m *Monitor) Ready(ctx context.Context) Report {
	if m.draining.Load() {
		return Report{Status: Failed, Checks: map[string]Status{"draining": Failed}}
	}
	m.probing.Lock()
	defer m.probing.Unlock()
	if !m.at.IsZero() && m.now().Sub(m.at) < probeAge {
		return m.last
	}
	// The answer serves others too: whoever asked may not cut it short.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), probeTimeout)
	defer cancel()
	m.last = m.probe(ctx)
	m.at = m.now()
	return m.last
}

func (m *Monitor) probe(ctx context.Context) Report {
	errs := make([]error, len(m.checks))
	var wg sync.WaitGroup
	for i, c := range m.checks {
		wg.Go(func() { errs[i] = c.Probe(ctx) })
	}
	wg.Wait()
	r := Report{Status: OK, Checks: map[string]Status{}}
	for i, c := range m.checks {
		r.Checks[c.Name] = OK
		if errs[i] == nil {
			continue
		}
		r.Checks[c.Name] = Failed
		m.log.Warn("check failed", zap.String(logging.KeyCheck, c.Name), logging.Err(errs[i]))
		switch {
		case !c.Optional:
			r.Status = Failed
		case r.Status == OK:
			r.Status = Degraded
		}
	}
	return r
}

// AliveHandler answers 200 while the process lives and 503 when it does not.
func (m *Monitor) AliveHandler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { answer(w, m.Alive()) })
}

// ReadyHandler answers 200 while the process can work, degraded or not, and 503
// when it cannot.
func (m *Monitor) ReadyHandler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { answer(w, m.Ready(r.Context())) })
}

func answer(w http.ResponseWriter, r Report) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	status := http.StatusOK
	if r.Status == Failed {
		status = http.StatusServiceUnavailable
		w.Header().Set("Retry-After", retryAfter)
	}
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(r) // whoever asked is gone
}
