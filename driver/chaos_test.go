package driver

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rwsplit/rwsplit/session"
)

// violations counts reads that were older than their session allows.
type violations struct {
	reads, onReplica       atomic.Int64
	unwritten, backwards   atomic.Int64 // read-your-writes, monotonic reads
	untagged               atomic.Int64 // writes of the *sql.DB itself, by a read without session
	unknown, failed, wrote atomic.Int64
}

// chaos runs sessions against replicas that lag at random and servers that fail at
// random. Each session has a key of its own that it writes ever greater values to,
// and reads a key that all write. Ignore plants a fault: reads are not held to what
// their session needs.
func chaos(t *testing.T, ignore bool) *violations {
	t.Helper()
	v := &violations{}
	bubble(t, 2, func(c *Config, _ *fakeEngine) {
		c.Cluster.ProbeInterval, c.Cluster.MaxConns, c.FallbackLimit = 20*time.Millisecond, 32, 64
	}, func(t *testing.T, b *bed) {
		for i, s := range b.servers {
			random := rand.New(rand.NewPCG(9, uint64(i)))
			s.set(func(s *fakeServer) {
				s.quiet = true
				s.latency = func() time.Duration { return time.Duration(rand.Int64N(int64(500 * time.Microsecond))) }
				s.fault = func(op, _ string) (error, bool) { // under the server's lock
					switch n := random.IntN(150); {
					case n == 0:
						return errLost, random.IntN(2) == 0
					case n == 1:
						return errUnfit, false
					}
					return nil, false
				}
			})
		}
		ctx, stop := context.WithCancel(t.Context())
		var lag sync.WaitGroup
		for i, s := range b.servers[1:] { // replication by fits and starts, and restarts
			lag.Go(func() {
				r := rand.New(rand.NewPCG(10, uint64(i)))
				for ctx.Err() == nil {
					s.hold()
					time.Sleep(time.Duration(r.IntN(60_000)) * time.Microsecond)
					s.follow()
					if r.IntN(50) == 0 {
						s.kill(true)
					}
					time.Sleep(time.Duration(r.IntN(10_000)) * time.Microsecond)
				}
			})
		}
		var sessions sync.WaitGroup
		var values atomic.Int64
		var shared atomic.Int64 // the greatest value whose write to the shared key has returned
		for g := range 24 {
			sessions.Go(func() { client(t, b, g, ignore, v, &values, &shared) })
		}
		sessions.Wait()
		stop()
		lag.Wait()
		b.world.mu.Lock()
		defer b.world.mu.Unlock()
		for value, n := range b.world.executed {
			if n > 1 {
				t.Errorf("value %d was written %d times", value, n)
			}
		}
		if b.world.refused > 0 {
			t.Errorf("%d writes reached a replica", b.world.refused)
		}
	})
	return v
}

