// Package compiled opens SQLite connections that compile a statement once, and
// run it again with other values.
//
// The store writes values into the text of its statements, so that many of them
// travel together. SQLite would compile each anew, which costs more than most of
// them take to run. A connection of this package takes the values out again: two
// statements that differ in nothing else have the same shape and share one
// compiled form.
package compiled
