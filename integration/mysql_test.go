package integration

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rwsplit/rwsplit/integration/fixture"
	"github.com/rwsplit/rwsplit/lag"
	"github.com/rwsplit/rwsplit/session"
	"github.com/rwsplit/rwsplit/splitter"
)

// TestReplicationStates: each thing that keeps a replica from being used is told
// as what it is.
func TestReplicationStates(t *testing.T) { eachEngine(t, testReplicationStates, "mysql", "mariadb") }

func testReplicationStates(t *testing.T, e *engine) {
	c := e.start(t, fixture.Options{})
	ctx := ctxFor(t)
	db := e.monitor(t, c, "rwsplit_max_lag=1s", "rwsplit_probe_interval=100ms")
	mustExec(t, db, `CREATE TABLE states (v int)`)
	must(t, c.WaitReplicas(ctx))
	ready(t, db)
	r := c.Replicas()[0]
	do := func(texts ...string) {
		t.Helper()
		for _, text := range texts {
			must(t, r.Exec(ctx, text))
		}
	}
	becomes := func(state, reason string) {
		t.Helper()
		var m splitter.MemberStats
		defer func() {
			if t.Failed() {
				t.Logf("it is %s: %s", m.State, m.Reason)
			}
		}()
		eventually(t, fmt.Sprintf("the replica is %s: %s", state, reason), func() bool {
			m = member(t, db, r)
			return m.State == state && strings.Contains(m.Reason, reason)
		})
		if m.Role != "replica" {
			t.Errorf("role %s, want replica", m.Role)
		}
	}

	t.Run("applier stopped", func(t *testing.T) {
		do(`STOP REPLICA SQL_THREAD`)
		becomes("stopped", "the applier is stopped")
		do(`START REPLICA SQL_THREAD`)
		becomes("up", "")
	})
	t.Run("receiver stopped", func(t *testing.T) {
		do(`STOP REPLICA IO_THREAD`)
		becomes("stopped", "the receiver is stopped")
		do(`START REPLICA IO_THREAD`)
		becomes("up", "")
	})
	t.Run("replication stopped", func(t *testing.T) {
		do(`STOP REPLICA`)
		becomes("stopped", "replication is stopped")
		do(`START REPLICA`)
		becomes("up", "")
	})
	t.Run("delayed on purpose", func(t *testing.T) {
		do(`STOP REPLICA`, fmt.Sprintf(e.delay, 5), `START REPLICA`)
		mustExec(t, db, `INSERT INTO states VALUES (1)`)
		becomes("delayed", "told to apply changes 5s late")
		do(`STOP REPLICA`, fmt.Sprintf(e.delay, 0), `START REPLICA`)
		becomes("up", "")
	})
	t.Run("several sources, one of them not running", func(t *testing.T) {
		do(e.source)
		becomes("up", `source "other": replication is stopped`)
		do(e.dropSource)
		eventually(t, "nothing is said any more", func() bool { return member(t, db, r).Reason == "" })
	})
	t.Run("applier error", func(t *testing.T) {
		do(e.unlock...)
		do(`SET GLOBAL read_only = ON`, `SET sql_log_bin = 0; DROP TABLE states`)
		mustExec(t, db, `INSERT INTO states VALUES (2)`)
		becomes("failed", "the applier met error 1146")
		if p, _ := delta(t, db, func() { one[int](t, splitter.WithConsistency(ctx, splitter.Strong), db, `SELECT count(*) FROM states`) }); p != 1 {
			t.Errorf("%d statements on the primary", p)
		}
		do(`SET sql_log_bin = 0; CREATE TABLE states (v int); INSERT INTO states VALUES (1)`, `START REPLICA`)
		becomes("up", "")
	})
	t.Run("who may not see it", func(t *testing.T) {
		app := e.open(t, c, "rwsplit_max_lag=1s", "rwsplit_probe_interval=100ms")
		ready(t, app)
		do(`STOP REPLICA SQL_THREAD`)
		mustExec(t, app, `INSERT INTO states VALUES (3)`)
		eventually(t, "the replica is not up", func() bool { return member(t, app, r).State != "up" })
		before := member(t, app, r).Reads
		for range 20 {
			one[int](t, ctx, app, `SELECT count(*) FROM states`)
		}
		if n := member(t, app, r).Reads - before; n != 0 {
			t.Errorf("%d reads went to it", n)
		}
		do(`START REPLICA SQL_THREAD`)
		eventually(t, "the replica is up", func() bool { return member(t, app, r).State == "up" })
	})
}

