package cluster

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// spread counts how often each of the replicas is drawn.
func spread(p Policy, s *Snapshot, candidates []int, n int) []int {
	r := rand.New(rand.NewPCG(3, 4))
	counts := make([]int, len(s.Nodes))
	for i := range n {
		counts[balance(p, s, candidates, draw{random: r.Uint64(), turn: uint64(i)}, at(0))]++
	}
	return counts
}

func near(got, want, tolerance int) bool { return max(got-want, want-got) <= tolerance }

func TestBalanceEven(t *testing.T) {
	const n = 30_000
	for _, p := range []Policy{PowerOfTwo, RoundRobin, Random, LeastInFlight, Weighted} {
		tolerance := n / 50
		if p == RoundRobin {
			tolerance = 0
		}
		counts := spread(p, fixture(3), []int{1, 2, 3}, n)
		for i, c := range counts {
			if want := n / 3; i > 0 && !near(c, want, tolerance) || i == 0 && c > 0 {
				t.Errorf("%s: %v, want %d each", p, counts, want)
				break
			}
		}
	}
}

func TestBalanceOneCandidate(t *testing.T) {
	s := fixture(3)
	for p := range Policy(len(policyNames)) {
		for _, d := range []draw{{}, {random: math.MaxUint64, turn: math.MaxUint64, key: "k"}} {
			if got := balance(p, s, []int{2}, d, at(0)); got != 2 {
				t.Errorf("%s: %d", p, got)
			}
		}
	}
}

// Whatever is drawn, the result is one of the candidates.
func TestBalanceExtremes(t *testing.T) {
	s := fixture(5)
	for p := range Policy(len(policyNames)) {
		for _, candidates := range [][]int{{1, 2}, {3, 5}, {1, 2, 3, 4, 5}} {
			for _, random := range []uint64{0, 1, 1 << 31, 1 << 32, 1<<32 - 1, 1<<63 - 1, 1 << 63, math.MaxUint64} {
				got := balance(p, s, candidates, draw{random: random, turn: random, key: "k"}, at(0))
				found := false
				for _, c := range candidates {
					found = found || c == got
				}
				if !found {
					t.Errorf("%s: %d of %v", p, got, candidates)
				}
			}
		}
	}
}

func TestRoundRobinTurns(t *testing.T) {
	s := fixture(3)
	turn := uint64(math.MaxUint64 - 2) // a multiple of three: the sequence goes on past the wrap only then
	var got []int
	for range 6 {
		got = append(got, balance(RoundRobin, s, []int{1, 2, 3}, draw{turn: turn}, at(0)))
		turn++
	}
	if fmt.Sprint(got) != "[2 3 1 1 2 3]" {
		t.Errorf("turns %v around the wrap", got)
	}
}

func TestWeighted(t *testing.T) {
	s := fixture(3)
	for i, w := range []int{9, 1, 3, 0} {
		s.Nodes[i].Node.Member.Weight = w
	}
	const n = 40_000
	counts := spread(Weighted, s, []int{1, 2, 3}, n)
	if !near(counts[1], n/4, n/50) || !near(counts[2], 3*n/4, n/50) || counts[3] > 0 || counts[0] > 0 {
		t.Errorf("%v, want a quarter and three quarters", counts)
	}
}

func TestLeastInFlight(t *testing.T) {
	s := fixture(3)
	s.Nodes[1].Node.Load.inFlight.Store(2)
	s.Nodes[2].Node.Load.inFlight.Store(1)
	s.Nodes[3].Node.Load.inFlight.Store(1)
	counts := spread(LeastInFlight, s, []int{1, 2, 3}, 1000)
	if counts[1] > 0 || !near(counts[2], 500, 60) {
		t.Errorf("%v", counts)
	}
}

func TestRendezvous(t *testing.T) {
	f := newFleet(t, 6, nil)
	s := f.Snapshot()
	all := []int{1, 2, 3, 4, 5}
	const keys = 10_000
	at := func(candidates []int, key string) int {
		return balance(Sticky, s, candidates, draw{key: key, random: rand.Uint64()}, time.Time{})
	}
	counts := make([]int, 6)
	for i := range keys {
		key := fmt.Sprint("user", i)
		home := at(all, key)
		counts[home]++
		if again := at(all, key); again != home {
			t.Fatalf("%s was on %d and is on %d", key, home, again)
		}
		if again := at([]int{5, 3, 1, 2, 4}, key); again != home {
			t.Fatalf("%s is on %d, and on %d when they come in another order", key, home, again)
		}
		for _, gone := range all {
			var rest []int
			for _, c := range all {
				if c != gone {
					rest = append(rest, c)
				}
			}
			if now := at(rest, key); home != gone && now != home {
				t.Fatalf("%s moved from %d to %d when %d left", key, home, now, gone)
			}
		}
	}
	for i, c := range counts[1:] {
		if !near(c, keys/5, keys/25) {
			t.Errorf("member %d has %d of %d keys", i+1, c, keys)
		}
	}
}

