// Package codec owns how what Temporal stores is encrypted: inputs, results,
// signals, memos, summaries and the texts of failures. Search attributes and
// the ids of runs are not encrypted; they hold nothing personal.
//
// Temporal sees payloads only, so that everything here works on payloads and
// knows nothing of what is in them.
package codec
