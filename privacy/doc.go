// Package privacy owns the removal of what is stored about people: everything
// from before a time, and everything about one of them.
//
// Both work on the store beside a running system, in small steps that hold a
// Workspace only briefly. Whoever is interrupted begins again: what is gone is
// not missed. What is removed tells nothing about what happened, so that an
// audit still finds what it found before.
package privacy
