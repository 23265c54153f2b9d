package lag

import (
	"math/rand/v2"
	"testing"
	"time"
)

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// at returns the time so many milliseconds into the test.
func at(ms int) time.Time { return epoch.Add(time.Duration(ms) * time.Millisecond) }

func clockOf(ticks ...tick) *Clock {
	var c *Clock
	for _, t := range ticks {
		c = c.Add(t.asked, t.position)
	}
	return c
}

func TestClockAfter(t *testing.T) {
	c := clockOf(tick{at(10), wal(1, 100)}, tick{at(20), wal(1, 200)}, tick{at(30), wal(1, 300)})
	tests := []struct {
		ms   int
		want Position
	}{
		{0, wal(1, 100)},
		{10, wal(1, 100)},
		{11, wal(1, 200)},
		{20, wal(1, 200)},
		{29, wal(1, 300)},
		{30, wal(1, 300)},
		{31, nil},
	}
	for _, test := range tests {
		got, ok := c.After(at(test.ms))
		if ok != (test.want != nil) || got != test.want {
			t.Errorf("After(%d ms) = %v, %t, want %v", test.ms, got, ok, test.want)
		}
	}
}

func TestClockReached(t *testing.T) {
	c := clockOf(tick{at(10), wal(2, 100)}, tick{at(20), wal(2, 200)}, tick{at(30), wal(2, 200)}, tick{at(40), wal(2, 300)})
	const never = -1
	tests := []struct {
		name string
		p    Position
		ms   int
	}{
		{"nil", nil, never},
		{"below all", wal(2, 99), never},
		{"exactly the first", wal(2, 100), 10},
		{"between", wal(2, 199), 10},
		{"a position that stood still", wal(2, 200), 30},
		{"the last", wal(2, 300), 40},
		{"ahead of the last sample", wal(2, 400), 40},
		{"the timeline before", wal(1, 400), never},
		{"another system", WAL{System: 8, Timeline: 2, LSN: 400}, never},
	}
	for _, test := range tests {
		got, ok := c.Reached(test.p)
		if ok != (test.ms != never) || ok && !got.Equal(at(test.ms)) {
			t.Errorf("%s: Reached = %v, %t, want %d ms", test.name, got.Sub(epoch), ok, test.ms)
		}
	}
}

func TestClockEmpty(t *testing.T) {
	for _, c := range []*Clock{nil, {}} {
		if p, ok := c.After(at(0)); ok {
			t.Errorf("After = %v", p)
		}
		if asked, ok := c.Reached(wal(1, 1)); ok {
			t.Errorf("Reached = %v", asked)
		}
		if p, asked, ok := c.Last(); ok {
			t.Errorf("Last = %v, %v", p, asked)
		}
		if p, asked, ok := c.Add(at(1), wal(1, 1)).Last(); !ok || p != wal(1, 1) || !asked.Equal(at(1)) {
			t.Errorf("Last = %v, %v, %t", p, asked, ok)
		}
	}
}

func TestClockAdd(t *testing.T) {
	first := clockOf(tick{at(10), wal(1, 100)}, tick{at(20), wal(1, 200)})

	t.Run("immutable", func(t *testing.T) {
		first.Add(at(30), wal(1, 300))
		first.Add(at(30), wal(1, 200))
		if p, asked, _ := first.Last(); p != wal(1, 200) || !asked.Equal(at(20)) {
			t.Errorf("the clock moved to %v, %v", p, asked)
		}
	})
	t.Run("a late answer", func(t *testing.T) {
		c := first.Add(at(15), wal(1, 400))
		if p, ok := c.After(at(15)); !ok || p != wal(1, 200) {
			t.Errorf("After(15 ms) = %v, %t", p, ok)
		}
		if p, _, _ := c.Last(); p != wal(1, 200) {
			t.Errorf("Last = %v", p)
		}
	})
	t.Run("another timeline", func(t *testing.T) {
		c := first.Add(at(30), wal(2, 150))
		if asked, ok := c.Reached(wal(1, 1000)); ok {
			t.Errorf("a replica on the old timeline is as fresh as %v", asked)
		}
		if p, ok := c.After(at(5)); !ok || p != wal(2, 150) {
			t.Errorf("After(5 ms) = %v, %t, want the new timeline's first", p, ok)
		}
	})
	t.Run("another system", func(t *testing.T) {
		c := first.Add(at(30), WAL{System: 8, Timeline: 1, LSN: 500})
		if _, ok := c.Reached(wal(1, 1000)); ok {
			t.Error("a replica of another system counts as fresh")
		}
	})
	t.Run("a position that goes back", func(t *testing.T) {
		c := first.Add(at(30), wal(1, 150))
		for ms, want := range map[int]LSN{5: 100, 11: 150, 21: 150} {
			if p, ok := c.After(at(ms)); !ok || p != wal(1, want) {
				t.Errorf("After(%d ms) = %v, %t, want %d", ms, p, ok, want)
			}
		}
		if asked, ok := c.Reached(wal(1, 149)); !ok || !asked.Equal(at(10)) {
			t.Errorf("Reached before it = %v, %t, want what still holds", asked, ok)
		}
		if asked, ok := c.Reached(wal(1, 150)); !ok || !asked.Equal(at(30)) {
			t.Errorf("Reached = %v, %t", asked, ok)
		}
		if p, _, _ := first.Last(); p != wal(1, 200) {
			t.Errorf("the old clock moved to %v", p)
		}
	})
	t.Run("no position", func(t *testing.T) {
		if c := first.Add(at(30), nil); c != first {
			t.Errorf("a sample without a position changed the clock to %v", c)
		}
		if _, _, ok := (*Clock)(nil).Add(at(30), nil).Last(); ok {
			t.Error("a sample without a position is one")
		}
	})
}

