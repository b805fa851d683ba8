// Package health owns what a process says about itself: whether it lives, and
// whether it can work. Living means that its loops go round: a restart would
// help one that does not live. Being ready means that what it depends on
// answers: a restart would not help one that is not ready, other processes
// should get its requests.
package health
