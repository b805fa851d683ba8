package telemetry

import (
	"context"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/taskrouter/taskrouter/internal/logging"
	"github.com/taskrouter/taskrouter/store"
)

const (
	// maxSeries bounds the queues, and the Workspaces, with a series of their
	// own: those with most to do.
	maxSeries = 1000
	// backlogAge is how long what was read serves further scrapes.
	backlogAge = 5 * time.Second
	// backlogTimeout bounds one reading.
	backlogTimeout = 4 * time.Second
)

// BacklogReader reads what waits.
type BacklogReader interface {
	Backlogs(ctx context.Context, limit int) (*store.Backlogs, error)
}

// WatchBacklogs adds what waits in the database to the metrics. It is read when
// somebody scrapes, every five seconds at most, by one scrape at a time. All
// processes of an installation say the same.
func (m *Metrics) WatchBacklogs(r BacklogReader, log *zap.Logger) { m.watchBacklogs(r, log) }

func (m *Metrics) watchBacklogs(r BacklogReader, log *zap.Logger) *backlogCollector {
	name := func(n string) string { return prometheus.BuildFQName(namespace, "", n) }
	queue, workspace := []string{"workspace_sid", "queue_sid"}, []string{"workspace_sid"}
	c := &backlogCollector{
		reader: r, log: log.Named("telemetry"), now: time.Now,
		up:            prometheus.NewDesc(name("backlogs_readable"), "Whether the database told what waits; the other figures are missing if not.", nil, nil),
		waiting:       prometheus.NewDesc(name("queue_waiting_tasks"), "Tasks waiting in a queue. Empty queues have no series, and only the 1000 longest.", queue, nil),
		oldest:        prometheus.NewDesc(name("queue_oldest_seconds"), "Time since the Task that waits longest entered the queue.", queue, nil),
		notices:       prometheus.NewDesc(name("notices_pending"), "Changes their durable runs have not heard of.", nil, nil),
		noticesOldest: prometheus.NewDesc(name("notices_oldest_seconds"), "Time since the oldest change its durable run has not heard of.", nil, nil),
		behind:        prometheus.NewDesc(name("event_delivery_lag_events"), "Events still to be sent. Workspaces without have no series.", workspace, nil),
		behindOldest:  prometheus.NewDesc(name("event_delivery_lag_seconds"), "Time since the next event to be sent happened.", workspace, nil),
	}
	m.registry.MustRegister(c)
	return c
}

// backlogCollector reads the database when it is scraped.
type backlogCollector struct {
	reader BacklogReader
	log    *zap.Logger
	now    func() time.Time

	up, waiting, oldest, notices, noticesOldest, behind, behindOldest *prometheus.Desc

	mu   sync.Mutex // held while reading: scrapes share one
	at   time.Time
	last *store.Backlogs // nil when it could not be read
}

// Describe implements prometheus.Collector.
func (c *backlogCollector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{c.up, c.waiting, c.oldest, c.notices, c.noticesOldest, c.behind, c.behindOldest} {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (c *backlogCollector) Collect(out chan<- prometheus.Metric) {
	b := c.read()
	gauge := func(d *prometheus.Desc, value float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	if b == nil {
		gauge(c.up, 0)
		return
	}
	now := c.now()
	gauge(c.up, 1)
	for _, q := range b.Queues {
		gauge(c.waiting, float64(q.Waiting), q.WorkspaceSID, q.QueueSID)
		gauge(c.oldest, age(now, q.Since), q.WorkspaceSID, q.QueueSID)
	}
	gauge(c.notices, float64(b.Notices))
	gauge(c.noticesOldest, age(now, b.NoticesSince))
	for _, d := range b.Deliveries {
		gauge(c.behind, float64(d.Events), d.WorkspaceSID)
		gauge(c.behindOldest, age(now, d.Since), d.WorkspaceSID)
	}
}

func (c *backlogCollector) read() *store.Backlogs {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.at.IsZero() && c.now().Sub(c.at) < backlogAge {
		return c.last
	}
	ctx, cancel := context.WithTimeout(context.Background(), backlogTimeout)
	defer cancel()
	b, err := c.reader.Backlogs(ctx, maxSeries)
	if err != nil {
		c.log.Warn("what waits could not be read", logging.Err(err))
		b = nil
	}
	c.last, c.at = b, c.now()
	return b
}

// age is zero when nothing waits.
func age(now, since time.Time) float64 {
	if since.IsZero() {
		return 0
	}
	return max(0, now.Sub(since).Seconds())
}
