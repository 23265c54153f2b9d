package cluster

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rwsplit/rwsplit/session"
)

func TestClusterStart(t *testing.T) {
	run(t, 3, nil, func(t *testing.T, f *fleet) {
		if s := f.Snapshot(); s.Primary != -1 {
			t.Errorf("primary %d before anybody was asked", s.Primary)
		}
		time.Sleep(10 * time.Millisecond)
		s := f.Snapshot()
		if s.Primary != 0 {
			t.Fatalf("primary %d", s.Primary)
		}
		for i := range s.Nodes {
			want := RoleReplica
			if i == 0 {
				want = RolePrimary
			}
			if v := &s.Nodes[i]; v.Role != want || v.State != StateUp {
				t.Errorf("member %d is %s and %s (%s)", i, v.Role, v.State, v.Reason)
			}
		}
	})
}

// What a failover left behind may answer first: it must not get a write.
func TestClusterStartWaitsForAll(t *testing.T) {
	run(t, 3, nil, func(t *testing.T, f *fleet) {
		f.servers[1].set(func(s *server) {
			s.writable, s.position, s.latency = true, walOn(7, 2, 90), 50*time.Millisecond
		})
		l, err := f.Primary(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer l.Release(true)
		if l.Node.Index != 1 {
			t.Errorf("member %d is taken for the primary", l.Node.Index)
		}
	})
}

func TestClusterStartWithAMemberThatHangs(t *testing.T) {
	run(t, 3, nil, func(t *testing.T, f *fleet) {
		f.servers[2].set(func(s *server) { s.hangs = true })
		start := time.Now()
		l, err := f.Primary(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		l.Release(true)
		if d := time.Since(start); d > testTimeout+10*time.Millisecond {
			t.Errorf("the first lease took %s", d)
		}
	})
}

// A caller who needs to see his write gets a sample at once, and all share it.
func TestClusterHasten(t *testing.T) {
	run(t, 2, nil, func(t *testing.T, f *fleet) {
		f.settle()
		time.Sleep(testInterval / 2)
		for _, s := range f.servers {
			s.set(func(s *server) { s.position = wal(200) })
		}
		start := time.Now()
		var record session.Record
		record.Wrote(start, nil)
		for i := 0; ; i++ {
			s, now := f.Snapshot(), time.Now()
			n := record.Need(s)
			q := Query{Consistency: Session, Need: &n, MaxLag: time.Hour, Budget: time.Second}
			c := Pick(&q, s, now)
			if c.Reason == OnReplica {
				break
			}
			if i > 10 || !c.Wait {
				t.Fatalf("after %s: %s, wait %t", now.Sub(start), c.Reason.Key(), c.Wait)
			}
			f.Hasten(s, &n, now)
			if newer, err := f.Await(t.Context(), s, now.Add(time.Second)); !newer || err != nil {
				t.Fatal(newer, err)
			}
		}
		if d := time.Since(start); d > 10*time.Millisecond {
			t.Errorf("a replica was seen to have it after %s", d)
		}
	})
}

func TestClusterAwait(t *testing.T) {
	run(t, 1, nil, func(t *testing.T, f *fleet) {
		f.settle()
		s := f.Snapshot()
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if newer, err := f.Await(ctx, s, time.Now().Add(time.Second)); newer || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("context done: %t, %v", newer, err)
		}
		if newer, err := f.Await(t.Context(), s, time.Now().Add(time.Millisecond)); newer || err != nil {
			t.Errorf("deadline: %t, %v", newer, err)
		}
		if newer, err := f.Await(t.Context(), s, time.Now().Add(time.Minute)); !newer || err != nil {
			t.Errorf("newer snapshot: %t, %v", newer, err)
		}
		go func() {
			time.Sleep(time.Millisecond)
			f.Close()
		}()
		s = f.Snapshot()
		if newer, err := f.Await(t.Context(), s, time.Now().Add(time.Minute)); err != nil && !errors.Is(err, ErrClosed) || err == nil && !newer {
			t.Errorf("closed meanwhile: %t, %v", newer, err)
		}
		if _, err := f.Await(t.Context(), f.Snapshot(), time.Now().Add(time.Minute)); !errors.Is(err, ErrClosed) {
			t.Errorf("closed: %v", err)
		}
	})
}

func TestAwaitPrimary(t *testing.T) {
	run(t, 2, nil, func(t *testing.T, f *fleet) {
		f.settle()
		now := time.Now()
		if err := f.AwaitPrimary(t.Context(), now); err != nil {
			t.Error(err)
		}
		if d := time.Since(now); d > 10*time.Millisecond {
			t.Errorf("took %s", d)
		}
		f.servers[0].set(func(s *server) { s.fails = errDown })
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		if err := f.AwaitPrimary(ctx, time.Now()); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("primary down: %v", err)
		}
		done := make(chan error)
		go func() { done <- f.AwaitPrimary(context.Background(), time.Now()) }()
		synctest.Wait()
		f.Close()
		if err := <-done; !errors.Is(err, ErrClosed) {
			t.Errorf("closed: %v", err)
		}
	})
}

