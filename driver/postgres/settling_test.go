package postgres

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/rwsplit/rwsplit/lag"
)

func TestSettling(t *testing.T) {
	type sample struct {
		after    time.Duration // the one before
		insert   lag.LSN
		flush    lag.LSN
		snapshot string
		want     lag.LSN
	}
	const open = 500 * time.Millisecond
	for _, test := range []struct {
		name    string
		samples []sample
	}{
		{"all is flushed", []sample{{0, 100, 100, "a", 100}, {open, 200, 200, "b", 200}}},
		{"past the insert position, at a page's start", []sample{{0, 100, 124, "a", 100}}},
		{"an open transaction", []sample{
			{0, 100, 100, "a", 100}, {open, 150, 100, "a", 150}, {open, 150, 100, "a", 150},
			{open, 150, 100, "a", 150}, {open, 150, 100, "a", 150}, {open, 150, 100, "a", 100}, {open, 180, 120, "a", 120},
		}},
		{"something commits again and again", []sample{
			{0, 150, 100, "a", 150}, {open, 150, 100, "b", 150}, {3 * open, 160, 100, "c", 160}, {3 * open, 170, 100, "d", 170},
		}},
		{"flushed between", []sample{
			{0, 150, 100, "a", 150}, {3 * open, 150, 150, "a", 150}, {3 * open, 180, 150, "a", 180}, {4 * open, 180, 150, "a", 150},
		}},
		{"patience is counted from the answer to the question", []sample{
			{0, 150, 100, "a", 150}, {4*open - 1, 150, 100, "a", 150}, {1, 150, 100, "a", 100},
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := settling{patience: 2 * time.Second}
				for i, sample := range test.samples {
					time.Sleep(sample.after)
					if got := s.position(sample.insert, sample.flush, sample.snapshot, time.Now()); got != sample.want {
						t.Errorf("sample %d: %d, want %d", i, got, sample.want)
					}
				}
			})
		})
	}
}
