package lag

import (
	"fmt"
	"strconv"
	"strings"
)

// walEngine begins the text form of a [WAL] position.
const walEngine = "postgres"

// LSN is a PostgreSQL log sequence number: a byte offset into the WAL.
type LSN uint64

// ParseLSN reads PostgreSQL's own notation, two hexadecimal halves of up to 32
// bits: "0/4016B10".
func ParseLSN(text string) (LSN, error) {
	high, low, ok := strings.Cut(text, "/")
	if !ok || len(high) > 8 || len(low) > 8 {
		return 0, fmt.Errorf("%w: LSN %.40q", ErrPosition, text)
	}
	h, err := parseHex(high)
	if err != nil {
		return 0, err
	}
	l, err := parseHex(low)
	if err != nil {
		return 0, err
	}
	return LSN(h<<32 | l), nil
}

func parseHex(text string) (uint64, error) {
	v, err := strconv.ParseUint(text, 16, 32)
	if err != nil {
		return 0, fmt.Errorf("%w: LSN half %.20q", ErrPosition, text)
	}
	return v, nil
}

// String returns PostgreSQL's own notation.
func (l LSN) String() string {
	return fmt.Sprintf("%X/%X", uint64(l)>>32, uint32(l))
}

// WALGeometry is the layout of a server's WAL, in bytes.
type WALGeometry struct {
	Segment uint64 // wal_segment_size, 16 MiB unless initdb was told otherwise
	Block   uint64 // wal_block_size, 8 KiB unless compiled otherwise
}

// Sizes of the headers that PostgreSQL writes at the start of a WAL page and of
// a WAL segment (SizeOfXLogShortPHD and SizeOfXLogLongPHD in
// src/include/access/xlog_internal.h).
const (
	shortPageHeader = 24
	longPageHeader  = 40
)

// Normalize takes an insert position back over a page header that holds no
// record yet. When a record ends exactly on a page boundary,
// pg_current_wal_insert_lsn() answers the first usable byte after the next
// page's header, while a standby that has replayed that record stays at the
// boundary itself: it would look behind until more WAL comes, which on an idle
// primary is never.
func (g WALGeometry) Normalize(l LSN) LSN {
	if g.Segment != 0 && uint64(l)%g.Segment == longPageHeader {
		return l - longPageHeader
	}
	if g.Block != 0 && uint64(l)%g.Block == shortPageHeader {
		return l - shortPageHeader
	}
	return l
}

// WAL is a position of PostgreSQL: an LSN in the history that it belongs to.
type WAL struct {
	System   uint64 // system identifier, made by initdb
	Timeline uint32 // grows with each promotion
	LSN      LSN
}

var _ Position = WAL{}

// Covers implements [Position]. LSNs of two timelines are not compared: beyond
// the point where they part, equal numbers mean different writes.
func (p WAL) Covers(other Position) bool {
	o, ok := other.(WAL)
	return ok && p.System == o.System && p.Timeline == o.Timeline && p.LSN >= o.LSN
}

// Join implements [Position]. Over two timelines the newer one is taken with
// the larger LSN: what the older timeline kept lies before the point where they
// part, hence before that LSN on the newer one.
func (p WAL) Join(other Position) Position {
	o, ok := other.(WAL)
	if !ok || o.System != p.System {
		return p
	}
	switch {
	case p.Timeline >= o.Timeline && p.LSN >= o.LSN:
		return p
	case o.Timeline >= p.Timeline && o.LSN >= p.LSN:
		return other
	}
	return WAL{System: p.System, Timeline: max(p.Timeline, o.Timeline), LSN: max(p.LSN, o.LSN)}
}

// Distance implements [Position], in bytes of WAL.
func (p WAL) Distance(other Position) (int64, bool) {
	o, ok := other.(WAL)
	if !ok || p.System != o.System || p.Timeline != o.Timeline {
		return 0, false
	}
	if p.LSN >= o.LSN {
		return 0, true
	}
	return int64(o.LSN - p.LSN), true
}

// Lost implements [Position]: another system or timeline.
func (p WAL) Lost(other Position) bool {
	o, ok := other.(WAL)
	return !ok || p.System != o.System || p.Timeline != o.Timeline
}

// Within implements [Position]: a standby cannot write.
func (p WAL) Within(Position) Position { return p }

// SameLineage implements [Position]: the system identifiers are equal.
func (p WAL) SameLineage(other Position) bool {
	o, ok := other.(WAL)
	return ok && p.System == o.System
}

// Succeeds implements [Position]: a promotion raises the timeline.
func (p WAL) Succeeds(other Position) bool {
	o, ok := other.(WAL)
	return ok && p.System == o.System && p.Timeline > o.Timeline
}

// History implements [Position]: system identifier and timeline.
func (p WAL) History() string { return fmt.Sprintf("%d:%d", p.System, p.Timeline) }

// String implements [Position]: "postgres:SYSTEM:TIMELINE:LSN".
func (p WAL) String() string {
	return fmt.Sprintf("%s:%d:%d:%s", walEngine, p.System, p.Timeline, p.LSN)
}

func parseWAL(text string) (Position, error) {
	parts := strings.Split(text, ":")
	if len(parts) != 3 {
		return nil, fmt.Errorf("%w: %d fields after the engine, want 3", ErrPosition, len(parts))
	}
	system, err := strconv.ParseUint(parts[0], 10, 64)
	if err != nil {
		return nil, fmt.Errorf("%w: system identifier %.40q", ErrPosition, parts[0])
	}
	timeline, err := strconv.ParseUint(parts[1], 10, 32)
	if err != nil {
		return nil, fmt.Errorf("%w: timeline %.40q", ErrPosition, parts[1])
	}
	lsn, err := ParseLSN(parts[2])
	if err != nil {
		return nil, err
	}
	return WAL{System: system, Timeline: uint32(timeline), LSN: lsn}, nil
}
