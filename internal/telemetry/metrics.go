package telemetry

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/taskrouter/taskrouter/dispatch"
	"github.com/taskrouter/taskrouter/internal/admission"
	"github.com/taskrouter/taskrouter/taskrouter"
)

// namespace begins the name of every metric that is ours.
const namespace = "taskrouter"

// Buckets of histograms, in seconds but for commands.
var (
	// quick is for what a client waits for: a millisecond to ten seconds.
	quick = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}
	// outside is for answers of other people's servers.
	outside = []float64{.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 15, 30}
	// batch is for commands that share a transaction.
	batch = []float64{1, 2, 4, 8, 16, 32}
)

// Metrics are the metrics of one process. They are safe for concurrent use.
type Metrics struct {
	registry *prometheus.Registry
	temporal *temporalHandler

	requests           *prometheus.CounterVec
	requestTime        *prometheus.HistogramVec
	commands           *prometheus.CounterVec
	commandTime        prometheus.Histogram
	transactions       *prometheus.CounterVec
	transactionTime    prometheus.Histogram
	transactionBatch   prometheus.Histogram
	lockWait           prometheus.Histogram
	tasks              *prometheus.CounterVec
	reservations       *prometheus.CounterVec
	eventDeliveries    *prometheus.CounterVec
	eventDeliveryTime  prometheus.Histogram
	assignments        *prometheus.CounterVec
	assignmentTime     prometheus.Histogram
	statusCallbacks    *prometheus.CounterVec
	requestsRefused    *prometheus.CounterVec
	workerProcessReady prometheus.Gauge
}

var _ dispatch.Observer = (*Metrics)(nil)

// New makes the metrics of a build.
func New(version string) *Metrics {
	m := &Metrics{registry: prometheus.NewRegistry()}
	m.temporal = newTemporalHandler(m.registry)
	m.requests = m.counter("http_requests_total", "Requests answered, by route pattern.", "method", "route", "status")
	m.requestTime = m.histograms("http_request_duration_seconds", "Time from the head of a request to the end of its answer.", quick, "method", "route")
	m.commands = m.counter("commands_total", "Commands of the dispatcher: done, refused, or failed for a reason of ours.", "outcome")
	m.commandTime = m.histogram("command_duration_seconds", "Time from asking for a command to its outcome, waiting included.", quick)
	m.transactions = m.counter("transactions_total", "Attempts at a dispatch transaction: done, refused, or failed for a reason of ours.", "outcome")
	m.transactionTime = m.histogram("transaction_duration_seconds", "Time of a dispatch transaction, commit included.", quick)
	m.transactionBatch = m.histogram("transaction_commands", "Commands that shared a dispatch transaction.", batch)
	m.lockWait = m.histogram("transaction_lock_wait_seconds", "Time until a dispatch transaction had its connection and its Workspace's lock.", quick)
	m.tasks = m.counter("tasks_total", "Tasks created, and Tasks by the state they ended in.", "state")
	m.reservations = m.counter("reservations_total", "Reservations created, and what became of them.", "outcome")
	m.eventDeliveries = m.counter("event_deliveries_total", "Requests to event callback URLs: delivered, refused, unreachable, or unsent for a reason of ours.", "outcome")
	m.eventDeliveryTime = m.histogram("event_delivery_duration_seconds", "Time of requests to event callback URLs.", outside)
	m.assignments = m.counter("assignment_callbacks_total", "Assignment callbacks: instructed, left open, or failed.", "outcome")
	m.assignmentTime = m.histogram("assignment_callback_duration_seconds", "Time of assignment callbacks, the fallback included.", outside)
	m.statusCallbacks = m.counter("status_callbacks_total", "Requests to status callbacks of instructions: delivered, refused or unreachable; and notices dropped without one.", "outcome")
	m.requestsRefused = m.counter("requests_refused_total", "Requests that were not let in, by what was too much.", "reason")
	build := m.gauge("build_info", "The build that runs; always 1.", "version")
	build.WithLabelValues(version).Set(1)
	m.workerProcessReady = prometheus.NewGauge(prometheus.GaugeOpts{
		Namespace: namespace, Name: "worker_process_serving", Help: "Whether this process takes durable work from Temporal.",
	})
	m.registry.MustRegister(m.workerProcessReady, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.prepare()
	return m
}

// prepare makes the series of known outcomes begin at zero: a rate over a series
// that appears with its first fault would not show that fault.
func (m *Metrics) prepare() {
	for _, outcome := range []string{done, refused, failed} {
		m.commands.WithLabelValues(outcome)
		m.transactions.WithLabelValues(outcome)
	}
	for _, outcome := range []DeliveryOutcome{Delivered, Refused, Unreachable, Unsent} {
		m.eventDeliveries.WithLabelValues(string(outcome))
	}
	for _, outcome := range []AssignmentOutcome{Instructed, LeftOpen, AssignmentFailed} {
		m.assignments.WithLabelValues(string(outcome))
	}
	for _, outcome := range []DeliveryOutcome{Delivered, Refused, Unreachable, Dropped} {
		m.statusCallbacks.WithLabelValues(string(outcome))
	}
	for _, reason := range admission.Reasons() {
		m.requestsRefused.WithLabelValues(string(reason))
	}
	for _, state := range taskStates {
		m.tasks.WithLabelValues(state)
	}
	for _, outcome := range reservationOutcomes {
		m.reservations.WithLabelValues(outcome)
	}
}

func (m *Metrics) counter(name, help string, labels ...string) *prometheus.CounterVec {
	c := prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help}, labels)
	m.registry.MustRegister(c)
	return c
}

