package postgres

import (
	"time"

	"github.com/rwsplit/rwsplit/lag"
)

// settling finds the position of a primary that a standby can reach.
//
// The insert position covers every commit that has ended, but may run ahead of
// what is sent to standbys: what an open transaction has written stays in memory
// until a page is full, or something commits. On a primary where nothing else
// commits, a standby would look behind for as long as the transaction is open.
//
// The flush position leaves out commits that did not wait for the disk
// (synchronous_commit = off). Those are flushed by the WAL writer within three
// times wal_writer_delay (PostgreSQL's manual, "Asynchronous Commit"). So while
// the snapshot stays as it is, which means that no transaction with an id has ended,
// and has been so for longer, the flush position covers every commit too: unless the
// disk stalls for all that time, which nobody can tell from here.
type settling struct {
	patience time.Duration
	snapshot string    // of the last sample whose WAL was not all flushed
	since    time.Time // when a sample with this snapshot had first been answered
}

// expect takes the current wal_writer_delay. A reload may change it: the longest
// that was seen counts.
func (s *settling) expect(writerDelay time.Duration) {
	s.patience = max(s.patience, settleFactor*writerDelay)
}

// settleFactor times wal_writer_delay is the patience: three and a good margin.
const settleFactor = 10

// position returns what covers every commit that had ended when the sample was
// asked for.
func (s *settling) position(insert, flush lag.LSN, snapshot string, asked time.Time) lag.LSN {
	switch {
	case flush >= insert:
		s.snapshot = ""
		return insert
	case snapshot != s.snapshot:
		s.snapshot, s.since = snapshot, time.Now()
		return insert
	case asked.Sub(s.since) >= s.patience:
		return flush
	default:
		return insert
	}
}
