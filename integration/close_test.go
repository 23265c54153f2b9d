package integration

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rwsplit/rwsplit/session"
	"github.com/rwsplit/rwsplit/splitter"
)

// TestClose: after Close no goroutine of ours and no connection is left, however
// busy the database was.
func TestClose(t *testing.T) { eachEngine(t, testClose) }

func testClose(t *testing.T, e *engine) {
	c := e.shared(t)
	ctx := ctxFor(t)
	setup := e.open(t, c)
	mustExec(t, setup, `CREATE TABLE closing (v int)`)
	for _, text := range e.closing {
		must(t, c.Primary().Exec(ctx, text))
	}
	must(t, c.WaitReplicas(ctx))
	must(t, setup.Close())

	connections := func() string {
		var all []string
		for _, s := range c.Servers() {
			n, err := s.QueryText(ctx, e.connections)
			must(t, err)
			all = append(all, n)
		}
		return strings.Join(all, " ")
	}
	for _, busy := range []bool{false, true} {
		db, err := sql.Open(e.driver, strings.Replace(c.DSN(), "app:"+c.Password()+"@", "closing:closing@", 1))
		must(t, err)
		ready(t, db)
		var work sync.WaitGroup
		for range 50 {
			work.Go(func() {
				for {
					s := session.NewContext(ctx, session.New())
					cancelled, cancel := context.WithTimeout(s, 3*time.Millisecond)
					_, err := db.ExecContext(cancelled, `INSERT INTO closing VALUES (1)`)
					cancel()
					var n int
					if err == nil {
						err = db.QueryRowContext(s, `SELECT count(*) FROM closing`).Scan(&n)
					}
					if !busy || err != nil && !errors.Is(err, context.DeadlineExceeded) {
						return // the database is closed
					}
				}
			})
		}
		if busy {
			time.Sleep(200 * time.Millisecond)
		} else {
			work.Wait()
		}
		must(t, db.Close())
		work.Wait()
		eventually(t, "no connection is left", func() bool { return connections() == "0 0 0" })
		eventually(t, "no goroutine is left", func() bool { return len(ours()) == 0 })
		if left := ours(); len(left) != 0 {
			t.Errorf("%d goroutines left:\n%s", len(left), strings.Join(left, "\n\n"))
		}
		if _, err := db.ExecContext(ctx, `SELECT 1`); err == nil {
			t.Error("a closed database answers")
		}
		must(t, db.Close())
	}
}

// ours returns the stacks of goroutines that run rwsplit's code or what it
// started, but for this test's.
func ours() []string {
	buffer := make([]byte, 1<<20)
	buffer = buffer[:runtime.Stack(buffer, true)]
	var left []string
	for _, stack := range strings.Split(string(buffer), "\n\n") {
		if strings.Contains(stack, "rwsplit/integration.") {
			continue
		}
		for _, mark := range []string{"rwsplit/internal/cluster", "rwsplit/driver", "rwsplit/lag", "puddle"} {
			if strings.Contains(stack, mark) && !strings.Contains(stack, "integration/fixture") {
				left = append(left, stack)
				break
			}
		}
	}
	return left
}

// TestStats: the figures encode to JSON, and show no secret.
func TestStats(t *testing.T) { eachEngine(t, testStats) }

func testStats(t *testing.T, e *engine) {
	c := e.shared(t)
	db := e.open(t, c)
	ready(t, db)
	one[int](t, ctxFor(t), db, `SELECT 1`)
	text, err := json.Marshal(statsOf(t, db))
	must(t, err)
	if strings.Contains(string(text), c.Password()) {
		t.Error("the statistics show the password")
	}
	var back splitter.Stats
	must(t, json.Unmarshal(text, &back))
	if len(back.Members) != 3 || back.Members[0].Role != "primary" || back.Members[1].Role != "replica" {
		t.Errorf("got %s", text)
	}
}
