package driver

import (
	"sync/atomic"

	"github.com/rwsplit/rwsplit/internal/cluster"
	"github.com/rwsplit/rwsplit/internal/statement"
)

// Counters counts what was routed where, and why. Each statement of a caller
// counts once, in Reads or in Writes.
type Counters struct {
	// Reads counts proven reads outside read-write transactions by where
	// they went and why, and read-only transactions, each as one.
	Reads [cluster.Reasons]atomic.Uint64

	// Writes counts what went to the primary because of what it is.
	Writes [statement.ReplicaRefused + 1]atomic.Uint64

	// Transactions counts statements inside transactions, and Pinned those
	// that followed session state on their connection.
	Transactions, Pinned atomic.Uint64

	// Replays counts settings of a checkout that were set again on another
	// connection.
	Replays atomic.Uint64

	// Hinted counts what the caller's context sent to the primary.
	Hinted atomic.Uint64

	// Waits counts reads that waited for a replica, and Waited those of them
	// that got one.
	Waits, Waited atomic.Uint64

	// Corrections counts statements that a replica refused and the primary
	// ran; Retries counts reads that were tried on another member.
	Corrections, Retries atomic.Uint64

	// FallbackLimited counts reads that met the limit on fallbacks.
	FallbackLimited atomic.Uint64
}