func TestPrimaryWaits(t *testing.T) {
	run(t, 2, nil, func(t *testing.T, f *fleet) {
		f.settle()
		f.servers[0].set(func(s *server) { s.fails = errDown })
		for _, n := range f.Nodes() {
			n.Doubt()
		}
		time.Sleep(10 * time.Millisecond)
		start := time.Now()
		_, err := f.Primary(t.Context())
		if d := time.Since(start); d < testWait || d > testWait+10*time.Millisecond {
			t.Errorf("gave up after %s", d)
		}
		if !errors.Is(err, ErrNoPrimary) || !errors.Is(err, errDown) {
			t.Errorf("%v does not tell the cause", err)
		}
		for _, part := range []string{"a (primary) is down: connection refused", "b (replica) is up"} {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%v does not say %q", err, part)
			}
		}
		// The same, while it comes back.
		go func() {
			time.Sleep(2 * time.Second)
			f.servers[0].set(func(s *server) { s.fails = nil })
		}()
		l, err := f.Primary(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		l.Release(true)
	})
}

func TestPrimaryHopeless(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, 2, nil)
		for _, s := range f.servers {
			s.fails = errDown
		}
		f.Start()
		start := time.Now()
		_, err := f.Primary(t.Context())
		if d := time.Since(start); d > 10*time.Millisecond {
			t.Errorf("took %s to see that nobody ever answered", d)
		}
		if !errors.Is(err, ErrNoPrimary) || !errors.Is(err, errDown) || !strings.Contains(err.Error(), "b (unknown) is down") {
			t.Error(err)
		}
		f.Close()
	})
}

func TestPrimaryContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, 2, nil)
		f.servers[0].writable = false // no primary, but not hopeless
		f.Start()
		f.settle()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		_, err := f.Primary(ctx)
		if !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, ErrNoPrimary) {
			t.Error(err)
		}
		if d := time.Since(start); d != time.Second {
			t.Errorf("took %s", d)
		}
		f.Close()
	})
}

// A primary that answers probes but takes no further connection is not asked in a
// hot loop, and its error is told.
func TestPrimaryRefusesConnections(t *testing.T) {
	tooMany := errors.New("too many clients already")
	run(t, 2, nil, func(t *testing.T, f *fleet) {
		f.settle()
		f.servers[0].set(func(s *server) { s.refuses, s.connects = tooMany, 0 })
		start := time.Now()
		_, err := f.Primary(t.Context())
		if !errors.Is(err, ErrNoPrimary) || !errors.Is(err, tooMany) {
			t.Errorf("%v does not tell the cause", err)
		}
		if d := time.Since(start); d > testWait+10*time.Millisecond {
			t.Errorf("gave up after %s", d)
		}
	})
}

