// Package lag answers one question: has this server got far enough?
//
// A [Position] is a point in the history of a primary's writes, as a value: it
// is parsed, printed and compared without a connection. A [Clock] remembers
// when each position of the primary was asked for, which turns the position of
// a replica into a bound on its staleness. A [Tracker] keeps one server's
// latest [Sample] up to date: about once per interval when nobody waits, at
// once when somebody does.
//
// # The lag clock
//
// When the primary answered p to a question asked at time t, every write that
// had ended before t is at or before p. A replica that has reached p therefore
// lacks nothing that was committed before t: it is no staler than the time
// since t. This needs no heartbeat table and no clock but this process's own
// monotonic one, is right on an idle primary, and stays honest when the primary
// is gone: no new positions come, so the bound grows.
//
// The package knows nothing of database/sql and of how a position is asked for;
// both belong to the packages below driver.
package lag
