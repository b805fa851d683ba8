// Package matching owns who gets which Task. It is pure: candidates come in,
// assignments and the record of how they were found go out; the same input
// gives the same output. It knows neither the expression language nor the
// store: whether a Worker satisfies the rules arrives as a predicate.
package matching
