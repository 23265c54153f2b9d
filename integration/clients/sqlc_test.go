package clients

import (
	"context"
	"database/sql"
	_ "embed"
	"errors"
	"slices"
	"testing"

	"github.com/rwsplit/rwsplit/integration/clients/clienttest"
	"github.com/rwsplit/rwsplit/integration/clients/sqlc/mysql"
	"github.com/rwsplit/rwsplit/integration/clients/sqlc/postgres"
)

//go:generate go run github.com/sqlc-dev/sqlc/cmd/sqlc@v1.31.1 generate -f sqlc/sqlc.yaml

//go:embed sqlc/postgres/schema.sql
var sqlcSchemaPostgres string

//go:embed sqlc/mysql/schema.sql
var sqlcSchemaMySQL string

// accounts is what sqlc generated for PostgreSQL; that for MySQL is made to look
// like it.
type accounts interface {
	CreateAccount(context.Context, postgres.CreateAccountParams) (postgres.SqlcAccount, error)
	GetAccount(ctx context.Context, id int64) (postgres.SqlcAccount, error)
	LockAccount(ctx context.Context, id int64) (balance int64, err error)
	ListAccounts(ctx context.Context, owner string) ([]postgres.SqlcAccount, error)
	AccountsByID(ctx context.Context, ids []int64) ([]postgres.SqlcAccount, error)
	TotalBalance(ctx context.Context, owner string) (int64, error)
	Deposit(context.Context, postgres.DepositParams) (balance int64, err error)
	SetBalance(context.Context, postgres.SetBalanceParams) (rows int64, err error)
	DeleteAccounts(ctx context.Context, owner string) error
	Close() error
}

type accountsMySQL struct{ *mysql.Queries }

func (a accountsMySQL) CreateAccount(ctx context.Context, p postgres.CreateAccountParams) (postgres.SqlcAccount, error) {
	id, err := a.Queries.CreateAccount(ctx, mysql.CreateAccountParams(p))
	return postgres.SqlcAccount{ID: id, Owner: p.Owner, Balance: p.Balance, Note: p.Note}, err
}

func (a accountsMySQL) GetAccount(ctx context.Context, id int64) (postgres.SqlcAccount, error) {
	account, err := a.Queries.GetAccount(ctx, id)
	return postgres.SqlcAccount(account), err
}

func (a accountsMySQL) ListAccounts(ctx context.Context, owner string) ([]postgres.SqlcAccount, error) {
	return converted(a.Queries.ListAccounts(ctx, owner))
}

func (a accountsMySQL) AccountsByID(ctx context.Context, ids []int64) ([]postgres.SqlcAccount, error) {
	return converted(a.Queries.AccountsByID(ctx, ids))
}

// Deposit reads the balance by itself, as MySQL has no RETURNING.
func (a accountsMySQL) Deposit(ctx context.Context, p postgres.DepositParams) (int64, error) {
	if _, err := a.Queries.Deposit(ctx, mysql.DepositParams(p)); err != nil {
		return 0, err
	}
	return a.LockAccount(ctx, p.ID)
}

func (a accountsMySQL) SetBalance(ctx context.Context, p postgres.SetBalanceParams) (int64, error) {
	return a.Queries.SetBalance(ctx, mysql.SetBalanceParams(p))
}

func converted(all []mysql.SqlcAccount, err error) ([]postgres.SqlcAccount, error) {
	var out []postgres.SqlcAccount
	for _, account := range all {
		out = append(out, postgres.SqlcAccount(account))
	}
	return out, err
}

// TestSqlc: code that sqlc generated, with and without prepared queries.
func TestSqlc(t *testing.T) {
	clienttest.EachEngine(t, func(t *testing.T, e *clienttest.Engine) {
		schema := sqlcSchemaMySQL
		if e.Kind == "postgres" {
			schema = sqlcSchemaPostgres
		}
		mustExec(t, e.Open(t), schema)
		eachMode(t, e, func(t *testing.T, params ...string) {
			db := e.Open(t, params...)
			var plain, prepared accounts
			var plainTx, preparedTx func(*sql.Tx) accounts
			if e.Kind == "postgres" {
				p, err := postgres.Prepare(ctxFor(t), db)
				must(t, err)
				plain, prepared = postgres.New(db), p
				plainTx = func(tx *sql.Tx) accounts { return postgres.New(tx) }
				preparedTx = func(tx *sql.Tx) accounts { return p.WithTx(tx) }
			} else {
				p, err := mysql.Prepare(ctxFor(t), db)
				must(t, err)
				plain, prepared = accountsMySQL{mysql.New(db)}, accountsMySQL{p}
				plainTx = func(tx *sql.Tx) accounts { return accountsMySQL{mysql.New(tx)} }
				preparedTx = func(tx *sql.Tx) accounts { return accountsMySQL{p.WithTx(tx)} }
			}
			t.Run("plain", func(t *testing.T) { testSqlc(t, e, db, plain, plainTx) })
			t.Run("prepared", func(t *testing.T) { testSqlc(t, e, db, prepared, preparedTx) })
			must(t, prepared.Close())
		})
	})
}

