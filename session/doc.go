// Package session knows what a caller must see: the positions that he has
// written and what he has read.
//
// A [Session] belongs to one caller, a user or a request. Carried in a context
// it gives him read-your-writes and monotonic reads: no read answers from a
// database older than what he has written or seen. As a token (see
// [Session.Token] and [Parse]) it goes with him to another process.
//
// A Session has one [Record] for each cluster that it touched. Positions come
// late: neither a write nor a read waits for one. The record keeps the time at
// which something happened, and a sample of a server that was asked for after
// that time resolves it, one sample for all that wait.
//
//   - A write that ended at t is covered by every position of the primary that
//     was asked for after t.
//   - A read that ended at t on a server is covered by every position of that
//     server, or of the primary, that was asked for after t. A position asked
//     for before the read is not enough: the server had moved on by the time it
//     answered.
//
// Until then the record is what routing calls unresolved: what was written is
// safe to read on the primary, what was read on a server is safe there too.
//
// The package knows nothing of database/sql, connections or probing.
package session