// TestWritableReplicas: the router alone keeps writes away from replicas that take
// them, whoever asks and whatever for.
func TestWritableReplicas(t *testing.T) { eachEngine(t, testWritableReplicas, "mysql", "mariadb") }

func testWritableReplicas(t *testing.T, e *engine) {
	c := e.start(t, fixture.Options{})
	ctx := ctxFor(t)
	for _, r := range c.Replicas() {
		for _, text := range e.unlock {
			must(t, r.Exec(ctx, text))
		}
	}
	untouched := func(t *testing.T) {
		t.Helper()
		for _, r := range c.Replicas() {
			local, err := r.LocalTransactions(ctx)
			must(t, err)
			if local != "" {
				t.Fatalf("%s has transactions of its own: %s", r.Name(), local)
			}
		}
	}
	db := e.monitor(t, c, "rwsplit_wait_budget=1s")
	mustExec(t, db, `CREATE TABLE hidden (v int)`)
	mustExec(t, db, e.writing)
	mustExec(t, db, `CREATE VIEW writing AS SELECT note() AS v`)
	must(t, c.WaitReplicas(ctx))
	ready(t, db)

	t.Run("a load", func(t *testing.T) {
		load := newGuarantees(t, e, db)
		load.run(5_000, session.NewContext)
		if n := statsOf(t, db).Reads["replica"]; n < 1000 {
			t.Errorf("%d reads on replicas, want thousands", n)
		}
		untouched(t)
	})
	t.Run("a view hides a function that writes", func(t *testing.T) {
		corrects(t, db, `SELECT v FROM writing`)
		untouched(t)
	})
	t.Run("the same for a user who may do everything", func(t *testing.T) {
		root := e.openDSN(t, c.AdminDSN(patient))
		ready(t, root)
		corrects(t, root, `SELECT v + 1 FROM writing`)
		untouched(t)
	})
	t.Run("a read-only transaction", func(t *testing.T) {
		for _, texts := range [][]string{
			{`INSERT INTO hidden VALUES (7)`},
			{`SELECT v FROM writing`},
			{`COMMIT`, `INSERT INTO hidden VALUES (7)`},
			{`START TRANSACTION`, `INSERT INTO hidden VALUES (7)`},
			{`SET autocommit = 1`, `INSERT INTO hidden VALUES (7)`},
			{`CREATE TABLE oops (v int)`},
			{`LOCK TABLES hidden WRITE`, `INSERT INTO hidden VALUES (7)`},
			{`SET SESSION TRANSACTION READ WRITE`, `INSERT INTO hidden VALUES (7)`},
		} {
			tx, err := db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
			must(t, err)
			var failure error
			for _, text := range texts {
				_, err := tx.ExecContext(ctx, text)
				failure = errors.Join(failure, err)
			}
			tx.Commit()
			if failure == nil {
				t.Errorf("%q in a read-only transaction: no error", texts)
			}
			untouched(t)
		}
	})
	t.Run("every routing case", func(t *testing.T) {
		for _, text := range e.cases() {
			everyWay(ctx, db, text)
		}
		untouched(t)
	})
	t.Run("the primary dies", func(t *testing.T) {
		for name, db := range map[string]*sql.DB{
			"monitor": e.monitor(t, c, "rwsplit_primary_wait=1s", "rwsplit_probe_interval=100ms"),
			"app":     e.open(t, c, "rwsplit_primary_wait=1s", "rwsplit_probe_interval=100ms"),
		} {
			cluster, err := splitter.ClusterOf(db)
			must(t, err)
			must(t, cluster.Ping(ctx))
			defer func() {
				_, err := db.ExecContext(ctx, `INSERT INTO hidden VALUES (8)`)
				if !errors.Is(err, splitter.ErrNoPrimary) && !errors.Is(err, splitter.ErrUnknownOutcome) {
					t.Errorf("%s: got %v, want ErrNoPrimary", name, err)
				}
				untouched(t)
			}()
		}
		must(t, c.Primary().Kill())
	})
}