// naive keeps all samples and does what Clock promises.
type naive []tick

func (n naive) after(t time.Time) (Position, bool) {
	for _, tick := range n {
		if !tick.asked.Before(t) {
			return tick.position, true
		}
	}
	return nil, false
}

func (n naive) reached(p Position) (time.Time, bool) {
	for i := len(n) - 1; i >= 0; i-- {
		if p.Covers(n[i].position) {
			return n[i].asked, true
		}
	}
	return time.Time{}, false
}

// What a Clock has dropped may only make it more careful: a later position than
// needed, an earlier time than true, or no answer.
func TestClockForgetsSafely(t *testing.T) {
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 1))
		idle := r.IntN(10) // of ten samples, so many find the primary where it was
		var (
			c    *Clock
			all  naive
			ms   int
			lsn  LSN
			most int
		)
		for range 1000 {
			ms += r.IntN(20)
			if r.IntN(10) >= idle {
				lsn += LSN(r.IntN(50))
			}
			c = c.Add(at(ms), wal(1, lsn))
			all = append(all, tick{at(ms), wal(1, lsn)})
			most = max(most, len(c.ticks))

			when := at(r.IntN(ms + 20))
			checkAfter(t, c, all, when)
			checkReached(t, c, all, wal(1, LSN(r.IntN(int(lsn)+20))))
			if r.IntN(200) == 0 {
				checkPrecision(t, c, all)
			}
			if t.Failed() {
				t.Fatalf("seed %d", seed)
			}
		}
		if most > clockTicks {
			t.Fatalf("seed %d: the clock grew to %d ticks", seed, most)
		}
	}
}

func checkAfter(t *testing.T, c *Clock, all naive, when time.Time) {
	got, ok := c.After(when)
	want, known := all.after(when)
	switch {
	case ok && !known:
		t.Errorf("After(%v) = %v, where no sample was asked for since", when.Sub(epoch), got)
	case ok && !got.Covers(want):
		t.Errorf("After(%v) = %v, before %v", when.Sub(epoch), got, want)
	case !ok && known:
		t.Errorf("After(%v) is not known: the newest sample must never go", when.Sub(epoch))
	}
}

func checkReached(t *testing.T, c *Clock, all naive, p Position) {
	got, ok := c.Reached(p)
	want, known := all.reached(p)
	if ok && (!known || got.After(want)) {
		t.Errorf("Reached(%v) = %v, truly %v, %t", p, got.Sub(epoch), want.Sub(epoch), known)
	}
}

// checkPrecision holds the clock to its promise of how long it tells a lag.
func checkPrecision(t *testing.T, c *Clock, all naive) {
	now := all[len(all)-1].asked
	for _, tick := range all {
		got, ok := c.Reached(tick.position)
		want, _ := all.reached(tick.position)
		told, lag := now.Sub(got), now.Sub(want)
		if !ok || told > lag+lag/gapShare+minGap {
			t.Errorf("a lag of %v is told as %v, %t", lag, told, ok)
		}
	}
}

// A week with a thousand samples a second in spells: the lag of a replica
// is told well, be it short or long.
func TestClockHoldsAWeek(t *testing.T) {
	var (
		c   *Clock
		all naive
		now = epoch
	)
	add := func(pause time.Duration) {
		now = now.Add(pause)
		all = append(all, tick{now, wal(1, LSN(len(all)))})
		c = c.Add(now, all[len(all)-1].position)
	}
	for range 7 * 6 {
		for range 300 {
			add(time.Millisecond)
		}
		for range 30 {
			add(time.Second)
		}
		for range 24 {
			add(10 * time.Minute)
		}
	}
	for range 5000 {
		add(time.Millisecond)
	}
	if len(c.ticks) > clockTicks {
		t.Errorf("%d ticks", len(c.ticks))
	}
	t.Logf("%d samples, %d ticks", len(all), len(c.ticks))
	for _, back := range []int{1, 10, 100, 1000, 4000, 5000, 5010, 5100, 10_000, 15_000, len(all) - 1} {
		tick := all[len(all)-1-back]
		asked, ok := c.Reached(tick.position)
		told, lag := now.Sub(asked), now.Sub(tick.asked)
		if !ok || told < lag || told > lag+lag/gapShare+minGap {
			t.Errorf("a lag of %v is told as %v, %t", lag, told, ok)
		}
	}
}

func BenchmarkClockAdd(b *testing.B) {
	b.ReportAllocs()
	var c *Clock
	for i := range b.N {
		c = c.Add(at(i), wal(1, LSN(i)))
	}
}

func BenchmarkClockReached(b *testing.B) {
	var c *Clock
	for i := range 1000 {
		c = c.Add(at(i), wal(1, LSN(i)))
	}
	var p Position = wal(1, 990)
	b.ReportAllocs()
	for b.Loop() {
		c.Reached(p)
	}
}
