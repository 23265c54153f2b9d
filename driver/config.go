package driver

import (
	"fmt"
	"time"

	"github.com/rwsplit/rwsplit/internal/cluster"
)

// Overflow says what a read gets that would be one fallback too many.
type Overflow uint8

const (
	// OverflowWait: it waits for another fallback read to end, or for a
	// replica to become fresh enough, as long as its context allows.
	OverflowWait Overflow = iota
	// OverflowStale: it is answered by a replica, however stale; it waits
	// where there is none.
	OverflowStale
	// OverflowError: it fails with [ErrFallbackLimit].
	OverflowError
)

var overflowNames = [...]string{OverflowWait: "wait", OverflowStale: "stale", OverflowError: "error"}

// String returns the name that [ParseOverflow] reads.
func (o Overflow) String() string {
	if int(o) < len(overflowNames) {
		return overflowNames[o]
	}
	return fmt.Sprintf("overflow(%d)", uint8(o))
}

// ParseOverflow reads "wait", "stale" or "error".
func ParseOverflow(name string) (Overflow, error) {
	for o, n := range overflowNames {
		if n == name {
			return Overflow(o), nil
		}
	}
	return 0, fmt.Errorf("%q is not one of %v", name, overflowNames)
}

// Config says how a database is routed. Package splitter fills in the defaults
// and documents them; all fields are required but FallbackLimit, whose zero
// means no limit, and WaitBudget, whose zero means not to wait.
type Config struct {
	Cluster          cluster.Config // without the members: those are the engine's
	Consistency      cluster.Consistency
	WaitBudget       time.Duration
	FallbackLimit    int
	FallbackOverflow Overflow
	Policy           cluster.Policy
	SessionKey       string
	CatalogInterval  time.Duration // between readings of the functions
	StatementCache   int           // statements whose classification is kept
}
