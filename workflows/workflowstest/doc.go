// Package workflowstest owns what tests need to look at recorded runs: it
// stores their histories, reads them back for replay, and counts what they
// cost. It knows histories only, not what they are about.
package workflowstest