func TestStickyWithoutKey(t *testing.T) {
	counts := spread(Sticky, fixture(2), []int{1, 2}, 10_000)
	if !near(counts[1], 5000, 300) {
		t.Errorf("%v", counts)
	}
}

func TestPowerOfTwo(t *testing.T) {
	for _, test := range []struct {
		name               string
		inFlight1          int64
		latency1, latency2 time.Duration
		least1, most1      int // of 1000
	}{
		{"equals", 0, time.Millisecond, time.Millisecond, 400, 600},
		{"none was used yet", 0, 0, 0, 400, 600},
		{"a busy one", 5, time.Millisecond, time.Millisecond, 0, 0},
		{"a slow one", 0, 5 * time.Millisecond, time.Millisecond, 0, 0},
		{"a fast one", 0, time.Millisecond, 5 * time.Millisecond, 1000, 1000},
		{"fast and a little busy", 1, time.Millisecond, 5 * time.Millisecond, 1000, 1000},
		{"fast and very busy", 20, time.Millisecond, 5 * time.Millisecond, 0, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := fixture(2)
			l1, l2 := &s.Nodes[1].Node.Load, &s.Nodes[2].Node.Load
			l1.inFlight.Store(test.inFlight1)
			if test.latency1 > 0 {
				l1.Took(test.latency1, at(0))
				l2.Took(test.latency2, at(0))
			}
			if n := spread(PowerOfTwo, s, []int{1, 2}, 1000)[1]; n < test.least1 || n > test.most1 {
				t.Errorf("%d of 1000 on the first, want %d to %d", n, test.least1, test.most1)
			}
		})
	}
}

// A replica that was slow for a while is not chosen, so nothing renews its
// latency. It has to come back within a minute of being well again.
func TestPowerOfTwoRecovers(t *testing.T) {
	s := fixture(2)
	slow, good := &s.Nodes[1].Node.Load, &s.Nodes[2].Node.Load
	r := rand.New(rand.NewPCG(5, 6))
	took := func(node int, now time.Time) {
		switch {
		case node == 2:
			good.Took(time.Millisecond, now)
		case now.Before(at(1000)):
			slow.Took(time.Second, now)
		default:
			slow.Took(time.Millisecond, now)
		}
	}
	counts := make(map[int]int)
	for ms := range 90_000 {
		now := at(ms)
		c := balance(PowerOfTwo, s, []int{1, 2}, draw{random: r.Uint64()}, now)
		if ms >= 60_000 {
			counts[c]++
		}
		took(c, now)
	}
	if !near(counts[1], 15_000, 4_000) {
		t.Errorf("a minute after it was slow, the replica gets %d of 30000 reads", counts[1])
	}
}

func TestLoadAverage(t *testing.T) {
	var l Load
	l.Took(8*time.Millisecond, at(0))
	if l.Latency() != 8*time.Millisecond {
		t.Errorf("%s after one", l.Latency())
	}
	for i := range 100 {
		l.Took(time.Millisecond, at(i))
	}
	if d := l.Latency(); !near(int(d/time.Microsecond), 1000, 20) {
		t.Errorf("%s after a hundred of 1 ms", d)
	}
}

func TestPolicyNames(t *testing.T) {
	for p := range Policy(len(policyNames)) {
		if q, err := ParsePolicy(p.String()); err != nil || q != p {
			t.Errorf("%s: %v, %v", p, q, err)
		}
	}
	for _, bad := range []string{"", "POWER_OF_TWO", "first"} {
		if _, err := ParsePolicy(bad); err == nil {
			t.Errorf("%q is a policy", bad)
		}
	}
	if s := Policy(99).String(); s != "policy(99)" {
		t.Error(s)
	}
}

func TestConsistencyNames(t *testing.T) {
	for _, c := range []Consistency{Session, Strong, Eventual, BoundedStaleness(1500 * time.Millisecond), BoundedStaleness(1)} {
		if got, err := ParseConsistency(c.String()); err != nil || got != c {
			t.Errorf("%s: %v, %v", c, got, err)
		}
	}
	for _, bad := range []string{"", "default", "bounded_staleness", "bounded_staleness:", "bounded_staleness:0s", "bounded_staleness:-1s", "bounded_staleness:fast"} {
		if c, err := ParseConsistency(bad); err == nil {
			t.Errorf("%q is %s", bad, c)
		}
	}
	if d, ok := BoundedStaleness(-time.Second).Bound(); !ok || d != 1 {
		t.Errorf("a negative bound is %s, %t: it would read as another consistency", d, ok)
	}
}
