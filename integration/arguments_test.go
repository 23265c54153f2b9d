package integration

import (
	"cmp"
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"errors"
	"math"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgtype"
)

// Valuers of all kinds.
type (
	valuer        struct{ v any }
	failingValuer struct{}
	pointerValuer struct{ n int }
)

func (v valuer) Value() (driver.Value, error)      { return v.v, nil }
func (failingValuer) Value() (driver.Value, error) { return nil, errors.New("no value today") }
func (p *pointerValuer) Value() (driver.Value, error) {
	if p == nil {
		return "a nil pointer", nil
	}
	return int64(p.n), nil
}

// argument is a value that programs pass, or try to.
type argument struct {
	name string
	v    any
}

// arguments are shared by both drivers, so that addresses in texts of errors are
// the same.
var arguments = func() []argument {
	n, text, at := 4711, "text", time.Date(2024, 2, 29, 12, 34, 56, 123456000, time.FixedZone("", 7200))
	pointer := &n
	return []argument{
		{"nil", nil}, {"int", n}, {"int8", int8(-8)}, {"int16", int16(16)}, {"int32", int32(32)}, {"int64", int64(math.MinInt64)},
		{"uint", uint(1)}, {"uint8", uint8(255)}, {"uint16", uint16(16)}, {"uint32", uint32(math.MaxUint32)},
		{"uint64", uint64(math.MaxInt64)}, {"uint64 above", uint64(math.MaxInt64) + 1}, {"uint64 max", uint64(math.MaxUint64)},
		{"float32", float32(0.1)}, {"float64", 0.1}, {"float64 max", math.MaxFloat64}, {"NaN", math.NaN()}, {"Inf", math.Inf(-1)},
		{"true", true}, {"false", false}, {"string", text}, {"empty string", ""}, {"number as string", "12"}, {"string with a zero byte", "a\x00b"},
		{"string that is no UTF-8", "a\xffb"}, {"quotes", `it's "so" \`}, {"bytes", []byte("bytes")}, {"no bytes", []byte{}}, {"nil bytes", []byte(nil)},
		{"array of bytes", [16]byte{1, 2}}, {"time", at}, {"time in UTC", at.UTC()}, {"zero time", time.Time{}}, {"pointer to time", &at},
		{"duration", time.Hour}, {"named int", myInt(7)}, {"named string", myString("named")}, {"named bytes", myBytes("named")},
		{"named bool", myBool(true)}, {"named float", myFloat(1.5)}, {"pointer", pointer}, {"pointer to pointer", &pointer},
		{"nil pointer", (*int)(nil)}, {"pointer to string", &text}, {"nil pointer to string", (*string)(nil)}, {"nil pointer to time", (*time.Time)(nil)},
		{"JSON", json.RawMessage(`{"a": 1}`)}, {"nil JSON", json.RawMessage(nil)}, {"pointer to JSON", new(json.RawMessage)},
		{"valid NullString", sql.NullString{String: "s", Valid: true}}, {"NullString", sql.NullString{}}, {"valid Null", sql.Null[int]{V: 3, Valid: true}},
		{"Null of a uint64", sql.Null[uint64]{V: math.MaxUint64, Valid: true}}, {"Null", sql.Null[int]{}}, {"NullTime", sql.NullTime{Time: at, Valid: true}},
		{"Valuer", valuer{int64(5)}}, {"Valuer of nil", valuer{nil}}, {"Valuer of bytes", valuer{[]byte("v")}}, {"Valuer of a time", valuer{at}},
		{"Valuer of a uint64", valuer{uint64(math.MaxUint64)}}, {"Valuer of an int", valuer{5}}, {"Valuer of a struct", valuer{struct{}{}}},
		{"Valuer of a Valuer", valuer{valuer{int64(5)}}}, {"failing Valuer", failingValuer{}}, {"pointer to Valuer", &valuer{"v"}},
		{"nil pointer to Valuer", (*valuer)(nil)}, {"Valuer by pointer", &pointerValuer{9}}, {"nil Valuer by pointer", (*pointerValuer)(nil)},
		{"Valuer by pointer, as value", pointerValuer{9}}, {"named parameter", sql.Named("n", 1)}, {"Out", sql.Out{Dest: &n}},
		{"struct", struct{ X int }{1}}, {"map", map[string]int{"a": 1}}, {"func", (func())(nil)}, {"channel", make(chan int)}, {"complex", 1i},
		{"ints", []int{1, 2}}, {"strings", []string{"a", "b"}}, {"no strings", []string(nil)}, {"anys", []any{1, nil}},
		{"address", netip.MustParseAddr("10.0.0.1")}, {"pgtype.Int4", pgtype.Int4{Int32: 4, Valid: true}}, {"invalid pgtype.Int4", pgtype.Int4{}},
		{"pgtype.Text", pgtype.Text{String: "t", Valid: true}}, {"pgtype.Numeric", pgtype.Numeric{Exp: 3, Valid: true, NaN: true}},
		{"pgtype.Array", pgtype.Array[int32]{Elements: []int32{1}, Dims: []pgtype.ArrayDimension{{Length: 1, LowerBound: 1}}, Valid: true}},
	}
}()

// parametersOf are where arguments stand, for each kind of server: what a read
// selects, and the type of a column that is written.
var parametersOf = map[string]struct {
	selected, columns []string
	params            []string
	closed            string // takes what a statement of it that is prepared takes not
}{
	"postgres": {
		selected: []string{`$1::text`, `$1::int8`, `$1::numeric`, `$1::bytea`, `$1::timestamptz`, `$1::jsonb`, `$1::bool`, `$1::text[]`, `$1::inet`},
		columns:  []string{`int4`, `text`, `float8`, `timestamp`, `json`, `int[]`},
		params:   []string{"", "default_query_exec_mode=simple_protocol", "default_query_exec_mode=exec"},
		closed:   `SELECT $1::text`,
	},
	"mysql":   {selected: []string{`?`, `? + 0`, `concat(?, '')`}, columns: mySQLColumns, params: mySQLArgumentParams, closed: `SELECT $1`},
	"mariadb": {selected: []string{`?`, `? + 0`, `concat(?, '')`}, columns: mySQLColumns, params: mySQLArgumentParams, closed: `SELECT $1`},
}

var (
	mySQLColumns        = []string{`bigint unsigned`, `varchar(100)`, `double`, `datetime(6)`, `json`, `blob`, `bit(1)`}
	mySQLArgumentParams = []string{"", "interpolateParams=true", "parseTime=true&loc=Europe%2FVienna"}
)

// TestArguments: each value that a program can pass arrives as by the plain
// driver, or is refused in the same words.
func TestArguments(t *testing.T) { eachEngine(t, testArguments) }

func testArguments(t *testing.T, e *engine) {
	c := e.shared(t)
	at := parametersOf[e.kind]
	setup := e.open(t, c)
	mustExec(t, setup, `CREATE TABLE arguments (id int PRIMARY KEY)`)
	for i, kind := range at.columns {
		mustExec(t, setup, `ALTER TABLE arguments ADD COLUMN `+column(i)+` `+kind)
	}
	must(t, c.WaitReplicas(ctxFor(t)))

	for _, params := range at.params {
		t.Run(cmp.Or(params, "defaults"), func(t *testing.T) {
			both := func(t *testing.T, program func(*testing.T, *sql.DB, *transcript)) {
				plain, ours := e.plain(t, c.Primary(), split(params)...), e.open(t, c, append(split(params), patient)...)
				ready(t, ours)
				compare(t, plain, ours, program)
				must(t, plain.Close())
				must(t, ours.Close())
			}
			for _, w := range ways {
				t.Run(w.name, func(t *testing.T) {
					both(t, func(t *testing.T, db *sql.DB, s *transcript) {
						for _, selected := range at.selected {
							for _, a := range arguments {
								if selected == `$1::text[]` && slices.Contains(byHistory, a.name) {
									continue
								}
								s.value(ctxFor(t), db, w, `SELECT `+selected, a)
							}
						}
					})
				})
			}
			t.Run("writes", func(t *testing.T) {
				both(t, func(t *testing.T, db *sql.DB, s *transcript) { writeArguments(t, e, db, s) })
			})
		})
	}
}

// byHistory are arguments that pgx makes other arrays of on a connection that has
// met other values before: it remembers how to encode a type.
var byHistory = []string{"no bytes", "ints"}

func column(i int) string { return "c" + string(rune('a'+i)) }

// value notes what one argument comes back as.
func (s *transcript) value(ctx context.Context, db *sql.DB, w way, text string, a argument) {
	w.run(ctx, db, text, []any{a.v}, func(rows *sql.Rows, err error) {
		if err != nil {
			s.note("%s of %s: error %v", text, a.name, err)
			return
		}
		defer rows.Close()
		var v any
		if rows.Next() {
			err = rows.Scan(&v)
		}
		s.note("%s of %s: %s, %v, %v", text, a.name, show(v), err, rows.Err())
	})
}

// writeArguments writes each argument into each column, once with and once
// without a prepared statement, and by RETURNING where there is one.
func writeArguments(t *testing.T, e *engine, db *sql.DB, s *transcript) {
	ctx := ctxFor(t)
	for i, kind := range parametersOf[e.kind].columns {
		insert := e.q(`INSERT INTO arguments (id, ` + column(i) + `) VALUES (1, $1)`)
		for _, how := range []struct {
			name string
			exec func(v any) (sql.Result, error)
		}{
			{"exec", func(v any) (sql.Result, error) { return db.ExecContext(ctx, insert, v) }},
			{"prepared", func(v any) (sql.Result, error) {
				stmt, err := db.PrepareContext(ctx, insert)
				if err != nil {
					return nil, err
				}
				defer stmt.Close()
				return stmt.ExecContext(ctx, v)
			}},
		} {
			for _, a := range arguments {
				mustExec(t, db, `DELETE FROM arguments`)
				line := transcript{}
				if result, err := how.exec(a.v); err != nil {
					line.note("error %v", err)
				} else {
					n, err := result.RowsAffected()
					line.note("%d rows, %v", n, err)
				}
				w := ways[1] // on the primary
				w.run(ctx, db, `SELECT * FROM arguments`, nil, line.rowsAsText)
				s.note("%s as %s by %s: %q", a.name, kind, how.name, line.lines)
			}
		}
		if len(typesOf[e.kind].returning) == 0 {
			continue
		}
		for _, a := range arguments {
			mustExec(t, db, `DELETE FROM arguments`)
			s.value(ctx, db, ways[0], insert+` RETURNING `+column(i), a)
		}
	}
}

// rowsAsText notes values only.
func (s *transcript) rowsAsText(rows *sql.Rows, err error) {
	if err != nil {
		s.note("error %v", err)
		return
	}
	defer rows.Close()
	columns, _ := rows.Columns()
	for rows.Next() {
		values, into := make([]any, len(columns)), make([]any, len(columns))
		for i := range into {
			into[i] = &values[i]
		}
		err := rows.Scan(into...)
		s.note("%s, %v", show(values), err)
	}
	s.note("end: %v", rows.Err())
}

// TestClosedStatement: a prepared statement that was closed has no say in how a
// query of its text runs.
func TestClosedStatement(t *testing.T) { eachEngine(t, testClosedStatement) }

func testClosedStatement(t *testing.T, e *engine) {
	c := e.shared(t)
	text := e.q(parametersOf[e.kind].closed)
	for _, params := range parametersOf[e.kind].params {
		t.Run(cmp.Or(params, "defaults"), func(t *testing.T) {
			plain, ours := e.plain(t, c.Primary(), split(params)...), e.open(t, c, append(split(params), patient)...)
			ready(t, ours)
			compare(t, plain, ours, func(t *testing.T, db *sql.DB, s *transcript) {
				for _, w := range ways {
					s.value(ctxFor(t), db, w, text, argument{w.name + ", a float", 0.5})
					s.value(ctxFor(t), db, w, text, argument{w.name + ", a string", "text"})
					s.value(ctxFor(t), db, w, text, argument{w.name + ", an int", 4711})
				}
			})
		})
	}
}