// everyWay runs a text by each method, and does not care what becomes of it.
func everyWay(ctx context.Context, db *sql.DB, text string) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	db.ExecContext(ctx, text)
	if rows, err := db.QueryContext(ctx, text); err == nil {
		for rows.Next() {
		}
		rows.Close()
	}
	// MySQL 9.7 answers OK where it is to prepare a SET that it denies, at which
	// go-sql-driver 1.10.1 panics.
	if upper := strings.ToUpper(text); !strings.Contains(upper, "GLOBAL") && !strings.Contains(upper, "PERSIST") {
		if stmt, err := db.PrepareContext(ctx, text); err == nil {
			stmt.ExecContext(ctx)
			stmt.Close()
		}
	}
	if conn, err := db.Conn(ctx); err == nil {
		conn.ExecContext(ctx, text)
		conn.ExecContext(ctx, `INSERT INTO hidden VALUES (9)`)
		conn.Close()
	}
	if tx, err := db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true}); err == nil {
		tx.ExecContext(ctx, text)
		tx.ExecContext(ctx, `INSERT INTO hidden VALUES (9)`)
		tx.Rollback()
	}
}

// TestMySQLState: what statements leave on a connection is there for what follows on
// it, and for nobody else.
func TestMySQLState(t *testing.T) { eachEngine(t, testMySQLState, "mysql", "mariadb") }

