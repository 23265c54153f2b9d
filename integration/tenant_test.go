package integration

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/rwsplit/rwsplit/integration/fixture"
)

const (
	tenants        = 50
	tenantVisits   = 6_000 // checkouts, by 200 goroutines
	readsPerVisit  = 4
	rowsPerTenant  = 3
	tenantlessTurn = 10 // one visit in so many has no tenant
)

// tenancy is a way to keep tenants apart that hangs on the state of a session.
type tenancy struct {
	name string
	// enter makes a checkout the tenant's; in a transaction that is what
	// follows.
	enter func(ctx context.Context, c holder, tenant int) error
	tx    *sql.TxOptions // a visit is a transaction; nil: it is a checkout
	table string
}

// holder is a *sql.Conn or a *sql.Tx.
type holder interface {
	execer
	queryer
	QueryContext(ctx context.Context, text string, args ...any) (*sql.Rows, error)
}

func byExec(text string) func(context.Context, holder, int) error {
	return func(ctx context.Context, c holder, tenant int) error {
		_, err := c.ExecContext(ctx, fmt.Sprintf(text, tenant))
		return err
	}
}

func byConfig(local bool) func(context.Context, holder, int) error {
	return func(ctx context.Context, c holder, tenant int) error {
		var got string
		return c.QueryRowContext(ctx, fmt.Sprintf(`SELECT set_config('app.tenant', $1, %t)`, local), fmt.Sprint(tenant)).Scan(&got)
	}
}

var tenancies = map[string][]tenancy{
	"postgres": {
		{"SET", byExec(`SET app.tenant = '%d'`), nil, "belongings"},
		{"set_config", byConfig(false), nil, "belongings"},
		{"SET ROLE", byExec(`SET ROLE tenant%d`), nil, "owned"},
		{"search_path", byExec(`SET search_path = tenant%d`), nil, "mine"},
		{"SET LOCAL in a transaction", byExec(`SET LOCAL app.tenant = '%d'`), &sql.TxOptions{}, "belongings"},
		{"set_config in a read-only transaction", byConfig(true), &sql.TxOptions{ReadOnly: true}, "belongings"},
		{"SET in a read-only transaction", byExec(`SET app.tenant = '%d'`), &sql.TxOptions{ReadOnly: true}, "belongings"},
	},
	"mysql":   {{"USE", byExec(`USE tenant%d`), nil, "mine"}},
	"mariadb": {{"USE", byExec(`USE tenant%d`), nil, "mine"}},
}

// tenantLoad counts what the visits of all tenants saw.
type tenantLoad struct {
	e              *engine
	db             *sql.DB
	leaks, lost    atomic.Int64 // rows of others; of one's own that did not show
	reads, changes atomic.Int64
	faults         bool         // servers go away: a visit may fail
	failed         atomic.Int64 // visits that did
}

func (l *tenantLoad) visit(ctx context.Context, w *tenancy, tenant int, write bool) (err error) {
	conn, err := l.db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	var s holder = conn
	if w.tx != nil {
		tx, err := conn.BeginTx(ctx, w.tx)
		if err != nil {
			return err
		}
		defer tx.Rollback()
		s = tx
		write = write && !w.tx.ReadOnly
	}
	expected := 0
	if tenant >= 0 {
		if err := w.enter(ctx, s, tenant); err != nil {
			return err
		}
		expected = rowsPerTenant
	}
	for n := range readsPerVisit {
		if n == 1 && write {
			r, err := s.ExecContext(ctx, `UPDATE `+w.table+` SET v = v + 1`)
			if err != nil {
				return err
			}
			changed, err := r.RowsAffected()
			if err != nil {
				return err
			}
			l.changes.Add(1)
			l.leaks.Add(max(0, changed-int64(expected)))
		}
		text, args := `SELECT tenant FROM `+w.table, []any(nil)
		if n%2 == 1 {
			text, args = l.e.q(text+` WHERE tenant >= $1`), []any{0}
		}
		own, others, err := l.read(ctx, s, tenant, text, args)
		if err != nil {
			return err
		}
		l.reads.Add(1)
		l.leaks.Add(int64(others))
		l.lost.Add(int64(expected - own))
	}
	return nil
}

