package session

import (
	"strings"
	"testing"
	"time"

	"github.com/rwsplit/rwsplit/lag"
)

func TestRecordNothing(t *testing.T) {
	var r Record
	for _, w := range []*witness{{}, sampled(10, wal(100))} {
		n := r.Need(w)
		if !allows(&n, replica, nil) || n.Unresolved() || !n.Since().IsZero() || n.Position != nil {
			t.Errorf("a record that has seen nothing needs %+v", n)
		}
	}
}

func TestRecordWrite(t *testing.T) {
	var r Record
	r.BeginWrite()
	if n := r.Need(sampled(1000, wal(100))); !n.Pending || allows(&n, replica, wal(1000)) {
		t.Errorf("amid a write: %+v", n)
	}
	r.BeginWrite()
	r.EndWrite(at(10), nil)
	if n := r.Need(sampled(5, wal(100))); !n.Pending {
		t.Errorf("one of two writes has ended: %+v", n)
	}
	r.EndWrite(at(20), nil)

	for _, ms := range []int{5, 10, 15, 20} {
		n := r.Need(sampled(ms, wal(100)))
		if n.Pending || n.Written.IsZero() || !n.Unresolved() || allows(&n, replica, wal(1000)) {
			t.Errorf("a sample asked for at %d ms, the write ended at 20: %+v", ms, n)
		}
		if n.Since().Before(at(20)) {
			t.Errorf("Since is %v, the write ended at 20 ms", n.Since().Sub(epoch))
		}
	}
	n := r.Need(sampled(21, wal(200)))
	if n.Unresolved() || n.Position != wal(200) {
		t.Errorf("a sample asked for after it: %+v", n)
	}
	if allows(&n, replica, wal(199)) || !allows(&n, replica, wal(200)) || allows(&n, replica, walOn(7, 2, 500)) {
		t.Errorf("%+v allows the wrong servers", n)
	}
}

// A clock may be coarser than a round trip (on Windows it is): of a sample asked
// for at the very time at which a write ended, nobody knows which came first.
func TestRecordEqualTimesProveNothing(t *testing.T) {
	w := sampled(10, wal(100)).and(replica, 10, wal(90))
	t.Run("write", func(t *testing.T) {
		var r Record
		r.Wrote(at(10), nil)
		if n := r.Need(w); !n.Unresolved() {
			t.Errorf("resolved to %v", n.Position)
		}
	})
	t.Run("sighting", func(t *testing.T) {
		var r Record
		r.Saw(nil, replica, at(10))
		if n := r.Need(w); !n.Unresolved() {
			t.Errorf("resolved to %v", n.Position)
		}
	})
	t.Run("reanchor", func(t *testing.T) {
		var r Record
		n := r.Need(&witness{})
		r.Reanchor(&n, at(10))
		if n := r.Need(w); !n.Unresolved() {
			t.Errorf("resolved to %v", n.Position)
		}
	})
}

func TestRecordWriteWithPosition(t *testing.T) {
	var r Record
	r.BeginWrite()
	r.EndWrite(at(10), wal(100))
	n := r.Need(&witness{})
	if n.Pending || n.Unresolved() || n.Position != wal(100) {
		t.Errorf("%+v", n)
	}
	r.Wrote(at(20), wal(50))
	if n := r.Need(&witness{}); n.Position != wal(100) {
		t.Errorf("an earlier position set it back to %v", n.Position)
	}
	r.Wrote(at(30), nil)
	r.Wrote(at(40), wal(300))
	if n := r.Need(&witness{}); !n.Unresolved() || n.Position != wal(300) {
		t.Errorf("a write without a position is forgotten: %+v", n)
	}
}

// What a position stands for had ended by a time, however the record came to it.
func TestRecordAt(t *testing.T) {
	var r Record
	r.Wrote(at(10), nil)
	if n := r.Need(sampled(5, wal(100))); !n.At.IsZero() {
		t.Errorf("nothing resolved: %+v", n)
	}
	if n := r.Need(sampled(20, wal(200))); !n.At.Equal(past(at(10))) {
		t.Errorf("a write at 10 ms: %v", n.At.Sub(epoch))
	}
	r.Saw(nil, replica, at(30))
	if n := r.Need(sampled(40, wal(200))); !n.At.Equal(past(at(30))) {
		t.Errorf("a read at 30 ms that added no position: %v", n.At.Sub(epoch))
	}
	var other Record
	other.Wrote(at(50), wal(50))
	r.merge(&other)
	if n := r.Need(sampled(40, wal(200))); !n.At.Equal(past(at(50))) {
		t.Errorf("merged with a write at 50 ms: %v", n.At.Sub(epoch))
	}
}

