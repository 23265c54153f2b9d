package session

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/rwsplit/rwsplit/lag"
)

func TestContext(t *testing.T) {
	if s := FromContext(t.Context()); s != nil {
		t.Errorf("a bare context carries %v", s)
	}
	s := New()
	ctx, cancel := context.WithCancel(NewContext(t.Context(), s))
	defer cancel()
	if got := FromContext(ctx); got != s {
		t.Errorf("FromContext = %p, want %p", got, s)
	}
	if s := FromContext(NewContext(ctx, nil)); s != nil {
		t.Errorf("a context without session carries %v", s)
	}
}

func TestSessionRecord(t *testing.T) {
	s := New()
	first, second := &witness{}, &witness{}
	a := s.Record("shop", first)
	if b := s.Record("shop", second); a != b {
		t.Error("one cluster has two records")
	}
	if a.source != Source(second) {
		t.Error("the newer source was not taken")
	}
	if c := s.Record("billing", first); a == c {
		t.Error("two clusters have one record")
	}
	if n := testing.AllocsPerRun(100, func() { s.Record("billing", first) }); n != 0 {
		t.Errorf("%v allocations to find a record", n)
	}
}

// A session with room for no more clusters must not let one go in silence.
func TestSessionOverflowOfClusters(t *testing.T) {
	s := New()
	w := &witness{primary: sample{time.Now(), wal(10)}}
	s.Record("first", w).Wrote(time.Now(), wal(1000))
	for i := range maxClusters {
		s.Record(fmt.Sprint(i), w)
	}
	if len(s.records) != maxClusters {
		t.Errorf("%d records", len(s.records))
	}
	n := s.Record("first", w).Need(w)
	if allows(&n, replica, wal(10)) {
		t.Error("what was written to the first cluster is forgotten")
	}
	w.primary = sample{time.Now().Add(time.Second), wal(1100)}
	if n := s.Record("first", w).Need(w); n.Unresolved() || n.Position != wal(1100) {
		t.Errorf("a sample of the primary after it: %+v", n)
	}
}

func TestMerge(t *testing.T) {
	w := &witness{}
	a, b := New(), New()
	a.Record("shop", w).Wrote(at(10), wal(100))
	b.Record("shop", w).Wrote(at(10), wal(200))
	b.Record("shop", w).Saw(nil, replica, at(30))
	b.Record("billing", w).Wrote(at(20), nil)
	b.Record("stock", w).BeginWrite()
	begun := time.Now()
	a.Merge(b)
	a.Merge(nil)
	a.Merge(a)

	n := a.Record("shop", w).Need(w)
	if n.Position != wal(200) {
		t.Errorf("position %v, want the larger", n.Position)
	}
	// What b saw at 30 ms is held to the primary after it.
	if allows(&n, replica, wal(1000)) || n.Since().Before(at(30)) {
		t.Errorf("b's sighting is lost: %+v", n)
	}
	if n := a.Record("billing", w).Need(w); n.Written.Before(at(20)) {
		t.Errorf("b's write is lost: %+v", n)
	}
	if n := a.Record("stock", w).Need(w); n.Written.Before(begun) || n.Pending {
		t.Errorf("b's pending write: %+v", n)
	}
	if n := b.Record("shop", w).Need(w); n.Position != wal(200) || len(n.Sightings()) != 1 {
		t.Errorf("b has changed: %+v", n)
	}
}

func TestMergeTakesTheSource(t *testing.T) {
	w := sampled(10, wal(100))
	a, b := New(), New()
	b.Record("shop", w).Wrote(at(5), nil)
	a.Merge(b)
	token, err := a.Token(t.Context())
	if err != nil || token != "rws1!shop*"+wal(100).String() {
		t.Errorf("Token = %q, %v", token, err)
	}
}

// Two sessions merged into each other while both are used: no deadlock, no race,
// nothing lost.
func TestMergeBothWays(t *testing.T) {
	w := sampled(0, wal(1))
	a, b := New(), New()
	done := make(chan struct{})
	go func() {
		defer close(done)
		var all sync.WaitGroup
		for i := range 200 {
			all.Go(func() { a.Merge(b) })
			all.Go(func() { b.Merge(a) })
			all.Go(func() { a.Record("shop", w).Wrote(at(i), wal(lag.LSN(2*i))) })
			all.Go(func() { b.Record("shop", w).Wrote(at(i), wal(lag.LSN(2*i+1))) })
			all.Go(func() { b.Record(fmt.Sprint(i%10), w).Saw(nil, replica, at(i)) })
			all.Go(func() { a.Token(cancelledContext()) })
			all.Go(func() { n := a.Record("shop", w).Need(w); b.Record("shop", w).Saw(&n, primary, at(i)) })
		}
		all.Wait()
	}()
	select {
	case <-done:
	case <-time.After(30 * time.Second):
		t.Fatal("deadlock")
	}
	a.Merge(b)
	b.Merge(a)
	for _, s := range []*Session{a, b} {
		if n := s.Record("shop", w).Need(w); n.Position != wal(399) {
			t.Errorf("position %v, want the largest", n.Position)
		}
	}
}

func cancelledContext() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}
