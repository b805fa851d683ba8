// Package compiled opens database connections that compile a statement once, and
// run it again with other values.
//
// The store writes values into the text of its statements, so that many of them
// travel together. A database would parse and plan each anew, which costs more
// than most of them take to run. A connection of this package takes the values
// out again: two statements that differ in nothing else have the same shape and
// share one compiled form.
//
// A number that is taken out has the type it had, a text the one its place wants.
// Where nothing wants one, PostgreSQL refuses the statement: in an argument of any
// type (concat, jsonb_build_object), before IS NULL. Numbers in a type, such as
// numeric(10,2), or in an expression that GROUP BY repeats, must not be taken out
// at all; such statements say Anew.
//
// On PostgreSQL it also saves round trips: the beginning of a transaction travels
// with its first statement, the commit with its last, and several queries in one
// text together.
package compiled