func TestRecordAbandonedWrite(t *testing.T) {
	var r Record
	r.BeginWrite()
	r.AbandonWrite()
	if n := r.Need(sampled(10, wal(100))); n.Pending || n.Unresolved() || n.Position != nil {
		t.Errorf("a write that was never sent is needed: %+v", n)
	}
}

func TestRecordSighting(t *testing.T) {
	var r Record
	n := r.Need(sampled(5, wal(100)))
	r.Saw(&n, replica, at(10))

	// The classic mistake: at 9 ms the replica was at 100, but the read that
	// ended at 10 may have seen 150.
	n = r.Need(sampled(5, wal(200)).and(replica, 9, wal(100)))
	if !n.Unresolved() || n.Position != nil {
		t.Fatalf("a sample asked for before the read stands for it: %+v", n)
	}
	if !allows(&n, replica, wal(100)) {
		t.Error("the same server may not answer")
	}
	if allows(&n, replica2, wal(1000)) {
		t.Error("another server may answer")
	}
	if allows(&n, lag.Instance{Node: 1, Run: 2}, wal(1000)) {
		t.Error("the same server may answer after a restart")
	}

	n = r.Need(sampled(5, wal(200)).and(replica, 11, wal(150)))
	if n.Unresolved() || n.Position != wal(150) {
		t.Fatalf("a sample of the server asked for after the read: %+v", n)
	}
	if !allows(&n, replica2, wal(150)) || allows(&n, replica2, wal(149)) {
		t.Error("the wrong servers may answer")
	}
}

func TestRecordSightingResolvedByPrimary(t *testing.T) {
	var r Record
	r.Saw(nil, replica, at(10))
	if n := r.Need(sampled(11, wal(200))); n.Unresolved() || n.Position != wal(200) {
		t.Errorf("%+v", n)
	}
}

func TestRecordSightingPrefersItsOwnServer(t *testing.T) {
	var r Record
	r.Saw(nil, replica, at(10))
	// Both will do; the replica's asks for less.
	if n := r.Need(sampled(11, wal(200)).and(replica, 11, wal(150))); n.Position != wal(150) {
		t.Errorf("%+v", n)
	}
}

func TestRecordSightingsOfOtherRunsDoNotResolve(t *testing.T) {
	var r Record
	r.Saw(nil, replica, at(10))
	restarted := lag.Instance{Node: 1, Run: 2}
	n := r.Need(sampled(5, wal(200)).and(restarted, 100, wal(50)))
	if !n.Unresolved() {
		t.Errorf("a restarted server, maybe set back, stands for what was seen before: %+v", n)
	}
	r.Saw(&n, primary, at(110))
	n = r.Need(sampled(5, wal(200)))
	if got := n.Sightings(); len(got) != 1 || got[0].Instance != primary {
		t.Errorf("sightings %v, want the primary's alone", got)
	}
}

func TestRecordDominatedSightings(t *testing.T) {
	idle := &witness{}
	t.Run("a read under the need stands for its sightings", func(t *testing.T) {
		var r Record
		r.Saw(nil, replica, at(10))
		n := r.Need(idle)
		r.Saw(&n, primary, at(20))
		n = r.Need(idle)
		if got := n.Sightings(); len(got) != 1 || got[0].Instance != primary {
			t.Errorf("%v", got)
		}
	})
	t.Run("an eventual read does not", func(t *testing.T) {
		var r Record
		r.Saw(nil, replica, at(10))
		r.Saw(nil, replica2, at(20))
		n := r.Need(idle)
		if got := n.Sightings(); len(got) != 2 || allows(&n, replica2, wal(1000)) || allows(&n, replica, wal(1000)) {
			t.Errorf("%v", got)
		}
	})
	t.Run("nor one whose need was taken before", func(t *testing.T) {
		var r Record
		first, second := r.Need(idle), r.Need(idle)
		r.Saw(&first, replica, at(10))
		r.Saw(&second, replica2, at(20)) // it ran at the same time
		n := r.Need(idle)
		if got := n.Sightings(); len(got) != 2 {
			t.Errorf("%v", got)
		}
	})
	t.Run("a later read on the same server renews the sighting", func(t *testing.T) {
		var r Record
		r.Saw(nil, replica, at(10))
		n := r.Need(idle)
		r.Saw(nil, replica, at(20)) // meanwhile
		r.Saw(&n, primary, at(15))
		n = r.Need(idle)
		if got := n.Sightings(); len(got) != 2 {
			t.Errorf("what was seen at 20 ms is forgotten: %v", got)
		}
	})
	t.Run("reads that end out of order", func(t *testing.T) {
		var r Record
		r.Saw(nil, replica, at(20))
		r.Saw(nil, replica, at(10))
		if n := r.Need(sampled(5, wal(1)).and(replica, 15, wal(100))); !n.Unresolved() {
			t.Errorf("what was seen at 20 ms is forgotten: %+v", n)
		}
	})
}

