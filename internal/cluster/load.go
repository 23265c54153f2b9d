package cluster

import (
	"sync/atomic"
	"time"
)

// Load is how busy a node is for this process, as its callers see it. It is
// safe for concurrent use and changes under a published [Snapshot].
type Load struct {
	inFlight atomic.Int64
	latency  atomic.Int64 // moving average, nanoseconds
	updated  atomic.Int64 // of latency, nanoseconds since epoch
}

// latencyHalfLife lets an old latency fade: a node that was slow once, and is
// therefore not chosen, must be tried again.
const latencyHalfLife = 2 * time.Second

// epoch makes monotonic times fit an atomic.
var epoch = time.Now()

// InFlight returns the number of connections of the node that callers hold.
func (l *Load) InFlight() int64 { return l.inFlight.Load() }

// Latency returns the moving average of the time to a first row.
func (l *Load) Latency() time.Duration { return time.Duration(l.latency.Load()) }

// Took adds one statement's time to its first row.
func (l *Load) Took(d time.Duration, now time.Time) {
	// A lost update among concurrent ones does not matter to an average. What
	// has faded stays so, or a node that was very slow once would have to be
	// tried dozens of times, each time after its latency has faded anew.
	if l.latency.Load() == 0 {
		l.latency.Store(int64(d))
	} else {
		old := int64(l.faded(now))
		l.latency.Store(old + (int64(d)-old)/8)
	}
	l.updated.Store(int64(now.Sub(epoch)))
}

// similar is the factor between two latencies below which they count as equal:
// noise is not to send all reads to one of two replicas that are equally good.
const similar = 1.5

// lighter reports whether the next statement is likely to wait less here than at
// the other: by statements in flight times latency.
func (l *Load) lighter(other *Load, now time.Time) bool {
	mine, theirs := float64(l.inFlight.Load()+1), float64(other.inFlight.Load()+1)
	a, b := l.faded(now), other.faded(now)
	if a > similar*b || b > similar*a {
		mine, theirs = mine*a, theirs*b
	}
	return mine < theirs
}

// faded returns the latency, halved for each half-life since it was updated.
func (l *Load) faded(now time.Time) float64 {
	age := time.Duration(int64(now.Sub(epoch)) - l.updated.Load())
	latency := l.latency.Load()
	if halvings := age / latencyHalfLife; halvings > 0 {
		latency >>= min(halvings, 62)
	}
	// Latencies below 10 µs say nothing of a server.
	return float64(max(latency, 10_000))
}
