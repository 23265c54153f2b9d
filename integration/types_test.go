package integration

import (
	"cmp"
	"database/sql"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgtype"
)

// columnTypes are, for each kind of server, the columns of a table with every
// common type, and its rows: ordinary values, the ends of the ranges, NULL.
type columnTypes struct {
	before    []string // types
	columns   []string // name and type
	rows      []string
	params    []string // connection parameters that change how values come
	returning []string // writes of the table's rows that return them
}

var mySQLTypes = columnTypes{
	columns: []string{
		"c_tinyint tinyint", "c_tinyint1 tinyint(1)", "c_utinyint tinyint unsigned", "c_smallint smallint", "c_mediumint mediumint",
		"c_int int", "c_uint int unsigned", "c_bigint bigint", "c_ubigint bigint unsigned", "c_decimal decimal(20,5)", "c_float float",
		"c_double double", "c_bool bool", "c_char char(5)", "c_varchar varchar(30)", "c_text text", "c_binary binary(4)",
		"c_varbinary varbinary(20)", "c_blob blob", "c_date date", "c_datetime datetime", "c_datetime6 datetime(6)",
		"c_timestamp timestamp NULL", "c_timestamp3 timestamp(3) NULL", "c_time time", "c_time6 time(6)", "c_year year", "c_json json",
		"c_enum enum('a','b')", "c_set set('x','y','z')", "c_bit bit(10)", "c_bit1 bit(1)", "c_must int NOT NULL DEFAULT 0",
	},
	rows: []string{
		`1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1.5, 1.5, 1.5, true, 'ab', 'häß', 'text', 'bin', 'var', 'blob', '2024-02-29', '2024-02-29 12:34:56',
		'2024-02-29 12:34:56.123456', '2024-02-29 12:34:56', '2024-02-29 12:34:56.123', '12:34:56', '12:34:56.123456', 2024, '{"a": [1, 2]}',
		'b', 'x,z', b'1010101010', b'1', 7`,
		`2, -128, 0, 255, -32768, -8388608, -2147483648, 4294967295, -9223372036854775808, 18446744073709551615, -999999999999999.99999,
		-0.1, 1.7976931348623157e308, false, '', '', '', '', x'00ff', x'0001ff', '9999-12-31', '1000-01-01 00:00:00', '9999-12-31 23:59:59.999999',
		'1970-01-01 00:00:01', '2038-01-19 03:14:07.999', '-838:59:59', '838:59:59.000000', 1901, 'null', 'a', '', b'0', b'0', -1`,
		`3` + strings.Repeat(`, NULL`, 32) + `, 0`,
	},
	params: []string{"", "parseTime=true", "parseTime=true&loc=Europe%2FVienna", "interpolateParams=true", "columnsWithAlias=true", "clientFoundRows=true&parseTime=true&timeTruncate=1ms"},
}

func mariaDBTypes() columnTypes {
	types := mySQLTypes
	types.columns = append(append([]string(nil), types.columns...), "c_uuid uuid", "c_inet6 inet6")
	types.rows = append([]string(nil), types.rows...)
	for i, more := range []string{`, '123e4567-e89b-12d3-a456-426655440000', '::1'`, `, '00000000-0000-0000-0000-000000000000', '2001:db8::ff00:42:8329'`, `, NULL, NULL`} {
		types.rows[i] += more
	}
	types.returning = []string{
		`INSERT INTO types_copy SELECT * FROM types_all ORDER BY id RETURNING *`,
		`REPLACE INTO types_copy SELECT * FROM types_all ORDER BY id RETURNING *`,
		`DELETE FROM types_copy ORDER BY id RETURNING *`,
	}
	return types
}