func testSqlc(t *testing.T, e *clienttest.Engine, db *sql.DB, queries accounts, in func(*sql.Tx) accounts) {
	ctx := ctxFor(t)
	var ann, bob postgres.SqlcAccount

	t.Run("writes go to the primary", func(t *testing.T) {
		onPrimary(t, e, db, func() {
			for _, owner := range []string{"ann", "bob"} {
				must(t, queries.DeleteAccounts(ctx, owner))
			}
			var err error
			ann, err = queries.CreateAccount(ctx, postgres.CreateAccountParams{Owner: "ann", Balance: 10, Note: sql.NullString{String: "first", Valid: true}})
			must(t, err)
			bob, err = queries.CreateAccount(ctx, postgres.CreateAccountParams{Owner: "bob", Balance: 20})
			must(t, err)
			if ann.ID == 0 || bob.ID <= ann.ID {
				t.Errorf("the new rows have the numbers %d and %d", ann.ID, bob.ID)
			}
			ann.Balance, err = queries.Deposit(ctx, postgres.DepositParams{Balance: 5, ID: ann.ID})
			must(t, err)
			if ann.Balance != 15 {
				t.Errorf("%d after the deposit, want 15", ann.Balance)
			}
			rows, err := queries.SetBalance(ctx, postgres.SetBalanceParams{Balance: 25, ID: bob.ID})
			must(t, err)
			bob.Balance = 25
			if rows != 1 {
				t.Errorf("%d rows affected, want 1", rows)
			}
		})
	})
	t.Run("reads go to replicas and are right", func(t *testing.T) {
		onReplicas(t, e, db, func() {
			got, err := queries.GetAccount(ctx, ann.ID)
			must(t, err)
			if got != ann {
				t.Errorf("got %+v, want %+v", got, ann)
			}
			list, err := queries.ListAccounts(ctx, "bob")
			must(t, err)
			if !slices.Equal(list, []postgres.SqlcAccount{bob}) {
				t.Errorf("got %+v, want %+v", list, bob)
			}
			list, err = queries.AccountsByID(ctx, []int64{bob.ID, ann.ID, -1})
			must(t, err)
			if !slices.Equal(list, []postgres.SqlcAccount{ann, bob}) {
				t.Errorf("got %+v, want both", list)
			}
			total, err := queries.TotalBalance(ctx, "bob")
			must(t, err)
			if total != 25 {
				t.Errorf("got %d, want 25", total)
			}
			if _, err := queries.GetAccount(ctx, -1); !errors.Is(err, sql.ErrNoRows) {
				t.Errorf("a row that is not there: %v", err)
			}
		})
	})
	t.Run("FOR UPDATE goes to the primary", func(t *testing.T) {
		onPrimary(t, e, db, func() {
			balance, err := queries.LockAccount(ctx, bob.ID)
			must(t, err)
			if balance != 25 {
				t.Errorf("got %d, want 25", balance)
			}
		})
	})
	t.Run("a read-write transaction is on the primary and sees itself", func(t *testing.T) {
		for _, commit := range []bool{false, true} {
			onPrimary(t, e, db, func() {
				tx, err := db.BeginTx(ctx, nil)
				must(t, err)
				defer tx.Rollback()
				q := in(tx)
				_, err = q.LockAccount(ctx, ann.ID)
				must(t, err)
				for _, p := range []postgres.DepositParams{{Balance: -10, ID: ann.ID}, {Balance: 10, ID: bob.ID}} {
					_, err := q.Deposit(ctx, p)
					must(t, err)
				}
				got, err := q.GetAccount(ctx, bob.ID)
				must(t, err)
				if got.Balance != 35 {
					t.Errorf("the transaction sees %d, want 35", got.Balance)
				}
				if commit {
					must(t, tx.Commit())
				}
			})
			got, err := queries.GetAccount(ctx, bob.ID)
			must(t, err)
			if want := map[bool]int64{false: 25, true: 35}[commit]; got.Balance != want {
				t.Errorf("%d after commit=%t, want %d", got.Balance, commit, want)
			}
		}
	})
	t.Run("a read-only transaction is on a replica", func(t *testing.T) {
		onReplicas(t, e, db, func() {
			tx, err := db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
			must(t, err)
			defer tx.Rollback()
			for range 3 {
				total, err := in(tx).TotalBalance(ctx, "ann")
				must(t, err)
				got, err := in(tx).GetAccount(ctx, ann.ID)
				must(t, err)
				if total != 5 || got.Balance != 5 {
					t.Errorf("got %d and %d, want 5", total, got.Balance)
				}
			}
			must(t, tx.Commit())
		})
	})
	t.Run("reads see what was written just before", func(t *testing.T) {
		var ids [rowsWritten]int64
		for i := range ids {
			account, err := queries.CreateAccount(ctx, postgres.CreateAccountParams{Owner: "counter"})
			must(t, err)
			ids[i] = account.ID
		}
		readsOwnWrites(t, e, db,
			func(ctx context.Context, id, v int64) error {
				_, err := queries.SetBalance(ctx, postgres.SetBalanceParams{Balance: v, ID: ids[id]})
				return err
			},
			func(ctx context.Context, id int64) (int64, error) {
				account, err := queries.GetAccount(ctx, ids[id])
				return account.Balance, err
			})
	})
}
