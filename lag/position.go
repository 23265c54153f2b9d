package lag

import (
	"errors"
	"fmt"
	"strings"
)

// Position is a point in the history of a primary's writes. Positions are
// immutable values, safe for concurrent use.
type Position interface {
	// Covers reports whether a server at this position has applied
	// everything up to other. It is false when the two belong to different
	// histories: those are never compared by number.
	Covers(other Position) bool

	// Join returns the smallest position that covers whatever of the two
	// still exists. Both must be of one lineage.
	Join(other Position) Position

	// Distance returns how far other is ahead of this position, in the
	// engine's own unit (bytes of WAL, transactions), and false when the two
	// cannot be compared. It is never negative.
	Distance(other Position) (int64, bool)

	// SameLineage reports whether both belong to one database (for
	// PostgreSQL: one system identifier). A lineage survives a failover; a
	// newly initialised server begins another.
	SameLineage(other Position) bool

	// Succeeds reports whether this position's history branched off other's
	// later: of two servers that take writes, this one was promoted last. It
	// is false where the engine's positions do not tell.
	Succeeds(other Position) bool

	// History names the branch of the lineage: it changes when a failover
	// may have dropped writes (a timeline, for PostgreSQL). For people.
	History() string

	// String returns the text that [ParsePosition] reads.
	String() string
}

// ErrPosition is wrapped by every error of [ParsePosition].
var ErrPosition = errors.New("not a replication position")

// maxPositionText bounds the text that ParsePosition looks at, in bytes.
const maxPositionText = 4096

// ParsePosition reads what a Position's String wrote. The text begins with the
// engine's name and a colon.
func ParsePosition(text string) (Position, error) {
	if len(text) > maxPositionText {
		return nil, fmt.Errorf("%w: %d bytes, more than %d", ErrPosition, len(text), maxPositionText)
	}
	engine, rest, _ := strings.Cut(text, ":")
	switch engine {
	case walEngine:
		return parseWAL(rest)
	default:
		return nil, fmt.Errorf("%w: unknown engine %q", ErrPosition, engine)
	}
}
