package cluster

import (
	"fmt"
	"hash/maphash"
	"time"
)

// Policy says which of several eligible replicas answers a read.
type Policy uint8

const (
	// PowerOfTwo draws two replicas and takes the one with the smaller
	// product of statements in flight and latency. It is the default: nearly
	// as even as asking all, without the herd that runs to the best one.
	// (M. Mitzenmacher, "The Power of Two Choices in Randomized Load
	// Balancing", 2001.)
	PowerOfTwo Policy = iota
	// RoundRobin takes one after the other.
	RoundRobin
	// Random draws one.
	Random
	// Weighted draws one in proportion to the members' weights.
	Weighted
	// LeastInFlight takes the one with the fewest statements in flight.
	LeastInFlight
	// Sticky keeps the reads of one key on one replica while it is eligible
	// (rendezvous hashing: a replica that leaves moves only its own keys).
	// Reads without a key are balanced by PowerOfTwo.
	Sticky
)

var policyNames = [...]string{
	PowerOfTwo: "power_of_two", RoundRobin: "round_robin", Random: "random",
	Weighted: "weighted", LeastInFlight: "least_in_flight", Sticky: "sticky",
}

// String returns the name that [ParsePolicy] reads.
func (p Policy) String() string {
	if int(p) < len(policyNames) {
		return policyNames[p]
	}
	return fmt.Sprintf("policy(%d)", uint8(p))
}

// ParsePolicy reads a policy's name.
func ParsePolicy(name string) (Policy, error) {
	for p, n := range policyNames {
		if n == name {
			return Policy(p), nil
		}
	}
	return 0, fmt.Errorf("%q is not one of %v", name, policyNames)
}

// draw is the chance that a choice uses, given from outside so that choosing
// stays a pure function.
type draw struct {
	random uint64
	turn   uint64 // counts choices; only RoundRobin looks at it
	key    string // of the caller; only Sticky looks at it
}

// balance takes one of the candidates, which are indexes of s.Nodes and at least
// one.
func balance(p Policy, s *Snapshot, candidates []int, d draw, now time.Time) int {
	n := uint64(len(candidates))
	if n == 1 {
		return candidates[0]
	}
	switch p {
	case RoundRobin:
		return candidates[d.turn%n]
	case Random:
		return candidates[d.random%n]
	case Weighted:
		return weighted(s, candidates, d.random)
	case LeastInFlight:
		return leastInFlight(s, candidates, d.random)
	case Sticky:
		if d.key != "" {
			return rendezvous(s, candidates, d.key)
		}
	}
	a := d.random % n
	b := (d.random >> 32) % (n - 1)
	if b >= a {
		b++
	}
	x, y := candidates[a], candidates[b]
	if s.Nodes[y].Node.Load.lighter(&s.Nodes[x].Node.Load, now) {
		return y
	}
	return x
}

func weighted(s *Snapshot, candidates []int, random uint64) int {
	var sum uint64
	for _, c := range candidates {
		sum += uint64(s.Nodes[c].Node.Member.Weight)
	}
	if sum == 0 {
		return candidates[random%uint64(len(candidates))]
	}
	at := random % sum
	for _, c := range candidates {
		w := uint64(s.Nodes[c].Node.Member.Weight)
		if at < w {
			return c
		}
		at -= w
	}
	return candidates[0]
}

// leastInFlight draws among equals: the first one found after a random start would
// get the share of the busier ones before it.
func leastInFlight(s *Snapshot, candidates []int, random uint64) int {
	best, least, equals := -1, int64(0), uint64(0)
	for _, c := range candidates {
		switch f := s.Nodes[c].Node.Load.InFlight(); {
		case best < 0 || f < least:
			best, least, equals = c, f, 1
		case f == least:
			// The k-th of them takes over with a chance of 1/k.
			equals++
			if random%equals == 0 {
				best = c
			}
			random /= equals
		}
	}
	return best
}

// seed is one for the process; a key's replica differs between processes, which
// spreads a key that many of them share.
var seed = maphash.MakeSeed()

func rendezvous(s *Snapshot, candidates []int, key string) int {
	h := maphash.String(seed, key)
	best, top := candidates[0], uint64(0)
	for _, c := range candidates {
		// Mixed by a 64-bit finalizer (splitmix64): the sum alone would keep
		// the order of the members for most keys.
		x := h ^ s.Nodes[c].Node.hash
		x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
		x = (x ^ x>>27) * 0x94d049bb133111eb
		if x ^= x >> 31; x >= top {
			best, top = c, x
		}
	}
	return best
}
