// Package tracing owns the traces of a process: where spans are sent, which are
// kept, what they are called and what they may say. A trace leads from a request
// over the dispatcher's transaction to the Task's durable run, its activities and
// the webhooks they send.
//
// Spans carry SIDs, states and measures. They never carry attributes of Tasks
// and Workers, telephone numbers, texts of errors, or more of a URL than its host.
package tracing
