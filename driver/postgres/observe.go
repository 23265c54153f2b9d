package postgres

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"math/bits"
	"strconv"
	"time"

	"github.com/rwsplit/rwsplit/lag"
)

var errNotPostgres = errors.New("the server did not answer as PostgreSQL does")

// identity is what does not change for the life of a connection.
type identity struct {
	system   uint64
	geometry lag.WALGeometry
	started  uint64 // of the postmaster, in microseconds

	// The timeline of a standby is read from the control file, which is not
	// free, so no more often than timelineAge.
	timeline uint32
	checked  time.Time

	settling settling
}

const timelineAge = 500 * time.Millisecond

// identityQuery needs no privilege.
const identityQuery = `SELECT s.system_identifier, i.bytes_per_wal_segment, i.wal_block_size,
  (extract(epoch FROM pg_postmaster_start_time()) * 1000000)::bigint, pg_backend_pid()
FROM pg_control_system() s, pg_control_init() i`

// sampleQuery: on a primary the insert position, not pg_current_wal_lsn(), which
// can precede a commit that did not wait for the disk; on a standby the replay
// position, not the receive position, which says nothing about visibility. The
// name of a WAL file begins with the timeline in hexadecimal: it tells a
// promotion at once, where the control file does so with the next checkpoint.
//
// Runs of the server are told apart by the start of the postmaster and the last
// reset of its statistics: when a server process crashes, the postmaster lives on
// and recovers again, on a standby from its last restartpoint, which may be older
// than what was read before. It drops the statistics then. (Seen with PostgreSQL
// 15.) A reset by hand passes for a new run, which costs some connections.
const sampleQuery = `SELECT r.standby,
  CASE WHEN r.standby THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_insert_lsn() END::text,
  CASE WHEN r.standby THEN '' ELSE substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8) END,
  CASE WHEN r.standby THEN pg_is_wal_replay_paused() ELSE false END,
  coalesce((extract(epoch FROM pg_stat_get_bgwriter_stat_reset_time()) * 1000000)::bigint, 0),
  CASE WHEN r.standby THEN '0/0' ELSE pg_current_wal_flush_lsn()::text END,
  CASE WHEN r.standby THEN '' ELSE pg_current_snapshot()::text END,
  (extract(epoch FROM current_setting('wal_writer_delay')::interval) * 1000)::bigint
FROM (SELECT pg_is_in_recovery() OFFSET 0) AS r(standby)`

// timelineQuery: what a standby's control file says is as old as its last
// restartpoint. The receiver knows better, but shows it only to roles with
// pg_read_all_stats; for others it is null.
const timelineQuery = `SELECT greatest(c.timeline_id, r.min_recovery_end_timeline,
  (SELECT received_tli FROM pg_stat_wal_receiver))
FROM pg_control_checkpoint() c, pg_control_recovery() r`

// Observe implements cluster.Server.
func (s *server) Observe(ctx context.Context, dc driver.Conn) (lag.Sample, error) {
	ours := dc.(*conn)
	id := &ours.identity
	if err := ours.identify(ctx, s.pooler); err != nil {
		return lag.Sample{}, err
	}
	var (
		standby, paused bool
		position        *string
		file            string
		reset           int64
		flushed         string
		snapshot        string
		writerDelay     int64 // milliseconds
	)
	asked := time.Now()
	if err := ours.queryRow(ctx, sampleQuery).Scan(&standby, &position, &file, &paused, &reset, &flushed, &snapshot, &writerDelay); err != nil {
		return lag.Sample{}, err
	}
	sample := lag.Sample{Run: id.started ^ bits.RotateLeft64(uint64(reset), 32), Writable: !standby}
	if paused {
		sample.Stopped = "replay is paused"
	}
	if position == nil {
		return sample, nil
	}
	lsn, err := lag.ParseLSN(*position)
	if err != nil {
		return lag.Sample{}, fmt.Errorf("%w: %w", errNotPostgres, err)
	}
	if standby {
		if err := ours.readTimeline(ctx); err != nil {
			return lag.Sample{}, err
		}
	} else {
		flush, err := lag.ParseLSN(flushed)
		if err != nil {
			return lag.Sample{}, fmt.Errorf("%w: %w", errNotPostgres, err)
		}
		id.settling.expect(time.Duration(writerDelay) * time.Millisecond)
		lsn = id.settling.position(id.geometry.Normalize(lsn), flush, snapshot, asked)
		timeline, err := strconv.ParseUint(file, 16, 32)
		if err != nil {
			return lag.Sample{}, fmt.Errorf("%w: WAL file %q", errNotPostgres, file)
		}
		id.timeline = uint32(timeline)
	}
	sample.Position = lag.WAL{System: id.system, Timeline: id.timeline, LSN: lsn}
	return sample, nil
}

// identify asks who the server is: once, but behind a pooler each time, where
// another server, or another run of it, may have taken its place.
func (c *conn) identify(ctx context.Context, pooler Pooler) error {
	id := &c.identity
	if id.started != 0 && !c.pooled {
		return nil
	}
	var (
		system, segment, block, started int64
		pid                             uint32
	)
	if err := c.Conn.Conn().QueryRow(ctx, identityQuery, plainMode).Scan(&system, &segment, &block, &started, &pid); err != nil {
		return err
	}
	c.meet(pooler, pid)
	id.system, id.started = uint64(system), uint64(started)
	id.geometry = lag.WALGeometry{Segment: uint64(segment), Block: uint64(block)}
	return nil
}

func (c *conn) readTimeline(ctx context.Context) error {
	id := &c.identity
	if time.Since(id.checked) < timelineAge {
		return nil
	}
	var timeline int64
	if err := c.queryRow(ctx, timelineQuery).Scan(&timeline); err != nil {
		return err
	}
	id.timeline, id.checked = uint32(timeline), time.Now()
	return nil
}