func TestFailover(t *testing.T) {
	run(t, 3, nil, func(t *testing.T, f *fleet) {
		f.settle()
		old := f.mustLease(0)
		f.servers[0].restart()
		f.servers[0].set(func(s *server) { s.fails = errDown })
		f.Nodes()[0].Doubt()
		go func() {
			time.Sleep(2 * time.Second)
			f.servers[1].set(func(s *server) { s.writable, s.position = true, walOn(7, 2, 90) })
			f.servers[2].set(func(s *server) { s.position = walOn(7, 2, 90) })
		}()
		l, err := f.Primary(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if l.Node.Index != 1 {
			t.Errorf("member %d is the primary", l.Node.Index)
		}
		l.Release(true)
		old.Release(true)
		f.settle()
		if v := f.view(2); v.State != StateUp {
			t.Errorf("the other replica is %s (%s)", v.State, v.Reason)
		}
		// The old one comes back as it was.
		f.servers[0].set(func(s *server) { s.fails = nil })
		f.settle()
		f.settle()
		if s := f.Snapshot(); s.Primary != 1 || s.Nodes[0].Role != RoleStray {
			t.Errorf("primary %d, the old one is a %s", s.Primary, s.Nodes[0].Role)
		}
		// And then as a replica.
		f.servers[0].set(func(s *server) { s.writable, s.position = false, walOn(7, 2, 90) })
		f.servers[0].restart()
		f.settle()
		f.settle()
		if v := f.view(0); v.Role != RoleReplica || v.State != StateUp {
			t.Errorf("the old one is a %s and %s (%s)", v.Role, v.State, v.Reason)
		}
	})
}

// A connection to another run of the server than the snapshot speaks of must not
// be used: the server may show an older state.
func TestAcquireAfterRestart(t *testing.T) {
	run(t, 2, nil, func(t *testing.T, f *fleet) {
		f.settle()
		first := f.mustLease(1)
		first.Release(true)
		before := f.view(1)
		f.servers[1].set(func(s *server) { s.run++ }) // its connections would even work
		idle, err := f.Nodes()[1].Acquire(t.Context(), before, time.Now())
		if err != nil {
			t.Fatal("the idle connection is of the run that the snapshot knows:", err)
		}
		idle.Release(true)
		f.settle()
		l, err := f.Nodes()[1].Acquire(t.Context(), f.view(1), time.Now())
		if err != nil {
			t.Fatal(err)
		}
		if l.Conn().Run != 102 {
			t.Errorf("a connection to run %d", l.Conn().Run)
		}
		l.Release(true)
		// The other way round: the snapshot is older than the connection.
		_, err = f.Nodes()[1].Acquire(t.Context(), before, time.Now())
		var unreachable *Unreachable
		if !errors.As(err, &unreachable) || unreachable.Member != "b" || !errors.Is(err, errMoved) {
			t.Error(err)
		}
		if n := f.Nodes()[1].Load.InFlight(); n != 0 {
			t.Errorf("%d in flight", n)
		}
	})
}

func TestAcquireAfterRoleChange(t *testing.T) {
	run(t, 2, nil, func(t *testing.T, f *fleet) {
		f.settle()
		l := f.mustLease(1)
		l.Release(true)
		replica := f.view(1)
		f.servers[1].set(func(s *server) { s.writable = true }) // the address means another server now
		time.Sleep(testInterval * 2)
		f.Nodes()[1].pool.Reset()
		var unreachable *Unreachable
		if _, err := f.Nodes()[1].Acquire(t.Context(), replica, time.Now()); !errors.As(err, &unreachable) || !errors.Is(err, errMoved) {
			t.Errorf("a writable server serves as a replica: %v", err)
		}
		if n := f.Nodes()[1].Load.InFlight(); n != 0 {
			t.Errorf("%d in flight", n)
		}
	})
}

func TestCloseBeforeStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, 2, nil)
		f.Close()
		f.Close()
		f.Start()
		synctest.Wait()
		if f.servers[0].connects > 0 {
			t.Error("a cluster that was closed has started")
		}
		if _, err := f.Primary(t.Context()); !errors.Is(err, ErrClosed) {
			t.Error(err)
		}
	})
}

func TestCloseMeanwhile(t *testing.T) {
	run(t, 2, nil, func(t *testing.T, f *fleet) {
		var all sync.WaitGroup
		for range 5 {
			all.Go(f.Start)
			all.Go(f.Close)
		}
		all.Wait()
	})
}

// Connections that callers still hold do not hold up Close for long, and are
// closed when they come back.
func TestCloseWithLeases(t *testing.T) {
	run(t, 2, nil, func(t *testing.T, f *fleet) {
		f.settle()
		l := f.mustLease(1)
		waiting := make(chan error)
		go func() {
			f.servers[0].set(func(s *server) { s.hangs = true })
			_, err := f.lease(context.Background(), 0) // opens a connection, which hangs
			waiting <- err
		}()
		synctest.Wait()
		start := time.Now()
		f.Close()
		if d := time.Since(start); d > closePatience+testTimeout {
			t.Errorf("Close took %s", d)
		}
		if err := <-waiting; err == nil {
			t.Error("a lease after Close")
		}
		if _, err := f.lease(t.Context(), 1); !errors.Is(err, ErrClosed) {
			t.Errorf("after Close: %v", err)
		}
		if _, err := f.Primary(t.Context()); !errors.Is(err, ErrClosed) {
			t.Errorf("after Close: %v", err)
		}
		l.Release(true)
		f.Close()
		for _, n := range f.Nodes() {
			if n.Load.InFlight() != 0 {
				t.Errorf("%d in flight on %s", n.Load.InFlight(), n.Member.Name)
			}
		}
	})
}

