package demo

import (
	"time"

	"github.com/rwsplit/rwsplit/cmd/rwsplit/internal/shop"
	"github.com/rwsplit/rwsplit/splitter"
)

// sample is all that was counted up to a moment.
type sample struct {
	at    time.Duration // since the start
	stats splitter.Stats
	shop  shop.Figures
}

// together adds up the statistics of processes that use the same members. Roles,
// states and lags are those of the first.
func together(processes []splitter.Stats) splitter.Stats {
	sum := splitter.Stats{
		Reads:     map[string]uint64{},
		Fallbacks: map[string]uint64{},
		Writes:    map[string]uint64{},
	}
	for i, s := range processes {
		if i == 0 {
			sum.Members = append(sum.Members, s.Members...)
		} else {
			for j := range s.Members {
				addMember(&sum.Members[j], &s.Members[j])
			}
		}
		addCounts(sum.Reads, s.Reads)
		addCounts(sum.Fallbacks, s.Fallbacks)
		addCounts(sum.Writes, s.Writes)
		sum.Transactions += s.Transactions
		sum.Pinned += s.Pinned
		sum.Hinted += s.Hinted
		sum.Waits += s.Waits
		sum.Waited += s.Waited
		sum.FallbackLimited += s.FallbackLimited
		sum.Corrections += s.Corrections
		sum.Retries += s.Retries
	}
	return sum
}

// addMember adds the counts; the latency is the mean of those who measured one.
func addMember(sum, m *splitter.MemberStats) {
	if n, more := time.Duration(sum.Reads+sum.Writes), time.Duration(m.Reads+m.Writes); more > 0 {
		sum.Latency = (sum.Latency*n + m.Latency*more) / (n + more)
	}
	sum.InFlight += m.InFlight
	sum.Reads += m.Reads
	sum.Writes += m.Writes
	sum.Errors += m.Errors
}

func addCounts(sum, more map[string]uint64) {
	for key, n := range more {
		sum[key] += n
	}
}

func total(counts map[string]uint64) (sum uint64) {
	for _, n := range counts {
		sum += n
	}
	return sum
}

// onReplicas counts the reads that a replica answered.
func onReplicas(s *splitter.Stats) uint64 { return s.Reads["replica"] + s.Reads["stale"] }

// written counts the statements that the primary ran because they write, in
// transactions and without.
func written(s *splitter.Stats) (sum uint64) {
	for i := range s.Members {
		sum += s.Members[i].Writes
	}
	return sum
}