func TestRecordOverflowOfSightings(t *testing.T) {
	var r Record
	for node := range maxSightings + 3 {
		r.Saw(nil, lag.Instance{Node: node}, at(10+node))
	}
	last := at(10 + maxSightings + 2)
	n := r.Need(&witness{})
	if len(n.Sightings()) != maxSightings || n.Written.Before(last) {
		t.Fatalf("%d sightings and Written %v, want the rest held to the primary after %v",
			len(n.Sightings()), n.Written.Sub(epoch), last.Sub(epoch))
	}
	for node := range maxSightings + 3 {
		if allows(&n, lag.Instance{Node: node}, wal(1000)) {
			t.Errorf("node %d may answer", node)
		}
	}
	if n := r.Need(sampled(10+maxSightings+3, wal(100))); n.Unresolved() || n.Position != wal(100) {
		t.Errorf("a sample of the primary after all: %+v", n)
	}
}

func TestRecordSince(t *testing.T) {
	var r Record
	r.Saw(nil, replica, at(30))
	r.Wrote(at(10), nil)
	r.Saw(nil, replica2, at(20))
	n := r.Need(&witness{})
	if n.Since().Before(at(30)) {
		t.Errorf("Since = %v", n.Since().Sub(epoch))
	}
	if n := r.Need(&witness{primary: sample{n.Since(), wal(100)}}); n.Unresolved() {
		t.Errorf("a sample asked for at Since leaves %+v", n)
	}
}

func TestRecordForeign(t *testing.T) {
	var r Record
	r.Wrote(at(10), walOn(8, 1, 1000))
	n := r.Need(sampled(5, wal(100)))
	if !n.Foreign || n.Position != nil || allows(&n, replica, wal(1_000_000)) {
		t.Fatalf("a position of another lineage: %+v", n)
	}
	// While nobody knows the cluster's lineage, nobody is compared either.
	if n := r.Need(&witness{}); n.Foreign || n.Position == nil {
		t.Errorf("unknown lineage: %+v", n)
	}
	r.Reanchor(&n, at(20))
	if n := r.Need(sampled(15, wal(100))); !n.Unresolved() {
		t.Errorf("reanchored to a sample before the read: %+v", n)
	}
	if n := r.Need(sampled(25, wal(100))); n.Foreign || n.Unresolved() || n.Position != wal(100) {
		t.Errorf("after a read on the primary and a sample: %+v", n)
	}
	// The other lineage is still known, for where it came from.
	if n := r.Need(sampled(30, walOn(8, 1, 2000))); n.Position != walOn(8, 1, 1000) {
		t.Errorf("back on the other cluster: %+v", n)
	}
}

func TestRecordReanchor(t *testing.T) {
	// A failover lost what the session wrote at 1000 on timeline 1.
	after := func(ms int, lsn lag.LSN) *witness { return sampled(ms, walOn(7, 2, lsn)) }
	t.Run("forgets what the history has left", func(t *testing.T) {
		var r Record
		r.Wrote(at(10), wal(1000))
		n := r.Need(after(20, 500))
		r.Reanchor(&n, at(30))
		if n := r.Need(after(25, 500)); !n.Unresolved() || n.Position != nil {
			t.Errorf("%+v", n)
		}
		if n := r.Need(after(35, 510)); n.Unresolved() || n.Position != walOn(7, 2, 510) {
			t.Errorf("%+v", n)
		}
	})
	t.Run("keeps a write that came meanwhile", func(t *testing.T) {
		var r Record
		r.Wrote(at(10), wal(1000))
		n := r.Need(after(20, 500))
		r.Wrote(at(25), walOn(7, 2, 520))
		r.Reanchor(&n, at(22))
		if n := r.Need(after(30, 530)); n.Position == nil || allows(&n, replica, walOn(7, 2, 519)) {
			t.Errorf("%+v", n)
		}
	})
	t.Run("and one whose position adds nothing to what is held", func(t *testing.T) {
		var r Record
		r.Wrote(at(10), walOn(7, 2, 1000))
		n := r.Need(after(20, 500))
		r.Wrote(at(25), walOn(7, 2, 520))
		r.Reanchor(&n, at(22))
		if n := r.Need(after(24, 505)); allows(&n, replica, walOn(7, 2, 519)) {
			t.Errorf("%+v", n)
		}
	})
	t.Run("and one without a position", func(t *testing.T) {
		var r Record
		r.Wrote(at(10), wal(1000))
		n := r.Need(after(20, 500))
		r.Wrote(at(25), nil)
		r.Reanchor(&n, at(22))
		if n := r.Need(after(24, 510)); !n.Unresolved() {
			t.Errorf("%+v", n)
		}
	})
	t.Run("and one that is pending", func(t *testing.T) {
		var r Record
		r.Wrote(at(10), wal(1000))
		n := r.Need(after(20, 500))
		r.BeginWrite()
		r.Reanchor(&n, at(22))
		if n := r.Need(after(30, 510)); !n.Pending {
			t.Errorf("%+v", n)
		}
	})
}

