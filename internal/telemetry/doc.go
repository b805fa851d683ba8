// Package telemetry owns the metrics: their names, labels and buckets, and the
// page Prometheus reads. Nothing personal becomes a label: SIDs of Workspaces
// and queues, route patterns, states and error kinds do, attributes, names and
// numbers do not. Whoever is measured knows an interface or a function of its
// own; internal/app joins them.
package telemetry
