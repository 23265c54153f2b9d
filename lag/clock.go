package lag

import "time"

// Clock remembers a primary's positions with the times at which they were asked
// for. It is immutable: [Clock.Add] returns a new one. A nil Clock is empty.
type Clock struct {
	ticks []tick // ascending in both fields
}

type tick struct {
	asked    time.Time
	position Position
}

// clockTicks bounds a Clock. When it is full it is thinned, so that a lag of any
// length is told too long by no more than an eighth of it or minGap, however
// often the primary is asked: under demand that is a thousand times a second. It
// has room for a week of that; past it, the oldest ticks go.
const (
	clockTicks = 256
	gapShare   = 8
	minGap     = 2 * time.Millisecond
)

// Add returns the clock with one more sample of the primary. A sample that was
// asked for before the newest one is left out: it tells nothing new. Positions
// that p does not cover, of another history or because the primary's went back, are
// dropped; no position (nil) changes nothing.
func (c *Clock) Add(asked time.Time, p Position) *Clock {
	if p == nil {
		return c
	}
	if c == nil || len(c.ticks) == 0 {
		return &Clock{ticks: []tick{{asked, p}}}
	}
	last := c.ticks[len(c.ticks)-1]
	if asked.Before(last.asked) {
		return c
	}
	old := c.ticks
	if !p.Covers(last.position) {
		// What lies before p is as right as it was.
		for len(old) > 0 && !p.Covers(old[len(old)-1].position) {
			old = old[:len(old)-1]
		}
		if len(old) == 0 {
			return &Clock{ticks: []tick{{asked, p}}}
		}
		last = old[len(old)-1]
	}
	// Of a run of equal positions the first and the last say all.
	if n := len(old); n >= 2 && last.position.Covers(p) && old[n-2].position.Covers(p) {
		old = old[:n-1]
	}
	if len(old) >= clockTicks {
		old = thin(old, asked)
		old = old[max(0, len(old)-clockTicks+1):]
	}
	ticks := make([]tick, len(old), len(old)+1)
	copy(ticks, old)
	return &Clock{ticks: append(ticks, tick{asked, p})}
}

// thin returns a copy of old without the ticks that matter little now. Whichever
// go, a clock stays right: After answers a later position and Reached an earlier
// time.
func thin(old []tick, now time.Time) []tick {
	last := len(old) - 1
	ticks := append(make([]tick, 0, len(old)), old[0])
	for i := 1; i < last; i++ {
		next := old[i+1].asked
		gap := next.Sub(ticks[len(ticks)-1].asked)
		if gap > max(minGap, now.Sub(next)/gapShare) {
			ticks = append(ticks, old[i])
		}
	}
	return append(ticks, old[last])
}

// After returns a position that covers every write that had ended by t: the
// first one asked for at t or later. It is false when none has been asked for
// since.
func (c *Clock) After(t time.Time) (Position, bool) {
	if c == nil {
		return nil, false
	}
	// From the end: callers ask about the last moments.
	i := len(c.ticks)
	for i > 0 && !c.ticks[i-1].asked.Before(t) {
		i--
	}
	if i == len(c.ticks) {
		return nil, false
	}
	return c.ticks[i].position, true
}

// Reached returns the time up to which a server at position p lacks nothing:
// when the newest position that p covers was asked for. It is false when p
// covers none that is remembered.
func (c *Clock) Reached(p Position) (time.Time, bool) {
	if c == nil || p == nil {
		return time.Time{}, false
	}
	for i := len(c.ticks) - 1; i >= 0; i-- {
		if p.Covers(c.ticks[i].position) {
			return c.ticks[i].asked, true
		}
	}
	return time.Time{}, false
}

// Last returns the newest position and when it was asked for; false when the
// clock is empty.
func (c *Clock) Last() (Position, time.Time, bool) {
	if c == nil || len(c.ticks) == 0 {
		return nil, time.Time{}, false
	}
	last := c.ticks[len(c.ticks)-1]
	return last.position, last.asked, true
}
