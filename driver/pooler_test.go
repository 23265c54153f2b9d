package driver

import (
	"database/sql"
	"errors"
	"strings"
	"testing"

	"github.com/rwsplit/rwsplit/internal/statement"
)

// Behind a pooler of transactions no state of a session is made or used, but what
// ends with its transaction.
func TestPooler(t *testing.T) {
	bubble(t, 1, func(_ *Config, e *fakeEngine) { e.pooled = true }, func(t *testing.T, b *bed) {
		ctx := t.Context()
		refused := []string{
			"SET app.user = 'x'", "RESET ALL", "SELECT set_config('app.user', 'x', false)", "LISTEN a", "CREATE TEMP TABLE a (b int)",
			"SELECT pg_advisory_lock(1)", "PREPARE p AS SELECT 1", "DISCARD ALL", "DECLARE c CURSOR WITH HOLD FOR SELECT 1",
		}
		for _, text := range append([]string{"SELECT currval('a')", "DECLARE c CURSOR FOR SELECT 1", "EXECUTE p"}, refused...) {
			if _, err := b.ExecContext(ctx, text); !errors.Is(err, ErrPooler) {
				t.Errorf("%s: %v", text, err)
			}
		}
		for _, readOnly := range []bool{false, true} {
			tx, err := b.BeginTx(ctx, &sql.TxOptions{ReadOnly: readOnly})
			if err != nil {
				t.Fatal(err)
			}
			for _, text := range refused {
				_, err := tx.ExecContext(ctx, text)
				if !errors.Is(err, ErrPooler) && !(readOnly && errors.Is(err, ErrReplicaTransaction)) {
					t.Errorf("in a transaction, read-only %t: %s: %v", readOnly, text, err)
				}
			}
			for _, text := range []string{"SET LOCAL app.user = 'x'", "SELECT set_config('app.user', 'x', true)"} {
				b.exec(ctx, tx, text)
			}
			if !readOnly { // for the fake's sake
				b.exec(ctx, tx, "DECLARE c CURSOR FOR SELECT 1")
				b.exec(ctx, tx, "FETCH c")
			}
			tx.Rollback()
		}
		c := b.conn()
		for _, text := range []string{"BEGIN", "SET LOCAL app.user = 'x'", "SELECT currval('a')", "COMMIT"} {
			b.exec(ctx, c, text)
		}
		c.Close()
		for _, line := range b.logged() {
			for _, text := range refused {
				if strings.HasSuffix(line, " "+text) {
					t.Errorf("it was sent: %s", line)
				}
			}
		}
		if s := b.server(ctx, b, selectKey, "k"); s != "db1" {
			t.Errorf("a read went to %s", s)
		}
	})
}

// Of a text that an argument replaces nothing is known.
func TestRewrittenText(t *testing.T) {
	bubble(t, 1, nil, func(t *testing.T, b *bed) {
		ctx := t.Context()
		for range 2 {
			if s := b.server(ctx, b, selectKey, "rewriter"); s != "db0" {
				t.Errorf("rewritten on %s", s)
			}
			b.settle()
			if s := b.server(ctx, b, selectKey, "k"); s != "db1" {
				t.Errorf("the same text as it is on %s", s)
			}
			before := b.rw.Counters.Writes[statement.Rewritten].Load()
			b.server(ctx, b, "/* rwsplit: primary */ "+selectKey, "rewriter")
			if b.rw.Counters.Writes[statement.Rewritten].Load() != before+1 {
				t.Error("under a hint it is no write")
			}
			b.settle()
		}
	})
}
