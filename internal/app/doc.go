// Package app builds the whole program from its packages and owns its
// lifecycle: what is wired to what, which loops run, in which order things
// start and stop. It is the one place that knows everybody; nothing imports it
// but commands and tests. The wiring is straight code on purpose.
package app