// A statement that waits for a primary is told that the database was closed.
func TestCloseWakesWaiters(t *testing.T) {
	run(t, 2, nil, func(t *testing.T, f *fleet) {
		f.servers[0].set(func(s *server) { s.writable = false })
		f.settle()
		done := make(chan error)
		go func() {
			_, err := f.Primary(context.Background())
			done <- err
		}()
		synctest.Wait()
		f.Close()
		if err := <-done; !errors.Is(err, ErrClosed) {
			t.Error(err)
		}
	})
}

func TestPing(t *testing.T) {
	run(t, 2, nil, func(t *testing.T, f *fleet) {
		f.settle()
		n := f.Nodes()[1]
		if err := n.Ping(t.Context()); err != nil {
			t.Error(err)
		}
		f.servers[1].set(func(s *server) { s.fails = errDown })
		var unreachable *Unreachable
		if err := n.Ping(t.Context()); !errors.As(err, &unreachable) || !errors.Is(err, errDown) {
			t.Error(err)
		}
	})
}

func TestNodeWait(t *testing.T) {
	run(t, 2, nil, func(t *testing.T, f *fleet) {
		f.settle()
		go func() {
			time.Sleep(100 * time.Millisecond)
			f.servers[1].set(func(s *server) { s.position = wal(300) })
		}()
		start := time.Now()
		if err := f.Nodes()[1].Wait(t.Context(), wal(300)); err != nil {
			t.Error(err)
		}
		if d := time.Since(start); d > 300*time.Millisecond {
			t.Errorf("took %s", d)
		}
	})
}

func TestTooManyMembers(t *testing.T) {
	config := Config{MaxConns: 1}
	for range MaxMembers + 1 {
		config.Members = append(config.Members, Member{Server: &server{}})
	}
	if _, err := New(config); err == nil {
		t.Errorf("%d members", len(config.Members))
	}
	config.Members = config.Members[:1]
	config.MaxConns = 0
	if _, err := New(config); err == nil {
		t.Error("no connections at all")
	}
}

// Snapshots are copies: one that a caller holds does not change.
func TestSnapshotIsImmutable(t *testing.T) {
	run(t, 2, nil, func(t *testing.T, f *fleet) {
		f.settle()
		s := f.Snapshot()
		position, known := s.Known()
		f.servers[0].set(func(s *server) { s.position = wal(900) })
		f.servers[1].set(func(s *server) { s.fails = errDown })
		f.settle()
		if p, ok := s.Known(); ok != known || !position.Covers(p) || s.Nodes[1].State != StateUp {
			t.Error("an older snapshot changed")
		}
		select {
		case <-s.Next():
		default:
			t.Error("nobody was told of the newer one")
		}
		if p, _ := f.Snapshot().Known(); !p.Covers(wal(900)) || f.view(1).State != StateDown {
			t.Error("the newer one does not know")
		}
	})
}

// Connections to a replica refuse writes, whoever asks; one that does is not used
// for the primary, also where the server has taken writes all the time.
func TestRestrict(t *testing.T) {
	run(t, 2, nil, func(t *testing.T, f *fleet) {
		f.settle()
		l := f.mustLease(1)
		if !l.Conn().Driver.(*conn).restricted {
			t.Error("a connection to a replica is not restricted")
		}
		l.Release(true)
		if l = f.mustLease(0); l.Conn().Driver.(*conn).restricted {
			t.Error("a connection to the primary is restricted")
		}
		l.Release(true)

		// The replica takes writes without having been asked between.
		replica := f.view(1)
		primary := *replica
		primary.Role = RolePrimary
		l, err := f.Nodes()[1].Acquire(t.Context(), &primary, time.Now())
		if err != nil || l.Conn().Driver.(*conn).restricted {
			t.Errorf("a restricted connection for the primary, error %v", err)
		}
		l.Release(true)

		// What cannot be restricted is not used.
		f.servers[1].set(func(s *server) { s.unrestricted = errDown })
		var unreachable *Unreachable
		if _, err := f.Nodes()[1].Acquire(t.Context(), replica, time.Now()); !errors.As(err, &unreachable) || !errors.Is(err, errDown) {
			t.Errorf("error %v, want %v", err, errDown)
		}
		if n := f.Nodes()[1].Load.InFlight(); n != 0 {
			t.Errorf("%d in flight", n)
		}
	})
}
