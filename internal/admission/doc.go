// Package admission owns who is let in when more is asked of a process than it
// can do, and what one account may ask of it. It counts; it knows neither HTTP
// nor the database.
//
// A request that is let in is worked on at once. One that is not waits for a
// short time, in a line of bounded length in which what moves begun work on
// stands before what begins new work, and is then refused. So the time and the
// memory that accepted work takes stay bounded, whatever is offered.
package admission