var typesOf = map[string]columnTypes{
	"mysql":   mySQLTypes,
	"mariadb": mariaDBTypes(),
	"postgres": {
		before: []string{
			`CREATE TYPE mood AS ENUM ('sad', 'happy')`,
			`CREATE TYPE pair AS (x int, y text)`,
			`CREATE DOMAIN short AS varchar(10)`,
		},
		columns: []string{
			"c_int2 smallint", "c_int4 int", "c_int8 bigint", "c_numeric numeric(20,5)", "c_anynumeric numeric", "c_float4 real", "c_float8 double precision",
			"c_bool boolean", "c_char char(5)", "c_varchar varchar(30)", "c_anyvarchar varchar", "c_text text", "c_bytea bytea", "c_date date",
			"c_time time", "c_time3 time(3)", "c_timetz timetz", "c_timestamp timestamp", "c_timestamptz timestamptz", "c_timestamptz3 timestamptz(3)",
			"c_interval interval", "c_json json", "c_jsonb jsonb", "c_uuid uuid", "c_ints int[]", "c_texts text[]", "c_bools bool[]", "c_times timestamptz[]",
			"c_inet inet", "c_cidr cidr", "c_mac macaddr", "c_bit bit(10)", "c_varbit varbit(20)", "c_point point", "c_range int4range", "c_xml xml",
			"c_oid oid", "c_money money", "c_name name", `c_byte "char"`, "c_tsvector tsvector", "c_mood mood", "c_pair pair", "c_short short",
			"c_must int NOT NULL DEFAULT 0",
		},
		rows: []string{
			`1, 1, 1, 1, 1.5, 1.5, 1.5, 1.5, true, 'ab', 'häß', 'any', 'text', 'bytes', '2024-02-29', '12:34:56.123456', '12:34:56.123', '12:34:56+02',
			'2024-02-29 12:34:56.123456', '2024-02-29 12:34:56.123456+02', '2024-02-29 12:34:56.123+02', '1 year 2 mons 3 days 04:05:06.789',
			'{"a": [1, 2]}', '{"a": [1, 2]}', '123e4567-e89b-12d3-a456-426655440000', '{1,NULL,3}', '{a,"b c",NULL}', '{t,f}', '{"2024-02-29 12:00:00+00"}',
			'10.0.0.1/8', '10.0.0.0/8', '08:00:2b:01:02:03', '1010101010', '101', '(1,2)', '[1,5)', '<a/>', 4711, '12.34', 'name', 'x', 'a b', 'happy',
			'(1,one)', 'short', 7`,
			`2, -32768, -2147483648, -9223372036854775808, -999999999999999.99999, 'NaN', '-Infinity', 1.7976931348623157e308, false, '', '', '', '', '\x00ff',
			'infinity', '00:00', '24:00', '00:00-15', '-infinity', '0001-01-01 00:00:00+00', '9999-12-31 23:59:59+00', '-1 day', 'null', '[]',
			'00000000-0000-0000-0000-000000000000', '{{1,2},{3,4}}', '{}', '{}', '{}', '::1', '::/0', '00:00:00:00:00:00', '0000000000', '', '(0,0)', 'empty',
			'<b>x</b>', 0, '-1', '', 'y', '', 'sad', '(,)', '', -1`,
			`3` + strings.Repeat(`, NULL`, 44) + `, 0`,
		},
		params: []string{"", "default_query_exec_mode=simple_protocol", "default_query_exec_mode=exec", "default_query_exec_mode=cache_describe", "default_query_exec_mode=describe_exec", "timezone=Europe/Vienna"},
		returning: []string{
			`INSERT INTO types_copy SELECT * FROM types_all ORDER BY id RETURNING *`,
			`UPDATE types_copy SET c_must = 4711 WHERE id = 1 RETURNING *`,
			`WITH d AS (DELETE FROM types_copy RETURNING *) SELECT * FROM d ORDER BY id`,
		},
	},
}

// TestTypes: what a program learns of columns, and the values that it scans, are
// the plain driver's on each way to a server.
func TestTypes(t *testing.T) { eachEngine(t, testTypes) }

func testTypes(t *testing.T, e *engine) {
	c := e.shared(t)
	types := typesOf[e.kind]
	setup := e.open(t, c)
	for _, text := range types.before {
		mustExec(t, setup, text)
	}
	columns := `id int PRIMARY KEY, ` + strings.Join(types.columns, ", ")
	mustExec(t, setup, `CREATE TABLE types_all (`+columns+`)`)
	mustExec(t, setup, `CREATE TABLE types_copy (`+columns+`)`)
	for _, row := range types.rows {
		mustExec(t, setup, `INSERT INTO types_all VALUES (`+row+`)`)
	}
	must(t, c.WaitReplicas(ctxFor(t)))

	for _, params := range types.params {
		t.Run(cmp.Or(params, "defaults"), func(t *testing.T) {
			split := split(params)
			plain, ours := e.plain(t, c.Primary(), split...), e.open(t, c, append(split, patient)...)
			ready(t, ours)
			for _, w := range ways {
				t.Run(w.name, func(t *testing.T) {
					compare(t, plain, ours, func(t *testing.T, db *sql.DB, s *transcript) {
						read := func() { w.run(ctxFor(t), db, `SELECT * FROM types_all AS a ORDER BY id`, nil, s.rows) }
						if db == ours {
							went(t, db, w.goes, read)
						} else {
							read()
						}
					})
				})
				if w.goes != primary || types.returning == nil { // MySQL has no RETURNING
					continue
				}
				t.Run("RETURNING, "+w.name, func(t *testing.T) {
					compare(t, plain, ours, func(t *testing.T, db *sql.DB, s *transcript) {
						mustExec(t, db, `DELETE FROM types_copy`)
						for _, text := range types.returning {
							s.note("%s", text)
							// In a transaction, which is rolled back, nothing but the first has rows.
							w.run(ctxFor(t), db, text, nil, s.rows)
						}
					})
				})
			}
		})
	}
}