// A record with room for no more lineages must not let one go in silence.
func TestRecordOverflowOfLineages(t *testing.T) {
	var r Record
	now := time.Now()
	for system := range uint64(maxLineages + 1) {
		r.Wrote(now, walOn(system, 1, 1000))
	}
	n := r.Need(&witness{primary: sample{now.Add(-time.Second), walOn(0, 1, 500)}})
	if allows(&n, replica, walOn(0, 1, 500)) {
		t.Errorf("what was written to the first lineage is forgotten: %+v", n)
	}
	r.Reanchor(&n, now)
	n = r.Need(&witness{primary: sample{now.Add(time.Second), walOn(0, 1, 1100)}})
	if n.Unresolved() || n.Position != walOn(0, 1, 1100) {
		t.Errorf("after a read on the primary: %+v", n)
	}
}

// A caller who reads and writes all the time must cost no garbage.
func TestRecordAllocs(t *testing.T) {
	var r Record
	r.Wrote(at(1), wal(50))
	resolving := sampled(1<<30, wal(100)).and(replica, 1<<30, wal(100))
	silent := sampled(0, wal(100))
	ms := 10
	for name, f := range map[string]func(){
		"need": func() { r.Need(silent) },
		"read": func() {
			ms++
			n := r.Need(silent)
			r.Saw(&n, replica, at(ms))
		},
		"read and resolve": func() {
			ms++
			n := r.Need(resolving)
			r.Saw(&n, replica, at(ms))
		},
		"write and resolve": func() {
			ms++
			r.BeginWrite()
			r.EndWrite(at(ms), nil)
			r.Need(resolving)
		},
	} {
		f()
		if n := testing.AllocsPerRun(100, f); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func BenchmarkRecord(b *testing.B) {
	var r Record
	r.Wrote(at(1), wal(50))
	resolving := sampled(1<<30, wal(100)).and(replica, 1<<30, wal(100))
	silent := sampled(0, wal(100))
	b.Run("need", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			r.Need(silent)
		}
	})
	b.Run("read", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			n := r.Need(silent)
			r.Saw(&n, replica, at(i))
		}
	})
	b.Run("read-and-resolve", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			n := r.Need(resolving)
			r.Saw(&n, replica, at(i%1000))
		}
	})
	b.Run("write-and-resolve", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			r.BeginWrite()
			r.EndWrite(at(i%1000), nil)
			r.Need(resolving)
		}
	})
}

// Of GTID sets two may share nothing, and a third something with both: they are
// one lineage then, and nothing of them is left out.
func TestLineagesThatTurnOutToBeOne(t *testing.T) {
	set := func(text string) lag.Position {
		t.Helper()
		p, err := lag.ParseGTIDSet(strings.NewReplacer("A", "aaaaaaaa-0000-0000-0000-000000000000", "B", "bbbbbbbb-0000-0000-0000-000000000000",
			"C", "cccccccc-0000-0000-0000-000000000000", "D", "dddddddd-0000-0000-0000-000000000000").Replace(text))
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	for _, test := range []struct {
		name  string
		wrote []string
		known string
		want  string
	}{
		{"two and the third", []string{"A:1", "B:1-9", "A:1-2,B:1-3"}, "A:1-2,B:1-9", "A:1-2,B:1-9"},
		{"the third adds nothing", []string{"A:1-9,C:1", "B:1-9", "A:1,B:1"}, "A:1-9", "A:1-9,B:1-9,C:1"},
		{"one brings in another", []string{"C:7", "A:1,C:1", "B:1", "D:1", "A:2,B:2"}, "A:1", "A:1-2,B:1-2,C:1:7"},
		{"in the middle", []string{"D:1", "A:1", "C:1", "B:1", "A:5,B:5"}, "B:1", "A:1:5,B:1:5"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var r Record
			for _, text := range test.wrote {
				r.Wrote(at(1), set(text))
			}
			n := r.Need(&witness{primary: sample{at(0), set(test.known)}})
			if want := set(test.want); n.Position == nil || n.Position.String() != want.String() {
				t.Errorf("needs %v, want %s", n.Position, want)
			}
		})
	}
}
