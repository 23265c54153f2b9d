package driver

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"testing"
	"time"

	"github.com/rwsplit/rwsplit/session"
)

// plainConnector opens connections of the fake without any routing.
type plainConnector struct{ server *fakeServer }

func (p plainConnector) Connect(ctx context.Context) (driver.Conn, error) {
	return p.server.Connect(ctx)
}
func (p plainConnector) Driver() driver.Driver { return nil }

const benchRead = "SELECT v FROM kv"

// readLoop is what both the plain and the routed benchmark do.
func readLoop(ctx context.Context, b *testing.B, db *sql.DB) {
	for b.Loop() {
		rows, err := db.QueryContext(ctx, benchRead)
		if err != nil {
			b.Fatal(err)
		}
		rows.Close()
	}
}

// quietBed is a bed whose servers are all sampled and log nothing.
func quietBed(b *testing.B) *bed {
	bed := newBed(b, 2, func(c *Config, e *fakeEngine) {
		c.Cluster.ProbeInterval, c.Cluster.MaxConns = time.Second, 64
		for _, s := range e.servers {
			s.quiet = true
		}
	})
	b.Cleanup(func() { bed.Close() })
	bed.rw.open()
	for {
		v := bed.rw.Cluster.Snapshot().Nodes
		if !v[1].Fresh.IsZero() && !v[2].Fresh.IsZero() {
			return bed
		}
		time.Sleep(time.Millisecond)
	}
}

func plainDB(b *testing.B, bed *bed) *sql.DB {
	db := sql.OpenDB(plainConnector{bed.servers[1]})
	b.Cleanup(func() { db.Close() })
	return db
}

// BenchmarkRead tells what routing adds to a read of a statement that is known:
// the fake answers at once.
func BenchmarkRead(b *testing.B) {
	bed := quietBed(b)
	plain := plainDB(b, bed)
	var base float64
	b.Run("plain", func(b *testing.B) {
		b.ReportAllocs()
		readLoop(context.Background(), b, plain)
		base = float64(b.Elapsed().Nanoseconds()) / float64(b.N)
	})
	added := func(b *testing.B) {
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)-base, "added-ns/op")
	}
	b.Run("routed", func(b *testing.B) {
		b.ReportAllocs()
		readLoop(context.Background(), b, bed.DB)
		added(b)
	})
	b.Run("session", func(b *testing.B) {
		b.ReportAllocs()
		readLoop(session.NewContext(context.Background(), session.New()), b, bed.DB)
		added(b)
	})
}

// BenchmarkReadParallel is the same from all cores at once.
func BenchmarkReadParallel(b *testing.B) {
	bed := quietBed(b)
	plain := plainDB(b, bed)
	plain.SetMaxIdleConns(64)
	bed.SetMaxIdleConns(64)
	for _, test := range []struct {
		name string
		db   *sql.DB
		ctx  func() context.Context
	}{
		{"plain", plain, context.Background},
		{"routed", bed.DB, context.Background},
		{"session", bed.DB, func() context.Context { return session.NewContext(context.Background(), session.New()) }},
	} {
		b.Run(test.name, func(b *testing.B) {
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				ctx := test.ctx()
				for pb.Next() {
					rows, err := test.db.QueryContext(ctx, benchRead)
					if err != nil {
						b.Error(err)
						return
					}
					rows.Close()
				}
			})
		})
	}
}
