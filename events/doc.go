// Package events owns how changes reach the outside over HTTP: the assignment
// callback, which is in the Task's path and therefore short and bounded, the
// event callback, which is not and may take its time, and the notices of a
// telephone platform that instructions ask for.
//
// It decides nothing about a Task: it sends a signed form, reads the answer,
// and says what the answer means. Receivers are never trusted with more than a
// bounded body, never followed elsewhere, and their URLs, which may carry
// secrets, never reach a log.
package events
