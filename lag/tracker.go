package lag

import (
	"context"
	"errors"
	"sync"
	"time"
)

// ErrClosed is returned by [Tracker.Wait] when the tracker has ended.
var ErrClosed = errors.New("tracker is closed")

// Pauses between probes that somebody waits for. The first is as short as a
// probe on a local network takes, so that a server is never asked faster than
// it can answer a useful question.
const (
	minPause   = time.Millisecond
	errorPause = 50 * time.Millisecond // doubled with each failure in a row
)

// TrackerConfig tells a [Tracker] what to do. All fields are required.
type TrackerConfig struct {
	// Probe asks the server once. It fills all of the Sample but the times.
	Probe func(ctx context.Context) (Sample, error)

	// Interval lies between two probes when nobody waits, and is the longest
	// pause when somebody does.
	Interval time.Duration

	// Timeout ends one probe.
	Timeout time.Duration

	// Report is called with the outcome of each probe, one after another.
	// It must not block.
	Report func(Sample, error)
}

// Tracker keeps one server's latest [Sample] up to date. Its methods are safe
// for concurrent use. There is never more than one probe in flight: callers
// that want one at the same time share it.
type Tracker struct {
	config TrackerConfig
	wake   chan struct{} // a caller changed what is wanted

	mu       sync.Mutex // guards all below
	closed   bool
	asked    time.Time     // when the newest probe was sent, answered or not
	wanted   time.Time     // a sample asked for at this time or later is wanted
	goal     Position      // a sample that covers this is wanted
	pause    time.Duration // before the next probe for the goal
	failures int           // failed probes in a row
	last     Sample        // the newest that succeeded
	ended    time.Time     // when the newest probe that has ended was sent
	err      error         // its error
	changed  chan struct{} // closed and renewed after each probe
}

// NewTracker returns a tracker that does nothing until [Tracker.Run] is called.
func NewTracker(config TrackerConfig) *Tracker {
	return &Tracker{
		config:  config,
		wake:    make(chan struct{}, 1),
		changed: make(chan struct{}),
		pause:   minPause,
	}
}

// Run probes the server until ctx is done: at once, then as wanted. It is to be
// called once.
func (t *Tracker) Run(ctx context.Context) {
	defer t.close()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.wake:
			timer.Reset(time.Until(t.due()))
			continue
		case <-timer.C:
		}
		t.probe(ctx)
		if ctx.Err() != nil {
			return
		}
		timer.Reset(time.Until(t.due()))
	}
}

// Ask wants a sample that is asked for at time after or later.
func (t *Tracker) Ask(after time.Time) {
	t.mu.Lock()
	wake := after.After(t.last.Asked) && after.After(t.wanted)
	if wake {
		t.wanted = after
	}
	t.mu.Unlock()
	if wake {
		t.signal()
	}
}

// Pursue probes the server, with growing pauses of up to the interval, until it
// has reached p.
func (t *Tracker) Pursue(p Position) {
	t.mu.Lock()
	wake := !t.reachedLocked(p) && (t.goal == nil || !t.goal.Covers(p))
	if wake {
		// A goal of another history, which p does not cover either, is
		// given up: nothing will ever reach it.
		t.goal = p
		t.pause = minPause
	}
	t.mu.Unlock()
	if wake {
		t.signal()
	}
}

// Wait returns as soon as a sample shows that the server has reached p. It ends
// with ctx's error, or with [ErrClosed] when the tracker does.
func (t *Tracker) Wait(ctx context.Context, p Position) error {
	for {
		t.mu.Lock()
		reached, closed, changed := t.reachedLocked(p), t.closed, t.changed
		t.mu.Unlock()
		if reached {
			return nil
		}
		if closed {
			return ErrClosed
		}
		t.Pursue(p)
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Sample returns the outcome of a probe that is sent at time after or later. It
// ends with ctx's error, or with [ErrClosed] when the tracker does.
func (t *Tracker) Sample(ctx context.Context, after time.Time) (Sample, error) {
	for {
		t.Ask(after)
		t.mu.Lock()
		sample, err, ended := t.last, t.err, t.ended
		closed, changed := t.closed, t.changed
		t.mu.Unlock()
		if !ended.Before(after) {
			return sample, err
		}
		if closed {
			return Sample{}, ErrClosed
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return Sample{}, ctx.Err()
		}
	}
}

func (t *Tracker) reachedLocked(p Position) bool {
	return t.last.Position != nil && t.last.Position.Covers(p)
}

func (t *Tracker) signal() {
	select {
	case t.wake <- struct{}{}:
	default: // a signal is waiting already; it will see our wish
	}
}

// due returns when the next probe is to be sent.
func (t *Tracker) due() time.Time {
	t.mu.Lock()
	defer t.mu.Unlock()
	next := t.asked.Add(t.config.Interval)
	if t.goal != nil {
		next = earlier(next, t.asked.Add(t.pause))
	}
	if t.wanted.After(t.last.Asked) { // a probe that failed told nothing
		next = earlier(next, t.asked.Add(minPause))
	}
	if t.failures > 0 {
		// A server that does not answer is left in peace, whoever waits.
		backoff := min(t.config.Interval, errorPause<<min(t.failures-1, 10))
		if calm := t.asked.Add(backoff); calm.After(next) {
			next = calm
		}
	}
	return next
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func (t *Tracker) probe(ctx context.Context) {
	asked := time.Now()
	t.mu.Lock()
	t.asked = asked
	t.mu.Unlock()

	probing, cancel := context.WithTimeout(ctx, t.config.Timeout)
	sample, err := t.config.Probe(probing)
	cancel()
	sample.Asked, sample.Answered = asked, time.Now()
	if ctx.Err() != nil {
		return // we were told to end: says nothing of the server
	}

	t.mu.Lock()
	t.ended, t.err = asked, err
	if err != nil {
		t.failures++
	} else {
		t.failures = 0
		t.last = sample
	}
	if t.goal != nil {
		if t.reachedLocked(t.goal) {
			t.goal = nil
			t.pause = minPause
		} else {
			t.pause = min(2*t.pause, t.config.Interval)
		}
	}
	t.mu.Unlock()

	t.config.Report(sample, err)
	t.broadcast()
}

func (t *Tracker) broadcast() {
	t.mu.Lock()
	close(t.changed)
	t.changed = make(chan struct{})
	t.mu.Unlock()
}

func (t *Tracker) close() {
	t.mu.Lock()
	t.closed = true
	t.mu.Unlock()
	t.broadcast()
}