func testMySQLState(t *testing.T, e *engine) {
	c := e.shared(t)
	ctx := ctxFor(t)
	db := e.open(t, c, patient)
	mustExec(t, db, `CREATE TABLE state (id int AUTO_INCREMENT PRIMARY KEY, v int)`)
	mustExec(t, db, `INSERT INTO state (v) VALUES (1), (2), (3)`)
	must(t, c.WaitReplicas(ctx))
	ready(t, db)
	conn := func(t *testing.T) *sql.Conn {
		conn, err := db.Conn(ctx)
		must(t, err)
		t.Cleanup(func() { conn.Close() })
		return conn
	}
	const onPrimary = `/* rwsplit: primary */ `

	t.Run("user variable", func(t *testing.T) {
		mine := conn(t)
		mustExec(t, mine, `SET @who = 4711`)
		one[int](t, ctx, mine, `SELECT count(*) FROM state`)
		if v := one[int](t, ctx, mine, `SELECT @who`); v != 4711 {
			t.Errorf("got %d", v)
		}
		must(t, mine.Close())
		for range 10 {
			if v := one[sql.NullInt64](t, ctx, db, onPrimary+`SELECT @who`); v.Valid {
				t.Fatalf("another checkout sees %d", v.Int64)
			}
		}
	})
	t.Run("LAST_INSERT_ID", func(t *testing.T) {
		mine := conn(t)
		mustExec(t, mine, `INSERT INTO state (v) VALUES (4)`)
		_, replicas := delta(t, db, func() { one[int](t, ctx, mine, `SELECT count(*) FROM state`) })
		if replicas != 1 {
			t.Error("a read after the INSERT did not leave the primary")
		}
		want := one[int](t, ctx, db, onPrimary+`SELECT max(id) FROM state`)
		mustExec(t, db, `INSERT INTO state (v) VALUES (5)`) // by another
		if got := one[int](t, ctx, mine, `SELECT LAST_INSERT_ID()`); got != want {
			t.Errorf("got %d, want %d", got, want)
		}
		r, err := db.ExecContext(ctx, `INSERT INTO state (v) VALUES (?)`, 6)
		must(t, err)
		if id, err := r.LastInsertId(); err != nil || id <= int64(want) {
			t.Errorf("LastInsertId %d, %v", id, err)
		}
	})
	t.Run("FOUND_ROWS of a read on a replica", func(t *testing.T) {
		mine := conn(t)
		_, replicas := delta(t, db, func() {
			rows, err := mine.QueryContext(ctx, `SELECT v FROM state LIMIT 2`)
			must(t, err)
			for rows.Next() {
			}
			must(t, rows.Close())
		})
		if got := one[int](t, ctx, mine, `SELECT FOUND_ROWS()`); got != 2 || replicas != 1 {
			t.Errorf("got %d, want 2; %d statements on replicas", got, replicas)
		}
	})
	t.Run("ROW_COUNT and warnings of a write", func(t *testing.T) {
		mine := conn(t)
		mustExec(t, mine, `UPDATE state SET v = v + 1 WHERE id IN (1, 2)`)
		if got := one[int](t, ctx, mine, `SELECT ROW_COUNT()`); got != 2 {
			t.Errorf("ROW_COUNT is %d, want 2", got)
		}
		mustExec(t, mine, `DROP TABLE IF EXISTS not_there`)
		rows, err := mine.QueryContext(ctx, `SHOW WARNINGS`)
		must(t, err)
		defer rows.Close()
		if !rows.Next() {
			t.Error("no warning")
		}
	})
	t.Run("autocommit off", func(t *testing.T) {
		mine := conn(t)
		mustExec(t, mine, `SET autocommit = 0`)
		mustExec(t, mine, `INSERT INTO state (id, v) VALUES (100, 1)`)
		if n := one[int](t, ctx, mine, `SELECT count(*) FROM state WHERE id = 100`); n != 1 {
			t.Errorf("the transaction sees %d of its own rows", n)
		}
		if n := one[int](t, ctx, db, `SELECT count(*) FROM state WHERE id = 100`); n != 0 {
			t.Errorf("others see %d rows of it", n)
		}
		must(t, mine.Close()) // nothing was committed
		for range 5 {
			mustExec(t, db, `UPDATE state SET v = v + 1 WHERE id = 1`)
		}
		if n := one[int](t, ctx, db, onPrimary+`SELECT count(*) FROM state WHERE id = 100`); n != 0 {
			t.Error("it was committed by somebody else")
		}
	})
	t.Run("USE", func(t *testing.T) {
		mine := conn(t)
		mustExec(t, mine, `USE information_schema`)
		if name := one[string](t, ctx, mine, `SELECT DATABASE()`); name != "information_schema" {
			t.Errorf("got %s", name)
		}
		must(t, mine.Close())
		for range 10 {
			if name := one[string](t, ctx, db, onPrimary+`SELECT DATABASE()`); name != "shop" {
				t.Fatalf("another checkout is in %s", name)
			}
		}
	})
	t.Run("LOCK TABLES", func(t *testing.T) {
		mine := conn(t)
		mustExec(t, mine, `LOCK TABLES state WRITE`)
		one[int](t, ctx, mine, `SELECT count(*) FROM state`)
		must(t, mine.Close())
		short, cancel := context.WithTimeout(ctx, 10*time.Second)
		defer cancel()
		mustExecIn(t, short, db, `UPDATE state SET v = v + 1 WHERE id = 1`) // the lock is gone
	})
	t.Run("a procedure that leaves a transaction open", func(t *testing.T) {
		mustExec(t, db, `CREATE PROCEDURE opens() BEGIN START TRANSACTION; INSERT INTO state (id, v) VALUES (200, 1); END`)
		for range 3 {
			mustExec(t, db, `CALL opens()`)
			mustExec(t, db, `UPDATE state SET v = v + 1 WHERE id = 1`)
		}
		if n := one[int](t, ctx, db, onPrimary+`SELECT count(*) FROM state WHERE id = 200`); n != 0 {
			t.Error("another checkout committed it")
		}
		mine := conn(t)
		mustExec(t, mine, `CALL opens()`)
		if n := one[int](t, ctx, mine, `SELECT count(*) FROM state WHERE id = 200`); n != 1 {
			t.Errorf("the transaction sees %d of its own rows", n)
		}
		mustExec(t, mine, `COMMIT`)
		if n := one[int](t, ctx, db, `SELECT count(*) FROM state WHERE id = 200`); n != 1 {
			t.Errorf("%d rows after COMMIT", n)
		}
	})
	t.Run("implicit commit", func(t *testing.T) {
		mine := conn(t)
		mustExec(t, mine, `BEGIN`)
		mustExec(t, mine, `INSERT INTO state (id, v) VALUES (300, 1)`)
		mustExec(t, mine, `CREATE TABLE implicit (v int)`) // which commits
		mustExec(t, mine, `INSERT INTO state (id, v) VALUES (301, 1)`)
		must(t, mine.Close())
		if n := one[int](t, ctx, db, `SELECT count(*) FROM state WHERE id IN (300, 301)`); n != 2 {
			t.Errorf("%d rows, want 2", n)
		}
	})
	t.Run("several statements", func(t *testing.T) {
		several := e.open(t, c, patient, "multiStatements=true")
		ready(t, several)
		p, r := delta(t, several, func() { mustExec(t, several, `SELECT 1; UPDATE state SET v = v + 1 WHERE id = 1`) })
		if p != 1 || r != 0 {
			t.Errorf("a read and a write: %d on the primary, %d on replicas", p, r)
		}
		if p, r := delta(t, several, func() { mustExec(t, several, `SELECT 1; SELECT 2`) }); p != 0 || r != 1 {
			t.Errorf("two reads: %d on the primary, %d on replicas", p, r)
		}
	})
}

