//go:build !race

package dispatch_test

const underRace = false
