package telemetry

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/taskrouter/taskrouter/internal/admission"
)

// RequestRefused counts a request that was not let in.
func (m *Metrics) RequestRefused(reason admission.Reason) {
	m.requestsRefused.WithLabelValues(string(reason)).Inc()
}

// kinds are the label values of what requests are let in for.
var kinds = map[admission.Kind]admission.Reason{
	admission.Write: admission.BusyWrites, admission.Read: admission.BusyReads,
	admission.Explain: admission.BusyExplanations, admission.Authenticate: admission.BusyAuthentications, admission.Query: admission.BusyDatabase,
}

// WatchAdmission adds how many requests are in work, and how many wait to be.
func (m *Metrics) WatchAdmission(d *admission.Door) {
	for kind, name := range kinds {
		labels := prometheus.Labels{"kind": string(name)}
		m.registry.MustRegister(
			prometheus.NewGaugeFunc(prometheus.GaugeOpts{
				Namespace: namespace, Name: "requests_in_work", Help: "Requests of the API in work.", ConstLabels: labels,
			}, func() float64 {
				inside, _ := d.Load(kind)
				return float64(inside)
			}),
			prometheus.NewGaugeFunc(prometheus.GaugeOpts{
				Namespace: namespace, Name: "requests_waiting", Help: "Requests of the API that wait to be let in.", ConstLabels: labels,
			}, func() float64 {
				_, waiting := d.Load(kind)
				return float64(waiting)
			}))
	}
}
