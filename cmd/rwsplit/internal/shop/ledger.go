package shop

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
)

// Figures are what the shop has counted.
type Figures struct {
	Checks    uint64 // values that were compared, under Session consistency
	Unwritten uint64 // of them, those without what their reader wrote
	Backwards uint64 // of them, those older than what their reader had seen
	Errors    uint64 // steps that failed

	Orders    uint64 // transactions that placed one
	Handovers uint64 // sessions carried as a token to the other process
	Repeated  uint64 // read-only transactions that lost their server and were run again

	Bounded     uint64 // reads with bounded staleness
	BoundedLate uint64 // of them, those staler than their bound
	Eventual    uint64 // reads with eventual consistency
	EventualOld uint64 // of them, those that showed an older state, as they may

	// Findings are the first few stale reads in words, Failures the first few
	// errors that differ.
	Findings, Failures []string
}

// Stale counts the comparisons that failed.
func (f *Figures) Stale() uint64 { return f.Unwritten + f.Backwards }

// told bounds the findings and the failures that are kept.
const told = 5

// ledger collects figures from all who work in the shop.
type ledger struct {
	mu      sync.Mutex // guards figures
	figures Figures
}

func (l *ledger) read() Figures {
	l.mu.Lock()
	defer l.mu.Unlock()
	f := l.figures
	f.Findings, f.Failures = slices.Clone(f.Findings), slices.Clone(f.Failures)
	return f
}

func (l *ledger) add(change func(*Figures)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	change(&l.figures)
}

// wrote compares what its reader has written: it must be there.
func (l *ledger) wrote(there bool, format string, args ...any) {
	l.check(&l.figures.Unwritten, there, format, args...)
}

// saw compares what its reader has seen: it must not be older.
func (l *ledger) saw(newer bool, format string, args ...any) {
	l.check(&l.figures.Backwards, newer, format, args...)
}

// check counts one comparison. The words say what was read and what it should
// have been.
func (l *ledger) check(stale *uint64, good bool, format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.figures.Checks++
	if good {
		return
	}
	*stale++
	if len(l.figures.Findings) < told {
		l.figures.Findings = append(l.figures.Findings, fmt.Sprintf(format, args...))
	}
}

// failed counts an error that a step ended with, unless it was cut off: ctx is
// done when the shop has closed.
func (l *ledger) failed(ctx context.Context, who, step string, err error) {
	if ctx.Err() != nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.figures.Errors++
	text := fmt.Sprintf("%s, %s: %v", who, step, err)
	same := func(f string) bool {
		_, other, _ := strings.Cut(f, ", ")
		_, this, _ := strings.Cut(text, ", ")
		return other == this
	}
	if len(l.figures.Failures) < told && !slices.ContainsFunc(l.figures.Failures, same) {
		l.figures.Failures = append(l.figures.Failures, text)
	}
}
