package splitter

import (
	"context"
	"time"

	"github.com/rwsplit/rwsplit/driver"
	"github.com/rwsplit/rwsplit/driver/postgres"
	"github.com/rwsplit/rwsplit/internal/cluster"
)

// Consistency is what a read asks of the server that answers it: [Session],
// [Strong], [Eventual], or [BoundedStaleness] of a duration.
type Consistency = cluster.Consistency

const (
	// Session gives read-your-writes and monotonic reads to a context that
	// carries a session. Without one, a read sees all that its *sql.DB wrote
	// before. It is the default.
	Session = cluster.Session
	// Strong sees every write that had ended, whoever made it: only the
	// primary answers.
	Strong = cluster.Strong
	// Eventual takes any replica that answers, however far behind.
	Eventual = cluster.Eventual
)

// BoundedStaleness asks for what [Session] asks, and that the answer be no staler
// than d, whoever wrote. The maximum lag of the configuration holds as well.
func BoundedStaleness(d time.Duration) Consistency { return cluster.BoundedStaleness(d) }

// WithConsistency returns a context whose reads are held to c.
func WithConsistency(ctx context.Context, c Consistency) context.Context {
	return driver.WithConsistency(ctx, c)
}

// OnPrimary returns a context whose statements all go to the primary. A comment
// /* rwsplit: primary */ in a statement does the same where the code cannot reach
// the context.
func OnPrimary(ctx context.Context) context.Context { return driver.OnPrimary(ctx) }

// WithStickyKey returns a context whose reads stay on one replica while it is
// eligible, the same for all reads of this key in this process. It has an effect
// under the policy [Sticky].
func WithStickyKey(ctx context.Context, key string) context.Context {
	return driver.WithStickyKey(ctx, key)
}

// Policy says which of several eligible replicas answers a read.
type Policy = cluster.Policy

const (
	// PowerOfTwo draws two replicas and takes the one with the smaller
	// product of statements in flight and latency. It is the default.
	PowerOfTwo = cluster.PowerOfTwo
	// RoundRobin takes one after the other.
	RoundRobin = cluster.RoundRobin
	// Random draws one.
	Random = cluster.Random
	// Weighted draws one in proportion to Config.Weights.
	Weighted = cluster.Weighted
	// LeastInFlight takes the one with the fewest statements in flight.
	LeastInFlight = cluster.LeastInFlight
	// Sticky keeps the reads of one key (see [WithStickyKey]) on one replica.
	Sticky = cluster.Sticky
)

// Overflow says what a read gets that would be one fallback too many.
type Overflow = driver.Overflow

const (
	// OverflowWait lets it wait for another fallback read to end, or for a
	// replica, as long as its context allows. It is the default.
	OverflowWait = driver.OverflowWait
	// OverflowStale answers it from a replica, however stale.
	OverflowStale = driver.OverflowStale
	// OverflowError fails it with [ErrFallbackLimit].
	OverflowError = driver.OverflowError
)

// Pooler says what the members are reached through.
type Pooler = postgres.Pooler

const (
	// PoolerAuto takes a pooler that shows for one of transactions. It is the
	// default.
	PoolerAuto = postgres.PoolerAuto
	// PoolerTransaction is one that gives the server's connection to other
	// clients between transactions: no session has a state. See [ErrPooler].
	PoolerTransaction = postgres.PoolerTransaction
	// PoolerSession is one that keeps a client on one connection for as long
	// as it is connected. All works as without it.
	PoolerSession = postgres.PoolerSession
)

// Errors to test for with errors.Is. Errors of the wrapped driver come up as they
// are, or wrapped, so errors.As finds them.
var (
	// ErrNoPrimary is wrapped by the error of a statement that needed the
	// primary while none could be reached. Nothing was sent.
	ErrNoPrimary = driver.ErrNoPrimary
	// ErrUnknownOutcome is wrapped by the error of a write or COMMIT whose
	// reply did not come: it may or may not have happened. It is never sent
	// again.
	ErrUnknownOutcome = driver.ErrUnknownOutcome
	// ErrFallbackLimit is returned to a read that no replica could answer
	// while as many reads as allowed were on the primary.
	ErrFallbackLimit = driver.ErrFallbackLimit
	// ErrReplicaTransaction is wrapped by the error of a statement that would
	// silently do the wrong thing on the replica that its read-only
	// transaction runs on. It was not sent.
	ErrReplicaTransaction = driver.ErrReplicaTransaction
	// ErrPooler is wrapped by the error of a statement that makes or uses the
	// state of a session behind a pooler of transactions. It was not sent.
	ErrPooler = driver.ErrPooler
	// ErrClosed is returned once the *sql.DB has been closed.
	ErrClosed = driver.ErrClosed
)
