// Package voice owns the verbs the router may use on a telephone platform and
// the facts that come back.
//
// A [Backend] places, ends, moves and inspects call legs. Every verb is safe to
// repeat: placing a leg is keyed by its attempt, ending one that is over is not
// an error. Facts return as [Event] values into a [Sink]; they may be late,
// doubled or out of order, so a leg's state only ever moves forward.
//
// The package also reads what platforms send to us ([ParseRequest],
// [StatusEvent]) and watches legs whose notices were lost ([Poller]). It does
// not render markup, decide anything about a task, or keep state of its own.
// Phone numbers and tokens never reach a log line or an error text.
package voice