func (l *tenantLoad) read(ctx context.Context, s holder, tenant int, text string, args []any) (own, others int, err error) {
	rows, err := s.QueryContext(ctx, text, args...)
	if err != nil {
		return 0, 0, err
	}
	defer rows.Close()
	for rows.Next() {
		var of int
		if err := rows.Scan(&of); err != nil {
			return 0, 0, err
		}
		if of == tenant {
			own++
		} else {
			others++
		}
	}
	return own, others, rows.Err()
}

// run makes visits by 200 goroutines, of tenants at random and of nobody.
func (l *tenantLoad) run(t *testing.T, w *tenancy, visits int64) {
	ctx := ctxFor(t)
	var all sync.WaitGroup
	var done atomic.Int64
	for range goroutines {
		all.Go(func() {
			for n := done.Add(1); n <= visits; n = done.Add(1) {
				tenant := rand.IntN(tenants)
				if n%tenantlessTurn == 0 {
					tenant = -1
				}
				err := l.visit(ctx, w, tenant, n%8 == 1 && tenant >= 0)
				if err != nil && l.faults {
					l.failed.Add(1)
				} else if err != nil {
					t.Errorf("tenant %d: %v", tenant, err)
					return
				}
			}
		})
	}
	all.Wait()
}

// TestTenants: settings that keep tenants apart follow each checkout to the
// replicas, and are met by no other. 50 tenants, 200 goroutines.
func TestTenants(t *testing.T) { eachEngine(t, testTenants) }

func testTenants(t *testing.T, e *engine) {
	c := e.shared(t)
	newTenants(t, e, c.Primary())
	must(t, c.WaitReplicas(ctxFor(t)))
	for _, w := range tenancies[e.kind] {
		t.Run(w.name, func(t *testing.T) {
			db := e.open(t, c, "rwsplit_wait_budget=1s")
			ready(t, db)
			l := &tenantLoad{e: e, db: db}
			primary, replicas := delta(t, db, func() { l.run(t, &w, tenantVisits) })
			s := statsOf(t, db)
			t.Logf("%d reads, %d writes: %d rows of others, %d of one's own missing; %d statements on the primary, %d on replicas, %d settings replayed, pinned %d, fallbacks %v",
				l.reads.Load(), l.changes.Load(), l.leaks.Load(), l.lost.Load(), primary, replicas, s.SettingsReplayed, s.Pinned, s.Fallbacks)
			if l.leaks.Load() != 0 || l.lost.Load() != 0 {
				t.Errorf("%d rows of others were seen, %d of one's own were not", l.leaks.Load(), l.lost.Load())
			}
			if all := uint64(l.reads.Load()); (w.tx == nil || w.tx.ReadOnly) && replicas*2 < all {
				t.Errorf("%d of %d reads on replicas, want at least half", replicas, all)
			}
		})
	}
	if e.kind == "postgres" {
		t.Run("control", func(t *testing.T) { testTenantsCanLeak(t, e) })
	}
}

// testTenantsCanLeak shows that the test above finds leaks: the plain driver hands
// what one checkout has set to the next.
func testTenantsCanLeak(t *testing.T, e *engine) {
	db, err := sql.Open("pgx", e.shared(t).Primary().DSN())
	must(t, err)
	defer db.Close()
	db.SetMaxOpenConns(32)
	db.SetMaxIdleConns(32)
	l := &tenantLoad{e: e, db: db}
	l.run(t, &tenancies[e.kind][0], 1000)
	t.Logf("the plain driver: %d rows of others in %d reads", l.leaks.Load(), l.reads.Load())
	if l.leaks.Load() == 0 {
		t.Error("no leak was found where there are some")
	}
}

// TestTenantsWhileServersGo: no tenant sees another's rows while replicas are killed and
// come back, replay stops, and at last another server is the primary. Visits may fail.
func TestTenantsWhileServersGo(t *testing.T) { eachEngine(t, testTenantsWhileServersGo) }