// split returns connection parameters one by one.
func split(params string) []string {
	return strings.FieldsFunc(params, func(r rune) bool { return r == '&' })
}

// witness is a Scanner that notes what the driver hands it.
type witness struct{ got string }

func (w *witness) Scan(v any) error {
	w.got = show(v)
	return nil
}

// discard is a Scanner for what is not looked at.
type discard struct{}

func (discard) Scan(any) error { return nil }

// Named types of values.
type (
	myInt    int32
	myString string
	myBytes  []byte
	myBool   bool
	myFloat  float32
)

// destinations makes what values are scanned into.
var destinations = []func() any{
	func() any { return new(any) },
	func() any { return new(string) },
	func() any { return new([]byte) },
	func() any { return new(int64) },
	func() any { return new(uint64) },
	func() any { return new(int8) },
	func() any { return new(float64) },
	func() any { return new(float32) },
	func() any { return new(bool) },
	func() any { return new(time.Time) },
	func() any { return new(*string) },
	func() any { return new(*int64) },
	func() any { return new(sql.NullString) },
	func() any { return new(sql.NullInt64) },
	func() any { return new(sql.NullFloat64) },
	func() any { return new(sql.NullBool) },
	func() any { return new(sql.NullTime) },
	func() any { return new(sql.NullByte) },
	func() any { return new(sql.Null[uint64]) },
	func() any { return new(sql.Null[[]byte]) },
	func() any { return new(myInt) },
	func() any { return new(myString) },
	func() any { return new(myBytes) },
	func() any { return new(witness) },
	func() any { return new(struct{}) },
	func() any { return array(new([]int32)) },
	func() any { return array(new([]*int32)) },
	func() any { return array(new([]string)) },
	func() any { return array(new([]time.Time)) },
	func() any { return array(new(pgtype.Range[pgtype.Int4])) },
	func() any { return array(new(pgtype.Interval)) },
}

// native is a destination of pgx's own, which needs pgx's map of types.
type native struct {
	sql.Scanner
	v any
}

func (n *native) String() string { return show(n.v) }

// typeMap is costly to make. No two of these tests run at a time.
var typeMap = pgtype.NewMap()

func array(v any) any { return &native{typeMap.SQLScanner(v), v} }

// rows notes all that database/sql tells of rows, or the error.
func (s *transcript) rows(rows *sql.Rows, err error) {
	if err != nil {
		s.note("error %v", err)
		return
	}
	defer func() { s.note("close: %v", rows.Close()) }()
	columns, err := rows.Columns()
	s.note("columns %q, %v", columns, err)
	types, err := rows.ColumnTypes()
	s.note("%d types, %v", len(types), err)
	for _, c := range types {
		length, hasLength := c.Length()
		precision, scale, hasScale := c.DecimalSize()
		nullable, knows := c.Nullable()
		s.note("%s is %q, length %d %t, decimal %d %d %t, nullable %t %t, scan %v", c.Name(), c.DatabaseTypeName(), length, hasLength, precision, scale, hasScale, nullable, knows, c.ScanType())
	}
	for n := 1; rows.Next(); n++ {
		into := make([]any, len(columns))
		for i, name := range columns {
			for _, destination := range destinations {
				for j := range into {
					into[j] = discard{}
				}
				d := destination()
				into[i] = d
				err := rows.Scan(into...)
				s.note("row %d, %s into %T: %s, %v", n, name, d, show(d), err)
			}
		}
		// RawBytes come last: they bar further scans of the row.
		raw := make([]sql.RawBytes, len(columns))
		for i := range into {
			into[i] = &raw[i]
		}
		err := rows.Scan(into...)
		for i, name := range columns {
			s.note("row %d, %s raw: %s, %v", n, name, show([]byte(raw[i])), err)
		}
	}
	s.note("end: %v, further results: %t", rows.Err(), rows.NextResultSet())
}