func (m *Metrics) gauge(name, help string, labels ...string) *prometheus.GaugeVec {
	g := prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: namespace, Name: name, Help: help}, labels)
	m.registry.MustRegister(g)
	return g
}

func (m *Metrics) histograms(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
	h := prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: namespace, Name: name, Help: help, Buckets: buckets}, labels)
	m.registry.MustRegister(h)
	return h
}

func (m *Metrics) histogram(name, help string, buckets []float64) prometheus.Histogram {
	h := prometheus.NewHistogram(prometheus.HistogramOpts{Namespace: namespace, Name: name, Help: help, Buckets: buckets})
	m.registry.MustRegister(h)
	return h
}

// Handler serves the page Prometheus reads.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{
		MaxRequestsInFlight: 4, Timeout: scrapeTimeout, DisableCompression: true,
	})
}

// scrapeTimeout is below the ten seconds Prometheus waits.
const scrapeTimeout = 9 * time.Second

// HTTPRequest counts an answered request. Route is the pattern, never the path;
// it is empty when none matched.
func (m *Metrics) HTTPRequest(method, route string, status int, took time.Duration) {
	if route == "" {
		route = "unmatched"
	}
	m.requests.WithLabelValues(method, route, strconv.Itoa(status)).Inc()
	m.requestTime.WithLabelValues(method, route).Observe(took.Seconds())
}

// How a command or a transaction ended.
const (
	done    = "done"
	refused = "refused"
	failed  = "failed"
)

// outcome tells a refusal, which a client can help, from a failure.
func outcome(err error) string {
	if err == nil {
		return done
	}
	switch taskrouter.KindOf(err) {
	case taskrouter.KindInternal, taskrouter.KindUnavailable:
		return failed
	default:
		return refused
	}
}

// CommandDone implements dispatch.Observer.
func (m *Metrics) CommandDone(took time.Duration, err error) {
	m.commands.WithLabelValues(outcome(err)).Inc()
	m.commandTime.Observe(took.Seconds())
}

// The label values that events of Tasks and Reservations turn into.
var (
	taskStates          = []string{"created", "canceled", "completed", "deleted", "system-deleted"}
	reservationOutcomes = []string{"created", "accepted", "rejected", "timeout", "canceled", "rescinded", "wrapup", "completed", "failed"}
)

// TransactionDone implements dispatch.Observer.
func (m *Metrics) TransactionDone(t dispatch.Transaction) {
	m.transactions.WithLabelValues(outcome(t.Err)).Inc()
	m.transactionTime.Observe(t.Took.Seconds())
	m.transactionBatch.Observe(float64(t.Commands))
	m.lockWait.Observe(t.LockWait.Seconds())
	for _, e := range t.Events {
		switch e {
		case taskrouter.TaskCreated, taskrouter.TaskWasCanceled, taskrouter.TaskWasCompleted, taskrouter.TaskDeleted, taskrouter.TaskSystemDeleted:
			m.tasks.WithLabelValues(strings.TrimPrefix(string(e), "task.")).Inc()
		default:
			if what, ok := strings.CutPrefix(string(e), "reservation."); ok {
				m.reservations.WithLabelValues(what).Inc()
			}
		}
	}
}

// DeliveryOutcome is what became of one request to an event callback URL.
type DeliveryOutcome string

// The outcomes of requests to event callback URLs.
const (
	Delivered DeliveryOutcome = "delivered"
	// Refused is an answer that is no success.
	Refused DeliveryOutcome = "refused"
	// Unreachable is no answer, or a URL that cannot be reached.
	Unreachable DeliveryOutcome = "unreachable"
	// Unsent is a request that was not made for a reason of ours.
	Unsent DeliveryOutcome = "unsent"
	// Dropped is a notice for a status callback that found no room, or no end
	// before the process stopped.
	Dropped DeliveryOutcome = "dropped"
)

// EventSent counts a request to an event callback URL.
func (m *Metrics) EventSent(o DeliveryOutcome, took time.Duration) {
	m.eventDeliveries.WithLabelValues(string(o)).Inc()
	m.eventDeliveryTime.Observe(took.Seconds())
}

// StatusCallbacks counts requests to the status callbacks of instructions, or
// notices that were dropped.
func (m *Metrics) StatusCallbacks(o DeliveryOutcome, n int) {
	m.statusCallbacks.WithLabelValues(string(o)).Add(float64(n))
}

// AssignmentOutcome is what an assignment callback led to.
type AssignmentOutcome string

// The outcomes of assignment callbacks.
const (
	Instructed AssignmentOutcome = "instructed"
	// LeftOpen is an answer without an instruction.
	LeftOpen AssignmentOutcome = "left_open"
	// AssignmentFailed is no usable answer from either URL.
	AssignmentFailed AssignmentOutcome = "failed"
)

// Assigned counts an assignment callback.
func (m *Metrics) Assigned(o AssignmentOutcome, took time.Duration) {
	m.assignments.WithLabelValues(string(o)).Inc()
	m.assignmentTime.Observe(took.Seconds())
}

// Serving notes whether this process takes durable work from Temporal.
func (m *Metrics) Serving(yes bool) {
	m.workerProcessReady.Set(0)
	if yes {
		m.workerProcessReady.Set(1)
	}
}