func testTenantsWhileServersGo(t *testing.T, e *engine) {
	c := e.start(t, fixture.Options{})
	ctx := ctxFor(t)
	newTenants(t, e, c.Primary())
	must(t, c.WaitReplicas(ctx))
	db := e.open(t, c, "rwsplit_primary_wait=2s")
	ready(t, db)
	l := &tenantLoad{e: e, db: db, faults: true}
	w := &tenancies[e.kind][0]
	load, stop := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for load.Err() == nil {
			l.run(t, w, 500)
		}
	}()
	reads := func(n int64) { // so many more
		t.Helper()
		until := l.reads.Load() + n
		eventually(t, "the load goes on", func() bool { return l.reads.Load() >= until })
	}
	primary, replicas := c.Primary(), c.Replicas()
	for _, r := range replicas {
		reads(1000)
		must(t, r.Kill())
		reads(1000)
		must(t, r.Start(ctx))
		must(t, r.PauseReplay(ctx))
		reads(1000)
		must(t, r.ResumeReplay(ctx))
	}
	must(t, c.WaitReplicas(ctx))
	must(t, primary.Kill())
	must(t, replicas[0].Promote(ctx))
	eventually(t, "writes go to the new primary", func() bool {
		_, err := db.ExecContext(ctx, `UPDATE mine SET v = v WHERE v < 0`)
		return err == nil
	})
	reads(2000)
	stop()
	<-ended
	s := statsOf(t, db)
	t.Logf("%d reads, %d writes, %d visits failed: %d rows of others, %d of one's own missing; retries %d, settings replayed %d",
		l.reads.Load(), l.changes.Load(), l.failed.Load(), l.leaks.Load(), l.lost.Load(), s.Retries, s.SettingsReplayed)
	if l.leaks.Load() != 0 || l.lost.Load() != 0 {
		t.Errorf("%d rows of others were seen, %d of one's own were not", l.leaks.Load(), l.lost.Load())
	}
}

// newTenants makes the tables, as the superuser, and grants the user app what it
// needs, or on PostgreSQL roles that it may become.
func newTenants(t *testing.T, e *engine, primary *fixture.Server) {
	t.Helper()
	run := func(format string, args ...any) {
		t.Helper()
		text := fmt.Sprintf(format, args...)
		if err := primary.Exec(ctxFor(t), text); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
	}
	if e.kind != "postgres" {
		for i := range tenants {
			run(`CREATE DATABASE tenant%d`, i)
			run(`CREATE TABLE tenant%d.mine (tenant int, v int)`, i)
			run(`GRANT ALL ON tenant%d.* TO app`, i)
			for v := range rowsPerTenant {
				run(`INSERT INTO tenant%d.mine VALUES (%d, %d)`, i, i, v)
			}
		}
		run(`CREATE TABLE shop.mine (tenant int, v int)`)
		return
	}
	run(`CREATE TABLE belongings (tenant int, v int)`)
	run(`ALTER TABLE belongings ENABLE ROW LEVEL SECURITY`)
	run(`CREATE POLICY own ON belongings USING (tenant::text = current_setting('app.tenant', true))`)
	run(`GRANT ALL ON belongings TO app`)
	run(`INSERT INTO belongings SELECT t, v FROM generate_series(0, %d) t, generate_series(1, %d) v`, tenants-1, rowsPerTenant)
	run(`CREATE TABLE owned (tenant int, v int)`)
	run(`ALTER TABLE owned ENABLE ROW LEVEL SECURITY`)
	run(`CREATE POLICY own ON owned USING ('tenant' || tenant = current_user)`)
	run(`GRANT ALL ON owned TO app`)
	run(`INSERT INTO owned SELECT * FROM belongings`)
	run(`CREATE TABLE mine (tenant int, v int)`)
	run(`GRANT ALL ON mine TO app`)
	for i := range tenants {
		run(`CREATE ROLE tenant%d`, i)
		run(`GRANT tenant%d TO app`, i)
		run(`GRANT SELECT, UPDATE ON owned TO tenant%d`, i)
		run(`CREATE SCHEMA tenant%d`, i)
		run(`CREATE TABLE tenant%d.mine AS SELECT * FROM public.belongings WHERE tenant = %d`, i, i)
		run(`GRANT ALL ON SCHEMA tenant%d TO app`, i)
		run(`GRANT ALL ON ALL TABLES IN SCHEMA tenant%d TO app`, i)
	}
}