func client(t *testing.T, b *bed, g int, ignore bool, v *violations, values, shared *atomic.Int64) {
	r := rand.New(rand.NewPCG(11, uint64(g)))
	key := fmt.Sprint("own", g)
	s := session.New()
	tagged := session.NewContext(t.Context(), s)
	reading := tagged
	if ignore {
		reading = eventual(tagged)
	}
	var floor, seen int64 // what a read of the own key, and of the shared one, must show
	write := func(key string) (int64, bool) {
		value := values.Add(1)
		var err error
		switch r.IntN(4) {
		case 0:
			_, err = b.ExecContext(tagged, updateKey, key, value)
		case 1:
			_, _, _, err = ask(tagged, b, returning, key, value)
		case 2:
			var tx *sql.Tx
			if tx, err = b.BeginTx(tagged, nil); err == nil {
				if _, err = tx.ExecContext(tagged, updateKey, key, value); err == nil {
					err = tx.Commit()
				} else {
					tx.Rollback()
				}
			}
		default:
			var c *sql.Conn
			if c, err = b.Conn(tagged); err == nil {
				_, err = c.ExecContext(tagged, updateKey, key, value)
				c.Close()
			}
		}
		switch {
		case errors.Is(err, ErrUnknownOutcome):
			v.unknown.Add(1)
		case err != nil:
			v.failed.Add(1)
		default:
			v.wrote.Add(1)
		}
		return value, err == nil
	}
	read := func(ctx context.Context, key string) (int64, bool) {
		var value int64
		var server string
		var err error
		if r.IntN(4) == 0 {
			var tx *sql.Tx
			if tx, err = b.BeginTx(ctx, &sql.TxOptions{ReadOnly: true}); err == nil {
				value, server, _, err = ask(ctx, tx, selectKey, key)
				tx.Rollback()
			}
		} else {
			value, server, _, err = ask(ctx, b, selectKey, key)
		}
		if err != nil {
			v.failed.Add(1)
			return 0, false
		}
		v.reads.Add(1)
		if server != "db0" {
			v.onReplica.Add(1)
		}
		return value, true
	}
	for range 400 {
		switch r.IntN(10) {
		case 0:
			if value, ok := write(key); ok {
				floor = value
			}
		case 1:
			if value, ok := write("shared"); ok {
				for old := shared.Load(); value > old && !shared.CompareAndSwap(old, value); old = shared.Load() {
				}
			}
		case 2, 3, 4, 5:
			if value, ok := read(reading, key); ok {
				if value < floor {
					v.unwritten.Add(1)
				}
				floor = max(floor, value) // a write of unknown outcome that was seen, too
			}
		case 6, 7, 8:
			if lsn, ok := read(reading, "shared"); ok {
				at := order(b.world, lsn)
				if at < seen {
					v.backwards.Add(1)
				}
				seen = max(seen, at)
			}
		default:
			// Without a session: all that the *sql.DB wrote before.
			before := order(b.world, shared.Load())
			ctx := t.Context()
			if ignore {
				ctx = eventual(ctx)
			}
			if value, ok := read(ctx, "shared"); ok && order(b.world, value) < before {
				v.untagged.Add(1)
			}
		}
		time.Sleep(time.Duration(r.IntN(1500)) * time.Microsecond)
	}
}

// order returns when a value of the shared key was written: values are drawn before
// they are, so they do not tell.
func order(w *world, value int64) int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, version := range w.versions["shared"] {
		if version.value == value {
			return int64(version.lsn)
		}
	}
	return 0
}

func TestConsistencyUnderChaos(t *testing.T) {
	v := chaos(t, false)
	if n := v.unwritten.Load() + v.backwards.Load() + v.untagged.Load(); n > 0 {
		t.Errorf("%d reads miss their session's writes, %d go back, %d without session miss writes of the DB",
			v.unwritten.Load(), v.backwards.Load(), v.untagged.Load())
	}
	if r, on := v.reads.Load(), v.onReplica.Load(); on < r/4 {
		t.Errorf("only %d of %d reads on a replica: the test tests little", on, r)
	}
	if v.unknown.Load() == 0 || v.wrote.Load() == 0 {
		t.Errorf("%d writes, %d of unknown outcome", v.wrote.Load(), v.unknown.Load())
	}
	t.Logf("%d reads, %d on replicas; %d writes, %d of unknown outcome; %d errors",
		v.reads.Load(), v.onReplica.Load(), v.wrote.Load(), v.unknown.Load(), v.failed.Load())
}

// The same test finds what it looks for when sessions are ignored.
func TestChaosFindsViolations(t *testing.T) {
	v := chaos(t, true)
	if v.unwritten.Load() == 0 || v.backwards.Load() == 0 || v.untagged.Load() == 0 {
		t.Errorf("found %d, %d and %d violations of the three kinds: the test is blind",
			v.unwritten.Load(), v.backwards.Load(), v.untagged.Load())
	}
}
