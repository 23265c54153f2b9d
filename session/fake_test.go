package session

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/rwsplit/rwsplit/lag"
)

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// at returns the time so many milliseconds into the test.
func at(ms int) time.Time { return epoch.Add(time.Duration(ms) * time.Millisecond) }

func wal(lsn lag.LSN) lag.Position { return lag.WAL{System: 7, Timeline: 1, LSN: lsn} }

func walOn(system uint64, timeline uint32, lsn lag.LSN) lag.Position {
	return lag.WAL{System: system, Timeline: timeline, LSN: lsn}
}

// witness is a fake [Witness] and [Source]: one sample of the primary, and one of
// each instance.
type witness struct {
	known     lag.Position
	primary   sample
	instances map[lag.Instance]sample
	awaits    atomic.Int32
	await     func(context.Context, time.Time) error
}

type sample struct {
	asked    time.Time
	position lag.Position
}

func (s sample) after(t time.Time) (lag.Position, bool) {
	if s.position == nil || s.asked.Before(t) {
		return nil, false
	}
	return s.position, true
}

func (w *witness) Known() (lag.Position, bool) {
	if w.known != nil {
		return w.known, true
	}
	return w.primary.position, w.primary.position != nil
}

func (w *witness) PrimaryAfter(t time.Time) (lag.Position, bool) { return w.primary.after(t) }

func (w *witness) InstanceAfter(i lag.Instance, t time.Time) (lag.Position, bool) {
	return w.instances[i].after(t)
}

func (w *witness) Witness() Witness { return w }

func (w *witness) AwaitPrimary(ctx context.Context, t time.Time) error {
	w.awaits.Add(1)
	if w.await == nil {
		return errors.New("no primary")
	}
	return w.await(ctx, t)
}

// sampled returns a witness of the primary alone.
func sampled(ms int, p lag.Position) *witness {
	return &witness{primary: sample{at(ms), p}}
}

// and adds a sample of an instance.
func (w *witness) and(i lag.Instance, ms int, p lag.Position) *witness {
	if w.instances == nil {
		w.instances = make(map[lag.Instance]sample)
	}
	w.instances[i] = sample{at(ms), p}
	return w
}

var (
	primary  = lag.Instance{Node: 0, Run: 1}
	replica  = lag.Instance{Node: 1, Run: 1}
	replica2 = lag.Instance{Node: 2, Run: 1}
)

// allows reports whether a server whose newest sample says p may answer. It is
// the rule that package cluster follows.
func allows(n *Need, i lag.Instance, p lag.Position) bool {
	if n.Pending || n.Foreign || !n.Written.IsZero() {
		return false
	}
	for _, s := range n.Sightings() {
		if s.Instance != i {
			return false
		}
	}
	return n.Position == nil || p != nil && p.Covers(n.Position)
}
