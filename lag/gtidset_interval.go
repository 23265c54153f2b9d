package lag

import (
	"cmp"
	"iter"
	"slices"
)

// gtidInterval is a run of transaction numbers, both ends included. A list of
// them is ascending, and between two lies at least one number that is in neither:
// what covers an interval does it with one of its own.
type gtidInterval struct{ first, last int64 }

func (i gtidInterval) count() int64 { return i.last - i.first + 1 }

// coverIntervals reports whether have holds all of want.
func coverIntervals(have, want []gtidInterval) bool {
	for _, w := range want {
		for len(have) > 0 && have[0].last < w.first {
			have = have[1:]
		}
		if len(have) == 0 || have[0].first > w.first || have[0].last < w.last {
			return false
		}
	}
	return true
}

// subtractIntervals yields what a holds and b does not.
func subtractIntervals(a, b []gtidInterval) iter.Seq[gtidInterval] {
	return func(yield func(gtidInterval) bool) {
		rest := b
		for _, i := range a {
			for len(rest) > 0 && rest[0].last < i.first {
				rest = rest[1:]
			}
			for len(rest) > 0 && rest[0].first <= i.last {
				if rest[0].first > i.first && !yield(gtidInterval{i.first, rest[0].first - 1}) {
					return
				}
				i.first = rest[0].last + 1
				if i.first > i.last {
					break // it may cut into the next one, too
				}
				rest = rest[1:]
			}
			if i.first <= i.last && !yield(i) {
				return
			}
		}
	}
}

// commonIntervals returns what both hold.
func commonIntervals(a, b []gtidInterval) []gtidInterval {
	alone := slices.Collect(subtractIntervals(a, b))
	return slices.Collect(subtractIntervals(a, alone))
}

// joinIntervals returns what either holds.
func joinIntervals(a, b []gtidInterval) []gtidInterval {
	all := make([]gtidInterval, 0, len(a)+len(b))
	return mergeIntervals(append(append(all, a...), b...))
}

// mergeIntervals makes a list of what is in no order and may overlap, in place.
func mergeIntervals(all []gtidInterval) []gtidInterval {
	byFirst := func(a, b gtidInterval) int { return cmp.Compare(a.first, b.first) }
	if !slices.IsSortedFunc(all, byFirst) {
		slices.SortFunc(all, byFirst)
	}
	merged := all[:0]
	for _, i := range all {
		if n := len(merged); n > 0 && i.first <= merged[n-1].last+1 {
			merged[n-1].last = max(merged[n-1].last, i.last)
			continue
		}
		merged = append(merged, i)
	}
	return slices.Clip(merged)
}
