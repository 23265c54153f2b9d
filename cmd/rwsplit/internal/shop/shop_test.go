package shop

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/rwsplit/rwsplit/integration/fixture"
	"github.com/rwsplit/rwsplit/splitter"
)

// open runs a shop until enough was found or half a minute is over, with what is
// done to the servers meanwhile.
func open(t *testing.T, c *fixture.Cluster, consistency splitter.Consistency, meanwhile func(), enough func(Figures) bool) Figures {
	t.Helper()
	s, err := Open(t.Context(), Config{
		Driver: driverOf(c), DSN: c.DSN("rwsplit_balance=round_robin"), // so that no replica is favoured
		Users: 8, Consistency: consistency,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	var all sync.WaitGroup
	all.Go(meanwhile)
	all.Go(func() { s.Run(ctx) })
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	for ctx.Err() == nil && !enough(s.Figures()) {
		select {
		case <-ticker.C:
		case <-ctx.Done():
		}
	}
	cancel()
	all.Wait()
	f := s.Figures()
	for _, text := range f.Failures {
		t.Error(text)
	}
	return f
}

func driverOf(c *fixture.Cluster) string {
	if c.Engine() == "postgres" {
		return splitter.PGX
	}
	return splitter.MySQL
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
}

// The check is worth what it finds: with one replica that stands still it must
// find nothing where the session's guarantees hold, and both kinds of stale reads
// where nobody asks for them.
func TestCheck(t *testing.T) {
	if testing.Short() {
		t.Skip("starts servers")
	}
	for _, engine := range []string{"postgres", "mysql", "mariadb"} {
		t.Run(engine, func(t *testing.T) { testCheck(t, engine) })
	}
}

func testCheck(t *testing.T, engine string) {
	c := fixture.ForTest(t, fixture.Options{Engine: engine})
	still := c.Replicas()[0]
	meanwhile := func() { must(t, still.PauseReplay(t.Context())) }

	t.Run("session", func(t *testing.T) {
		f := open(t, c, splitter.Session, meanwhile, func(f Figures) bool {
			return f.Checks > 1000 && f.Orders > 0 && f.Handovers > 0 && f.Bounded > 0 && f.Eventual > 0
		})
		must(t, still.ResumeReplay(t.Context()))
		t.Logf("%+v", f)
		if f.Stale() > 0 || f.BoundedLate > 0 {
			t.Errorf("%d stale reads, %d late ones", f.Stale(), f.BoundedLate)
		}
		if f.Checks <= 1000 || f.Orders == 0 || f.Handovers == 0 || f.Bounded == 0 || f.Eventual == 0 {
			t.Error("too little was done")
		}
	})
	t.Run("planted fault", func(t *testing.T) {
		f := open(t, c, splitter.Eventual, meanwhile, func(f Figures) bool { return f.Unwritten > 0 && f.Backwards > 0 })
		must(t, still.ResumeReplay(t.Context()))
		t.Logf("%+v", f)
		if f.Unwritten == 0 {
			t.Error("no read without its reader's write was found")
		}
		if f.Backwards == 0 {
			t.Error("no read that went back was found")
		}
		if len(f.Findings) == 0 || len(f.Findings) > told {
			t.Errorf("%d findings", len(f.Findings))
		}
	})
	t.Run("schema is there", func(t *testing.T) {
		must(t, c.Primary().Exec(t.Context(), "CREATE SCHEMA "+Schema))
		if _, err := Open(t.Context(), Config{Driver: driverOf(c), DSN: c.DSN(), Users: 1}); !errors.Is(err, ErrSchemaExists) {
			t.Errorf("got %v, want ErrSchemaExists", err)
		}
		if n, err := c.Primary().QueryText(t.Context(), "SELECT count(*) FROM information_schema.schemata WHERE schema_name = '"+Schema+"'"); n != "1" || err != nil {
			t.Errorf("somebody else's schema: %s left, %v", n, err)
		}
	})
}

func TestEditions(t *testing.T) {
	var e editions
	start := time.Now()
	at := func(seconds int) time.Time { return start.Add(time.Duration(seconds) * time.Second) }
	if got := e.at(at(0)); got != 1 {
		t.Errorf("before all: %d", got)
	}
	for i := range 2000 {
		e.add(published{int64(i + 2), at(10 * i)})
	}
	for seconds, want := range map[int]int64{19990: 2001, 19989: 2000, 19980: 2000, 30000: 2001} {
		if got := e.at(at(seconds)); got != want {
			t.Errorf("after %d s: edition %d, want %d", seconds, got, want)
		}
	}
}
