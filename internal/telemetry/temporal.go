package telemetry

import (
	"maps"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	sdkclient "go.temporal.io/sdk/client"
)

// Temporal takes the metrics of the Temporal SDK
// (https://docs.temporal.io/references/sdk-metrics): counters end in _total and
// times, in seconds, in _seconds.
func (m *Metrics) Temporal() sdkclient.MetricsHandler { return m.temporal }

// temporalLabels are the tags of the SDK that become labels, on all of its
// metrics alike because Prometheus wants it so; one that does not apply is
// empty. Tags that are not listed are left out: what we did not look at could
// be unbounded.
var temporalLabels = []string{
	"namespace", "task_queue", "worker_type", "poller_type", "workflow_type", "activity_type", "operation", "status_code", "failure_reason",
}

// noTag is how the SDK says that a tag does not apply.
const noTag = "none"

// temporalFamilies are the metrics the SDK has named so far.
type temporalFamilies struct {
	registry *prometheus.Registry

	mu       sync.Mutex
	counters map[string]*prometheus.CounterVec
	gauges   map[string]*prometheus.GaugeVec
	timers   map[string]*prometheus.HistogramVec
}

// temporalHandler is the SDK's view of them, with tags.
type temporalHandler struct {
	*temporalFamilies
	tags map[string]string
}

func newTemporalHandler(r *prometheus.Registry) *temporalHandler {
	return &temporalHandler{temporalFamilies: &temporalFamilies{
		registry: r, counters: map[string]*prometheus.CounterVec{}, gauges: map[string]*prometheus.GaugeVec{},
		timers: map[string]*prometheus.HistogramVec{},
	}}
}

// WithTags implements sdkclient.MetricsHandler.
func (h *temporalHandler) WithTags(tags map[string]string) sdkclient.MetricsHandler {
	all := maps.Clone(h.tags)
	if all == nil {
		all = map[string]string{}
	}
	maps.Copy(all, tags)
	return &temporalHandler{temporalFamilies: h.temporalFamilies, tags: all}
}

func (h *temporalHandler) values() []string {
	out := make([]string, len(temporalLabels))
	for i, label := range temporalLabels {
		if v := h.tags[label]; v != noTag {
			out[i] = strings.ToValidUTF8(v, "?")
		}
	}
	return out
}

// Counter implements sdkclient.MetricsHandler.
func (h *temporalHandler) Counter(name string) sdkclient.MetricsCounter {
	return counter{family(h.temporalFamilies, h.counters, name, func() *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: suffixed(name, "_total"), Help: "Counted by the Temporal SDK."}, temporalLabels)
	}).WithLabelValues(h.values()...)}
}

// Gauge implements sdkclient.MetricsHandler.
func (h *temporalHandler) Gauge(name string) sdkclient.MetricsGauge {
	return gauge{family(h.temporalFamilies, h.gauges, name, func() *prometheus.GaugeVec {
		return prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: "Reported by the Temporal SDK."}, temporalLabels)
	}).WithLabelValues(h.values()...)}
}

// Timer implements sdkclient.MetricsHandler.
func (h *temporalHandler) Timer(name string) sdkclient.MetricsTimer {
	return timer{family(h.temporalFamilies, h.timers, name, func() *prometheus.HistogramVec {
		return prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: suffixed(name, "_seconds"), Help: "Measured by the Temporal SDK.", Buckets: temporalBuckets,
		}, temporalLabels)
	}).WithLabelValues(h.values()...)}
}

// temporalBuckets reach from a call on this machine to a Task that lives a day.
var temporalBuckets = []float64{.001, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 600, 3600, 86400}

// family finds or makes the metric of a name.
func family[V prometheus.Collector](f *temporalFamilies, known map[string]V, name string, build func() V) V {
	f.mu.Lock()
	defer f.mu.Unlock()
	v, ok := known[name]
	if !ok {
		v = build()
		// Registering fails when the SDK uses one name for two kinds; that
		// metric is then not shown, which is no reason to stop.
		_ = f.registry.Register(v)
		known[name] = v
	}
	return v
}

func suffixed(name, suffix string) string { return strings.TrimSuffix(name, suffix) + suffix }

type counter struct{ prometheus.Counter }

// Inc implements sdkclient.MetricsCounter.
func (c counter) Inc(n int64) {
	if n > 0 { // a counter that went down would panic
		c.Add(float64(n))
	}
}

type gauge struct{ prometheus.Gauge }

// Update implements sdkclient.MetricsGauge.
func (g gauge) Update(v float64) { g.Set(v) }

type timer struct{ prometheus.Observer }

// Record implements sdkclient.MetricsTimer.
func (t timer) Record(d time.Duration) { t.Observe(d.Seconds()) }