// TestGoSQLDriver holds what callers of plain go-sql-driver rely on, beside what
// TestMethods has.
func TestGoSQLDriver(t *testing.T) { eachEngine(t, testGoSQLDriver, "mysql", "mariadb") }

func testGoSQLDriver(t *testing.T, e *engine) {
	c := e.shared(t)
	ctx := ctxFor(t)
	for _, params := range append([]string{"", "interpolateParams=true", "parseTime=true&compress=true"}, e.params...) {
		db := e.open(t, c, patient+"&"+params)
		ready(t, db)
		t.Run(params, func(t *testing.T) {
			if v := one[uint64](t, ctx, db, `SELECT CAST(? AS UNSIGNED)`, uint64(math.MaxUint64)); v != math.MaxUint64 {
				t.Errorf("got %d", v)
			}
			if v := one[string](t, ctx, db, `SELECT CONCAT(?, ?)`, `a'b\`, []byte("ü")); v != `a'b\ü` {
				t.Errorf("got %q", v)
			}
			rows, err := db.QueryContext(ctx, `SELECT CAST(5000000000 AS SIGNED) AS a, CAST(1.5 AS DECIMAL(5,2)) AS b, NULL AS c WHERE ? = 1`, 1)
			must(t, err)
			defer rows.Close()
			types, err := rows.ColumnTypes()
			must(t, err)
			precision, scale, _ := types[1].DecimalSize()
			if types[0].DatabaseTypeName() != "BIGINT" || types[1].DatabaseTypeName() != "DECIMAL" || precision != 5 || scale != 2 {
				t.Errorf("got %s, %s(%d,%d)", types[0].DatabaseTypeName(), types[1].DatabaseTypeName(), precision, scale)
			}
		})
	}
	t.Run("a statement with arguments is prepared once on a connection", func(t *testing.T) {
		db := e.open(t, c, patient)
		ready(t, db)
		prepared := func() (n int) {
			for _, s := range c.Servers() {
				text, err := s.QueryText(ctx, e.prepared)
				must(t, err)
				count, err := strconv.Atoi(text)
				must(t, err)
				n += count
			}
			return n
		}
		before := prepared()
		for i := range 200 {
			if got := one[int](t, ctx, db, `SELECT 1 + ?`, i); got != i+1 {
				t.Fatalf("got %d, want %d", got, i+1)
			}
		}
		open := 0
		for _, m := range statsOf(t, db).Members {
			open += int(m.Pool.Open)
		}
		if n := prepared() - before; n > open {
			t.Errorf("prepared %d times for 200 statements on %d connections", n, open)
		}
		if n := statsOf(t, db).Reads["replica"]; n != 200 {
			t.Errorf("%d reads were counted, want 200", n)
		}
	})
}

