package demo

import (
	"fmt"
	"io"
	"math"
	"strings"
	"time"

	"github.com/rwsplit/rwsplit/cmd/rwsplit/internal/human"
)

// Summary is what a demonstration ends with.
type Summary struct {
	Reads           uint64 `json:"reads"`             // statements, and read-only transactions
	ReadsOnReplicas uint64 `json:"reads_on_replicas"` // of them
	Writes          uint64 `json:"writes"`            // statements, also in transactions
	Fallbacks       uint64 `json:"fallbacks"`         // reads that the primary answered as no replica could
	StaleReads      uint64 `json:"stale_reads"`       // values older than what their reader wrote or had seen
	Errors          uint64 `json:"errors"`            // that users got
	Checks          uint64 `json:"checks"`            // values that were compared

	StaleOwnWrites uint64 `json:"stale_own_writes"` // of stale_reads: what the reader wrote was not there
	StaleBackwards uint64 `json:"stale_backwards"`  // of stale_reads: older than what he had seen

	FallbackReasons      map[string]uint64 `json:"fallback_reasons"`
	Waits                uint64            `json:"waits"`  // reads that waited for a replica
	Waited               uint64            `json:"waited"` // of them, those that got one
	Retries              uint64            `json:"retries"`
	Corrections          uint64            `json:"corrections"`
	FallbackLimited      uint64            `json:"fallback_limited"`
	Orders               uint64            `json:"orders"`
	Handovers            uint64            `json:"session_handovers"` // by token, to the other process
	RepeatedTransactions uint64            `json:"repeated_transactions"`
	BoundedReads         uint64            `json:"bounded_reads"`
	BoundedLate          uint64            `json:"bounded_reads_late"`
	EventualReads        uint64            `json:"eventual_reads"`
	EventualOld          uint64            `json:"eventual_reads_old"`
	Servers              []ServerSummary   `json:"servers"`
	Seconds              float64           `json:"seconds"` // that the shop was open
	Interrupted          bool              `json:"interrupted"`
	Findings             []string          `json:"findings,omitempty"` // the first stale reads, in words
	Failures             []string          `json:"failures,omitempty"` // the first errors
}

// ServerSummary is one server's part. Its reads include those in transactions.
type ServerSummary struct {
	Name   string `json:"name"`
	Role   string `json:"role"`
	Reads  uint64 `json:"reads"`
	Writes uint64 `json:"writes"`
	Errors uint64 `json:"errors"`
}

func summarize(s *sample, names map[string]string, interrupted bool) *Summary {
	sum := &Summary{
		Reads:                total(s.stats.Reads),
		ReadsOnReplicas:      onReplicas(&s.stats),
		Writes:               written(&s.stats),
		Fallbacks:            total(s.stats.Fallbacks),
		StaleReads:           s.shop.Stale(),
		Errors:               s.shop.Errors,
		Checks:               s.shop.Checks,
		StaleOwnWrites:       s.shop.Unwritten,
		StaleBackwards:       s.shop.Backwards,
		FallbackReasons:      s.stats.Fallbacks,
		Waits:                s.stats.Waits,
		Waited:               s.stats.Waited,
		Retries:              s.stats.Retries,
		Corrections:          s.stats.Corrections,
		FallbackLimited:      s.stats.FallbackLimited,
		Orders:               s.shop.Orders,
		Handovers:            s.shop.Handovers,
		RepeatedTransactions: s.shop.Repeated,
		BoundedReads:         s.shop.Bounded,
		BoundedLate:          s.shop.BoundedLate,
		EventualReads:        s.shop.Eventual,
		EventualOld:          s.shop.EventualOld,
		Servers:              []ServerSummary{},
		Seconds:              math.Round(s.at.Seconds()*10) / 10,
		Interrupted:          interrupted,
		Findings:             s.shop.Findings,
		Failures:             s.shop.Failures,
	}
	for _, m := range s.stats.Members {
		sum.Servers = append(sum.Servers, ServerSummary{nameOf(names, m.Name), m.Role, m.Reads, m.Writes, m.Errors})
	}
	return sum
}

// Print prints the summary for people.
func (s *Summary) Print(w io.Writer) {
	line := func(label, format string, args ...any) {
		fmt.Fprintf(w, "  %-12s %s\n", label, fmt.Sprintf(format, args...))
	}
	fmt.Fprintf(w, "The shop was open for %s.\n\n", human.Clock(time.Duration(s.Seconds*float64(time.Second))))
	line("reads", "%s, %s of them on replicas", human.Count(s.Reads), human.Percent(float64(s.ReadsOnReplicas), float64(s.Reads)))
	line("writes", "%s, all on the primary", human.Count(s.Writes))
	line("fallbacks", "%s", fallbacks(s.FallbackReasons))
	line("waits", "%s waited for a replica, %s got it in time", human.Plural(s.Waits, "read"), human.Count(s.Waited))
	line("retries", "%s tried again on another server", human.Plural(s.Retries, "read"))
	line("errors", "%s seen by users", human.Count(s.Errors))
	line("stale reads", "%s in %s by value", human.Count(s.StaleReads), human.Plural(s.Checks, "comparison"))
	line("sessions", "%s to another process, by token", human.Plural(s.Handovers, "handover"))
	line("eventual", "%s of %s that may be old were old", human.Count(s.EventualOld), human.Plural(s.EventualReads, "read"))
	if s.BoundedLate > 0 {
		line("BOUNDED", "%s of %s were staler than their bound", human.Count(s.BoundedLate), human.Plural(s.BoundedReads, "read"))
	}
	for _, f := range s.Findings {
		line("STALE", "%s", f)
	}
	for _, f := range s.Failures {
		line("ERROR", "%s", f)
	}
}

// fallbackWords say what the replicas were when none could answer.
var fallbackWords = []struct{ key, words string }{
	{"session", "behind the reader"},
	{"lag", "too far behind"},
	{"no_replica", "down"},
	{"stopped", "stopped"},
	{"unknown", "unknown"},
	{"pending_write", "of no use during a write"},
	{"history", "of another history"},
	{"failed", "failing"},
}

// fallbacks tells how many reads the primary answered as no replica could, by
// reason.
func fallbacks(reasons map[string]uint64) string {
	var parts []string
	for _, f := range fallbackWords {
		if n := reasons[f.key]; n > 0 {
			parts = append(parts, human.Count(n)+" "+f.words)
		}
	}
	if len(parts) == 0 {
		return "0 reads on the primary as no replica could answer"
	}
	return human.Plural(total(reasons), "read") + " on the primary, as replicas were: " + strings.Join(parts, ", ")
}
