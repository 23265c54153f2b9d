package driver

import (
	"errors"

	"github.com/rwsplit/rwsplit/internal/cluster"
)

// ErrUnknownOutcome is wrapped by the error of a write or COMMIT whose reply did
// not come: it may or may not have happened. It is never sent again.
var ErrUnknownOutcome = errors.New("rwsplit: the outcome of the write is unknown")

// ErrFallbackLimit is returned to a read that no replica could answer while as
// many reads as allowed were on the primary.
var ErrFallbackLimit = errors.New("rwsplit: no replica is fresh enough and the limit on fallback reads is reached")

// ErrReplicaTransaction is wrapped by the error of a statement, in a read-only
// transaction that runs on a replica, which a replica would answer wrongly
// without an error, such as an advisory lock. It was not sent. Begin the
// transaction under OnPrimary.
var ErrReplicaTransaction = errors.New("rwsplit: the statement would silently do the wrong thing on a replica, where this read-only transaction runs; begin it under splitter.OnPrimary")

// ErrPooler is wrapped by the error of a statement that makes or uses the state of a
// session, such as SET or a temporary table, behind a pooler that gives the server's
// connection to other clients between transactions: they would meet that state, and
// it would be gone here. It was not sent.
var ErrPooler = errors.New("rwsplit: behind a pooler of transactions there is no session to keep this in; use SET LOCAL, set_config(…, true) or pg_advisory_xact_lock in a transaction, or say rwsplit_pooler=session if the pooler keeps one connection for a session")

// Conditions of the cluster, named here for package splitter.
var (
	ErrClosed    = cluster.ErrClosed
	ErrNoPrimary = cluster.ErrNoPrimary
)

// unknownOutcome adds ErrUnknownOutcome to the wrapped driver's error.
type unknownOutcome struct {
	member string
	cause  error
}

func (e *unknownOutcome) Error() string {
	return ErrUnknownOutcome.Error() + ": " + e.member + ": " + e.cause.Error()
}
func (e *unknownOutcome) Unwrap() []error { return []error{ErrUnknownOutcome, e.cause} }