// TestGTIDSets holds the arithmetic of GTID sets against the server's own.
func TestGTIDSets(t *testing.T) { eachEngine(t, testGTIDSets, "mysql") }

func testGTIDSets(t *testing.T, e *engine) {
	c := e.shared(t)
	ctx := ctxFor(t)
	db := e.openDSN(t, c.AdminDSN())
	random := func() string {
		var groups []string
		for range rand.IntN(5) {
			group := fmt.Sprintf("%08x-0000-0000-0000-000000000000%s", rand.IntN(3), e.tags[rand.IntN(len(e.tags))])
			for range 1 + rand.IntN(4) {
				from := 1 + rand.Int64N(30)
				group += fmt.Sprintf(":%d-%d", from, from+rand.Int64N(6))
			}
			groups = append(groups, group)
		}
		return strings.Join(groups, ",")
	}
	parse := func(text string) *lag.GTIDSet {
		t.Helper()
		set, err := lag.ParseGTIDSet(text)
		must(t, err)
		return set
	}
	covered := 0
	for range 2000 {
		a, b := random(), random()
		var subset bool
		var minus, canonical string
		must(t, db.QueryRowContext(ctx, `/* rwsplit: primary */ SELECT GTID_SUBSET(?, ?), GTID_SUBTRACT(?, ?), GTID_SUBTRACT(?, '')`, b, a, a, b, a).Scan(&subset, &minus, &canonical))
		x, y := parse(a), parse(b)
		if got := x.Covers(y); got != subset {
			t.Fatalf("%q covers %q: %t, the server says %t", a, b, got, subset)
		}
		if got := x.Subtract(y); got.Set() != strings.ReplaceAll(minus, "\n", "") {
			t.Fatalf("%q without %q is %q, the server says %q", a, b, got.Set(), minus)
		}
		if got := x.Set(); got != strings.ReplaceAll(canonical, "\n", "") {
			t.Fatalf("%q is printed as %q, the server prints %q", a, got, canonical)
		}
		union := x.Join(y)
		if !union.Covers(x) || !union.Covers(y) {
			t.Fatalf("%q joined with %q is %s", a, b, union)
		}
		if subset {
			covered++
		}
	}
	if covered < 100 {
		t.Errorf("%d of 2000 pairs are subsets: too few to tell", covered)
	}
}

// TestWithoutGTIDs: a server that has no positions is used, and says why no replica
// of it could be.
func TestWithoutGTIDs(t *testing.T) { eachEngine(t, testWithoutGTIDs, "mysql", "mariadb") }

func testWithoutGTIDs(t *testing.T, e *engine) {
	c := e.start(t, fixture.Options{Replicas: -1, Settings: e.noGTIDs})
	ctx := ctxFor(t)
	db := e.open(t, c)
	mustExec(t, db, `CREATE TABLE unplaced (v int)`)
	mine := session.NewContext(ctx, session.New())
	mustExecIn(t, mine, db, `INSERT INTO unplaced VALUES (1)`)
	if n := one[int](t, mine, db, `SELECT count(*) FROM unplaced`); n != 1 {
		t.Errorf("%d rows", n)
	}
	if m := statsOf(t, db).Members[0]; m.Role != "primary" || m.State != "up" || !strings.Contains(m.Reason, "OFF") {
		t.Errorf("it is %s, %s: %s", m.Role, m.State, m.Reason)
	}
	token, err := session.FromContext(mine).Token(ctx)
	must(t, err)
	if !strings.HasSuffix(token, "?") {
		t.Errorf("the token %s claims to be resolved", token)
	}
}
