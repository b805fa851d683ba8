// Package archtest owns the rules about this repository that the compiler does
// not know: which package may import which, and a few habits of the house. It
// has tests only, and reads the sources without building them.
package archtest
