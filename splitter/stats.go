package splitter

import (
	"time"

	"github.com/rwsplit/rwsplit/internal/cluster"
	"github.com/rwsplit/rwsplit/internal/statement"
)

// Stats is what is known of a cluster at one moment, and what was counted since
// its *sql.DB was opened. It holds no secrets, and encodes to JSON.
type Stats struct {
	Members []MemberStats `json:"members"` // in the order of the configuration

	// Reads counts proven reads outside read-write transactions, by where
	// they went and why: "replica"; "strong", "single_member" or a fallback's
	// reason for the primary; "stale". A read-only transaction counts as one.
	Reads map[string]uint64 `json:"reads"`

	// Fallbacks are those of Reads that the primary answered because no
	// replica could: "no_replica", "unknown", "stopped", "lag", "session",
	// "pending_write", "history", "failed".
	Fallbacks map[string]uint64 `json:"fallbacks"`

	// Writes counts statements that went to the primary because of what they
	// are, by the reason, such as "data_modification" or "unknown_function".
	Writes map[string]uint64 `json:"writes"`

	Transactions uint64 `json:"transactions"` // statements inside transactions
	Pinned       uint64 `json:"pinned"`       // statements that followed session state to the primary
	Hinted       uint64 `json:"hinted"`       // reads that a context sent to the primary

	// SettingsReplayed counts what a checkout had set (SET, USE, set_config)
	// and was set again on another connection of it, most often a replica's.
	SettingsReplayed uint64 `json:"settings_replayed"`

	Waits           uint64 `json:"waits"`            // reads that waited for a replica
	Waited          uint64 `json:"waited"`           // those of them that got one
	FallbackLimited uint64 `json:"fallback_limited"` // reads that met the fallback limit
	Corrections     uint64 `json:"corrections"`      // statements that a replica refused and the primary ran
	Retries         uint64 `json:"retries"`          // reads that were tried on another member
}

// MemberStats is what is known of one member, and what was counted.
type MemberStats struct {
	Name   string `json:"name"`             // its address
	Role   string `json:"role"`             // "primary", "replica", "stray" (takes writes, but is not the primary), "unknown"
	State  string `json:"state"`            // "up", "lagging", "delayed" (on purpose), "stopped", "failed", "down", "unknown"
	Reason string `json:"reason,omitempty"` // why it is not up, or what should be known of it

	Position string `json:"position,omitempty"` // newest known, as in tokens

	// Lag is how far behind the primary it was when it was last asked: it
	// lacked nothing older than this. LagDistance is the same in LagUnit:
	// "bytes" of WAL, or "transactions". Both are nil where that is not known.
	Lag         *time.Duration `json:"lag_ns"`
	LagDistance *int64         `json:"lag_distance"`
	LagUnit     string         `json:"lag_unit"`

	// SampleAge is how long ago it was last asked with success; nil: never.
	// What it lacks now is no older than Lag and SampleAge together.
	SampleAge *time.Duration `json:"sample_age_ns"`

	InFlight int64         `json:"in_flight"`  // connections that callers hold
	Latency  time.Duration `json:"latency_ns"` // moving average to a first row
	Reads    uint64        `json:"reads"`
	Writes   uint64        `json:"writes"`
	Errors   uint64        `json:"errors"` // statements that failed, for whatever cause

	Pool PoolStats `json:"pool"`
}

// PoolStats are the figures of the connections to one member.
type PoolStats struct {
	Open         int32         `json:"open"`
	Idle         int32         `json:"idle"`
	Max          int32         `json:"max"`
	Acquired     int64         `json:"acquired"`      // leases since the start
	WaitedFor    int64         `json:"waited_for"`    // of them, those that had to wait for a connection
	AcquireTime  time.Duration `json:"acquire_ns"`    // all leases together
	CanceledWait int64         `json:"canceled_wait"` // leases given up by their context
}

// Stats returns the figures of now. It asks no server and costs a few
// microseconds.
func (c *Cluster) Stats() Stats {
	snapshot, now := c.db.Cluster.Snapshot(), time.Now()
	counters := &c.db.Counters
	s := Stats{
		Members:          make([]MemberStats, len(snapshot.Nodes)),
		Reads:            make(map[string]uint64),
		Fallbacks:        make(map[string]uint64),
		Writes:           make(map[string]uint64),
		Transactions:     counters.Transactions.Load(),
		Pinned:           counters.Pinned.Load(),
		Hinted:           counters.Hinted.Load(),
		SettingsReplayed: counters.Replays.Load(),
		Waits:            counters.Waits.Load(),
		Waited:           counters.Waited.Load(),
		FallbackLimited:  counters.FallbackLimited.Load(),
		Corrections:      counters.Corrections.Load(),
		Retries:          counters.Retries.Load(),
	}
	for i := range snapshot.Nodes {
		s.Members[i] = memberStats(snapshot, &snapshot.Nodes[i], now)
		s.Members[i].LagUnit = c.db.DistanceUnit()
	}
	for r := range cluster.Reasons {
		if n := counters.Reads[r].Load(); n > 0 {
			s.Reads[r.Key()] = n
			if r.Fallback() {
				s.Fallbacks[r.Key()] = n
			}
		}
	}
	for r := range counters.Writes {
		if n := counters.Writes[r].Load(); n > 0 {
			s.Writes[statement.Reason(r).Key()] = n
		}
	}
	return s
}

func memberStats(snapshot *cluster.Snapshot, v *cluster.View, now time.Time) MemberStats {
	n := v.Node
	state, reason := snapshot.StateAt(v, now)
	pool := n.PoolStat()
	m := MemberStats{
		Name:     n.Member.Name,
		Role:     v.Role.String(),
		State:    state.String(),
		Reason:   reason,
		InFlight: n.Load.InFlight(),
		Latency:  n.Load.Latency(),
		Reads:    n.Reads.Load(),
		Writes:   n.Writes.Load(),
		Errors:   n.Errors.Load(),
		Pool: PoolStats{
			Open:         pool.TotalResources(),
			Idle:         pool.IdleResources(),
			Max:          pool.MaxResources(),
			Acquired:     pool.AcquireCount(),
			WaitedFor:    pool.EmptyAcquireCount(),
			AcquireTime:  pool.AcquireDuration(),
			CanceledWait: pool.CanceledAcquireCount(),
		},
	}
	if v.Position != nil {
		m.Position = v.Position.String()
	}
	if lag, ok := v.Lag(); ok {
		m.Lag = &lag
	}
	if v.Distance >= 0 {
		m.LagDistance = &v.Distance
	}
	if !v.Asked.IsZero() {
		age := now.Sub(v.Asked)
		m.SampleAge = &age
	}
	return m
}
