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

	// Lost reports that a primary at this position can never come to have
	// all of other: other belongs to another lineage or its history has left
	// it. It is false where the engine's positions do not tell.
	Lost(other Position) bool

	// Within returns what of this position, a replica's, belongs to the
	// primary's history: what was written on the replica itself and never
	// reached the primary is left out, where the engine's positions tell.
	Within(primary Position) Position

	// SameLineage reports whether both belong to one database (for
	// PostgreSQL: one system identifier; for MySQL and MariaDB: a source or
	// domain in common). A lineage survives a failover; a newly initialised
	// server begins another. It is not transitive for MySQL and MariaDB: a
	// position may share lineages with two that share none.
	SameLineage(other Position) bool

	// Succeeds reports whether this position's history branched off other's
	// later: of two servers that take writes, this one was promoted last. It
	// is false where the engine's positions do not tell.
	Succeeds(other Position) bool

	// History names the branch of the lineage, in at most 60 bytes: it
	// changes when a failover may have dropped writes (a timeline, for
	// PostgreSQL; the server that writes, for others). For people.
	History() string

	// String returns the text that [ParsePosition] reads.
	String() string
}

// ErrPosition is wrapped by every error of [ParsePosition].
var ErrPosition = errors.New("not a replication position")

// maxPositionText bounds the text that ParsePosition looks at, in bytes.
const maxPositionText = 8192

// ParsePosition reads what a Position's String wrote. The text begins with the
// engine's name and a colon.
func ParsePosition(text string) (Position, error) {
	if len(text) > maxPositionText {
		return nil, fmt.Errorf("%w: %d bytes, more than %d", ErrPosition, len(text), maxPositionText)
	}
	engine, rest, ok := strings.Cut(text, ":")
	if !ok {
		return nil, fmt.Errorf("%w: no engine in %q", ErrPosition, clip(text))
	}
	switch engine {
	case walEngine:
		return parseWAL(rest)
	case gtidSetEngine:
		p, err := ParseGTIDSet(rest)
		if err != nil {
			return nil, err // not a nil set in an interface
		}
		return p, nil
	case gtidPositionEngine:
		p, err := ParseGTIDPosition(rest)
		if err != nil {
			return nil, err
		}
		return p, nil
	default:
		return nil, fmt.Errorf("%w: unknown engine %q", ErrPosition, clip(engine))
	}
}
