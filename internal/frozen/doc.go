// Package frozen owns the record of files that were released and must never
// change again: migrations, and the histories later versions must replay. A
// record is a JSON file of digests, by release and path.
package frozen
