package splitter

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"math"
	"net/url"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// settings sets each option by a DSN's parameter and by the field.
var settings = []struct {
	option, value string
	field         Config
}{
	{"replicas", "db2", Config{Replicas: []string{"db2"}}},
	{"replicas", "db2:5433,[::1]:5432,::2,/run/pg", Config{Replicas: []string{"db2:5433", "[::1]:5432", "::2", "/run/pg"}}},
	{"consistency", "session", Config{Consistency: Session}},
	{"consistency", "strong", Config{Consistency: Strong}},
	{"consistency", "eventual", Config{Consistency: Eventual}},
	{"consistency", "bounded_staleness:1500ms", Config{Consistency: BoundedStaleness(1500 * time.Millisecond)}},
	{"max_lag", "2s", Config{MaxLag: 2 * time.Second}},
	{"max_lag", "1h30m", Config{MaxLag: 90 * time.Minute}},
	{"wait_budget", "100ms", Config{WaitBudget: 100 * time.Millisecond}},
	{"wait_budget", "0", Config{WaitBudget: NoWait}},
	{"wait_budget", "0s", Config{WaitBudget: NoWait}},
	{"fallback_limit", "7", Config{FallbackLimit: 7}},
	{"fallback_limit", "unlimited", Config{FallbackLimit: Unlimited}},
	{"fallback_overflow", "wait", Config{FallbackOverflow: OverflowWait}},
	{"fallback_overflow", "stale", Config{FallbackOverflow: OverflowStale}},
	{"fallback_overflow", "error", Config{FallbackOverflow: OverflowError}},
	{"probe_interval", "250ms", Config{ProbeInterval: 250 * time.Millisecond}},
	{"probe_timeout", "3s", Config{ProbeTimeout: 3 * time.Second}},
	{"primary_wait", "1ms", Config{PrimaryWait: time.Millisecond}},
	{"max_conns", "9", Config{MaxConns: 9}},
	{"conn_max_lifetime", "2h", Config{ConnMaxLifetime: 2 * time.Hour}},
	{"conn_max_idle_time", "90s", Config{ConnMaxIdleTime: 90 * time.Second}},
	{"balance", "power_of_two", Config{Balance: PowerOfTwo}},
	{"balance", "round_robin", Config{Balance: RoundRobin}},
	{"balance", "random", Config{Balance: Random}},
	{"balance", "weighted", Config{Balance: Weighted}},
	{"balance", "least_in_flight", Config{Balance: LeastInFlight}},
	{"balance", "sticky", Config{Balance: Sticky}},
	{"weights", "db1:5432=0,[::1]:5432=3,/run/a=b/.s.PGSQL.5432=12", Config{Weights: map[string]int{"db1:5432": 0, "[::1]:5432": 3, "/run/a=b/.s.PGSQL.5432": 12}}},
	{"pooler", "auto", Config{Pooler: PoolerAuto}},
	{"pooler", "transaction", Config{Pooler: PoolerTransaction}},
	{"pooler", "session", Config{Pooler: PoolerSession}},
	{"session_key", "shop é 'x'", Config{SessionKey: "shop é 'x'"}},
	{"catalog_interval", "5m", Config{CatalogInterval: 5 * time.Minute}},
	{"statement_cache", "100", Config{StatementCache: 100}},
}

// forms are the ways to say a parameter in a DSN.
var forms = []struct {
	name string
	dsn  func(option, value string) string
}{
	{"url", func(o, v string) string {
		return "postgres://app@db1/shop?sslmode=disable&rwsplit_" + o + "=" + url.PathEscape(v)
	}},
	{"url, only", func(o, v string) string { return "postgres://app@db1?rwsplit_" + o + "=" + url.PathEscape(v) }},
	{"url, first", func(o, v string) string {
		return "postgres://app@db1/?rwsplit_" + o + "=" + url.PathEscape(v) + "&sslmode=disable"
	}},
	{"url, every byte escaped", func(o, v string) string {
		var name, value strings.Builder
		for _, b := range []byte("rwsplit_" + o) {
			fmt.Fprintf(&name, "%%%02x", b)
		}
		for _, b := range []byte(v) {
			fmt.Fprintf(&value, "%%%02X", b)
		}
		return "postgres://app@db1/shop?" + name.String() + "=" + value.String() + "&sslmode=disable"
	}},
	{"keywords", func(o, v string) string {
		return "host=db1 rwsplit_" + o + "='" + strings.ReplaceAll(v, "'", `\'`) + "' user=app"
	}},
	{"keywords, escaped, last", func(o, v string) string {
		return "host=db1 user=app rwsplit_" + o + " = " + strings.NewReplacer("'", `\'`, " ", `\ `).Replace(v)
	}},
	{"keywords, first", func(o, v string) string {
		return "rwsplit_" + o + "='" + strings.ReplaceAll(v, "'", `\'`) + "'host=db1"
	}},
}

func TestDSNAndConfigAgree(t *testing.T) {
	for _, s := range settings {
		want := s.field
		want.DSN = "host=db1"
		if _, err := want.read(); err != nil {
			t.Errorf("%s as a field: %v", s.option, err)
			continue
		}
		for _, f := range forms {
			t.Run(s.option+" = "+s.value+"/"+f.name, func(t *testing.T) {
				dsn := f.dsn(s.option, s.value)
				got := Config{DSN: dsn}
				rest, err := got.read()
				if err != nil {
					t.Fatalf("%s: %v", dsn, err)
				}
				if strings.Contains(strings.ToLower(rest), "split") {
					t.Errorf("%s leaves %s for pgx", dsn, rest)
				}
				got.DSN = want.DSN
				if !reflect.DeepEqual(got, want) {
					t.Errorf("%s gives\n%+v\nthe field\n%+v", dsn, got, want)
				}
			})
		}
	}
}

// A parameter of the DSN wins over the field, and the other fields stay.
func TestDSNWins(t *testing.T) {
	full := Config{
		Driver:   PGX,
		Replicas: []string{"x"}, Consistency: BoundedStaleness(time.Minute), MaxLag: time.Minute, WaitBudget: time.Minute,
		FallbackLimit: 1000, FallbackOverflow: OverflowError, ProbeInterval: 20 * time.Millisecond, ProbeTimeout: time.Minute,
		PrimaryWait: time.Minute, MaxConns: 1000, ConnMaxLifetime: time.Minute, ConnMaxIdleTime: time.Minute, Balance: Sticky,
		Weights: map[string]int{"x": 7}, Pooler: PoolerSession, SessionKey: "x", CatalogInterval: time.Hour, StatementCache: 1000,
	}
	fields := fieldOfOption(t)
	for _, s := range settings {
		t.Run(s.option+" = "+s.value, func(t *testing.T) {
			want := full
			field := reflect.ValueOf(&want).Elem().FieldByName(fields[s.option])
			field.Set(reflect.ValueOf(s.field).FieldByName(fields[s.option]))
			got := full
			got.DSN = forms[0].dsn(s.option, s.value)
			if _, err := got.read(); err != nil {
				t.Fatal(err)
			}
			got.DSN = ""
			if !reflect.DeepEqual(got, want) {
				t.Errorf("got\n%+v\nwant\n%+v", got, want)
			}
		})
	}
}

// fieldOfOption reads which field a comment "// rwsplit_x" names the parameter of.
func fieldOfOption(t *testing.T) map[string]string {
	t.Helper()
	fields := make(map[string]string)
	name := regexp.MustCompile(`^// rwsplit_([a-z_]+)`)
	eachField(t, func(f *ast.Field) {
		if f.Comment == nil {
			return
		}
		if m := name.FindStringSubmatch(f.Comment.List[0].Text); m != nil {
			fields[m[1]] = f.Names[0].Name
		}
	})
	return fields
}

func fieldDocs(t *testing.T) map[string]string {
	t.Helper()
	docs := make(map[string]string)
	eachField(t, func(f *ast.Field) { docs[f.Names[0].Name] = f.Doc.Text() })
	return docs
}

// eachField calls f for the source of each field of Config.
func eachField(t *testing.T, f func(*ast.Field)) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "config.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.TypeSpec)
		if !ok || spec.Name.Name != "Config" {
			return true
		}
		for _, field := range spec.Type.(*ast.StructType).Fields.List {
			if field.Doc == nil {
				t.Errorf("field %s is not documented", field.Names[0])
			}
			f(field)
		}
		return false
	})
}

func TestEachOptionHasAField(t *testing.T) {
	fields, set := fieldOfOption(t), make(map[string]bool)
	for _, s := range settings {
		set[s.option] = true
		if fields[s.option] == "" {
			t.Errorf("no field's comment says rwsplit_%s", s.option)
			continue
		}
		var c Config
		if err := c.set(optionPrefix+s.option, s.value); err != nil {
			t.Errorf("rwsplit_%s=%s: %v", s.option, s.value, err)
		}
		v := reflect.ValueOf(&c).Elem()
		v.FieldByName(fields[s.option]).SetZero()
		if !v.IsZero() {
			t.Errorf("rwsplit_%s=%s sets more than %s: %+v", s.option, s.value, fields[s.option], c)
		}
	}
	for option := range options {
		if !set[option] {
			t.Errorf("no test sets rwsplit_%s", option)
		}
	}
	for option, field := range fields {
		if options[option] == nil {
			t.Errorf("the comment of %s says rwsplit_%s, which is no option", field, option)
		}
	}
}

// Each field must reach the packages that work with it.
func TestRoutingHasAllFields(t *testing.T) {
	c := Config{
		DSN: "host=db1", Consistency: Strong, MaxLag: 11 * time.Second, WaitBudget: 12, FallbackLimit: 13, FallbackOverflow: OverflowStale,
		ProbeInterval: 14 * time.Millisecond, ProbeTimeout: 15, PrimaryWait: 16, MaxConns: 17, ConnMaxLifetime: 18, ConnMaxIdleTime: 19,
		Balance: Weighted, SessionKey: "key", CatalogInterval: 20, StatementCache: 21,
	}
	if _, err := c.read(); err != nil {
		t.Fatal(err)
	}
	got := c.routing()
	var zero func(path string, v reflect.Value)
	zero = func(path string, v reflect.Value) {
		for i := range v.NumField() {
			f, name := v.Field(i), path+v.Type().Field(i).Name
			switch {
			case f.Kind() == reflect.Struct:
				zero(name+".", f)
			case f.IsZero() && name != "Cluster.Members": // those are the engine's
				t.Errorf("%s is not set", name)
			}
		}
	}
	zero("", reflect.ValueOf(got))
	if got.Cluster.MaxLag != c.MaxLag || got.Cluster.ProbeInterval != c.ProbeInterval || got.Cluster.ProbeTimeout != c.ProbeTimeout ||
		got.Cluster.PrimaryWait != c.PrimaryWait || got.Cluster.MaxConns != c.MaxConns || got.Cluster.ConnMaxLifetime != c.ConnMaxLifetime ||
		got.Cluster.ConnMaxIdleTime != c.ConnMaxIdleTime || got.Consistency != c.Consistency || got.WaitBudget != c.WaitBudget ||
		got.FallbackLimit != c.FallbackLimit || got.FallbackOverflow != c.FallbackOverflow || got.Policy != c.Balance ||
		got.SessionKey != c.SessionKey || got.CatalogInterval != c.CatalogInterval || got.StatementCache != c.StatementCache {
		t.Errorf("%+v of %+v", got, c)
	}

	c.FallbackLimit = Unlimited
	if limit := c.routing().FallbackLimit; limit != 0 {
		t.Errorf("no limit is %d, want 0", limit)
	}
}

// The defaults are those that the fields' comments tell.
func TestDefaults(t *testing.T) {
	var c Config
	if err := c.complete(); err != nil {
		t.Fatal(err)
	}
	told := map[string]any{
		"[PGX]": PGX, "[Session]": Session, "[OverflowWait]": OverflowWait, "[PowerOfTwo]": PowerOfTwo, "[PoolerAuto]": PoolerAuto,
		"half of MaxConns": c.MaxConns / 2, "the name of the database": "", // which New knows
	}
	text := regexp.MustCompile(`Default: ([^.;,]+)[.;,]`)
	for name, doc := range fieldDocs(t) {
		field := reflect.ValueOf(c).FieldByName(name)
		m := text.FindStringSubmatch(strings.Join(strings.Fields(doc), " "))
		if m == nil {
			if !field.IsZero() {
				t.Errorf("%s is %v, which its comment does not tell", name, field)
			}
			continue
		}
		want, ok := told[m[1]]
		if !ok {
			want = m[1]
			if d, err := time.ParseDuration(strings.NewReplacer(" min", "m", " ", "").Replace(m[1])); err == nil {
				want = d
			} else if n, err := strconv.Atoi(m[1]); err == nil {
				want = n
			}
		}
		if field.Interface() != want {
			t.Errorf("%s is %v, its comment tells %v", name, field, want)
		}
	}
}

func TestDefaultFallbackLimit(t *testing.T) {
	for conns, want := range map[int]int{0: 32, 1: 1, 2: 1, 7: 3, 100: 50, math.MaxInt32: math.MaxInt32 / 2} {
		c := Config{MaxConns: conns}
		if err := c.complete(); err != nil {
			t.Errorf("%d connections: %v", conns, err)
		}
		if c.FallbackLimit != want {
			t.Errorf("%d connections: %d fallbacks, want %d", conns, c.FallbackLimit, want)
		}
	}
}

func TestDefaultProbeInterval(t *testing.T) {
	tests := []struct{ maxLag, want time.Duration }{
		{time.Hour, time.Second},
		{4 * time.Second, time.Second},
		{2 * time.Second, 500 * time.Millisecond},
		{100 * time.Millisecond, 25 * time.Millisecond},
		{30 * time.Millisecond, 10 * time.Millisecond},
		{20 * time.Millisecond, 10 * time.Millisecond},
	}
	for _, test := range tests {
		c := Config{MaxLag: test.maxLag}
		if err := c.complete(); err != nil {
			t.Errorf("maximum lag %s: %v", test.maxLag, err)
		}
		if c.ProbeInterval != test.want {
			t.Errorf("maximum lag %s: probed every %s, want %s", test.maxLag, c.ProbeInterval, test.want)
		}
	}
}

func TestBadParameters(t *testing.T) {
	isolate(t)
	tests := []struct {
		name          string
		option, value string
		want          []string
	}{
		{"unknown", "maxlag", "2s", []string{"unknown parameter rwsplit_maxlag", "rwsplit_max_lag", "rwsplit_weights"}},
		{"unknown, no name", "", "2s", []string{"unknown parameter rwsplit_;", "rwsplit_max_lag"}},
		{"unknown, in capitals", "MAX_LAG", "2s", []string{"unknown parameter rwsplit_MAX_LAG"}},
		{"unknown, with a hyphen", "max-lag", "2s", []string{"unknown parameter rwsplit_max-lag"}},

		{"no unit", "max_lag", "2", []string{"rwsplit_max_lag", "duration", `"2s"`}},
		{"a word", "max_lag", "fast", []string{"rwsplit_max_lag", "duration"}},
		{"empty", "max_lag", "", []string{"rwsplit_max_lag", "duration"}},
		{"zero lag", "max_lag", "0s", []string{"rwsplit_max_lag", "not positive"}},
		{"negative lag", "max_lag", "-1s", []string{"rwsplit_max_lag", "not positive"}},
		{"too long", "max_lag", "9999999h", []string{"rwsplit_max_lag", "duration"}},
		{"too short for the probes", "max_lag", "19ms", []string{"rwsplit_probe_interval", "half of max_lag"}},
		{"negative budget", "wait_budget", "-1ms", []string{"rwsplit_wait_budget", "negative"}},
		{"budget without a unit", "wait_budget", "25", []string{"rwsplit_wait_budget", "duration"}},
		{"zero probe interval", "probe_interval", "0s", []string{"rwsplit_probe_interval", "not positive"}},
		{"tiny probe interval", "probe_interval", "1ms", []string{"rwsplit_probe_interval", "10ms"}},
		{"large probe interval", "probe_interval", "5001ms", []string{"rwsplit_probe_interval", "half of max_lag"}},
		{"zero probe timeout", "probe_timeout", "0", []string{"rwsplit_probe_timeout", "not positive"}},
		{"zero primary wait", "primary_wait", "0", []string{"rwsplit_primary_wait", "not positive"}},
		{"zero lifetime", "conn_max_lifetime", "0h", []string{"rwsplit_conn_max_lifetime", "not positive"}},
		{"negative idle time", "conn_max_idle_time", "-1m", []string{"rwsplit_conn_max_idle_time", "not positive"}},
		{"zero catalog interval", "catalog_interval", "0", []string{"rwsplit_catalog_interval", "not positive"}},

		{"zero limit", "fallback_limit", "0", []string{"rwsplit_fallback_limit", "positive number or unlimited"}},
		{"negative limit", "fallback_limit", "-1", []string{"rwsplit_fallback_limit", "positive number or unlimited"}},
		{"no number", "fallback_limit", "many", []string{"rwsplit_fallback_limit", "positive number or unlimited"}},
		{"zero connections", "max_conns", "0", []string{"rwsplit_max_conns", "positive number"}},
		{"negative connections", "max_conns", "-4", []string{"rwsplit_max_conns", "positive number"}},
		{"a fraction", "max_conns", "1.5", []string{"rwsplit_max_conns", "positive number"}},
		{"too many connections", "max_conns", "2147483648", []string{"rwsplit_max_conns", "2147483647"}},
		{"more than an int", "max_conns", "9223372036854775808", []string{"rwsplit_max_conns", "positive number"}},
		{"no cache", "statement_cache", "0", []string{"rwsplit_statement_cache", "positive number"}},
		{"a cache beyond all memory", "statement_cache", "9223372036854775807", []string{"rwsplit_statement_cache", "1048576"}},

		{"consistency", "consistency", "snapshot", []string{"rwsplit_consistency", "strong", "bounded_staleness"}},
		{"consistency, empty", "consistency", "", []string{"rwsplit_consistency"}},
		{"the default's name", "consistency", "default", []string{"rwsplit_consistency"}},
		{"consistency in capitals", "consistency", "Strong", []string{"rwsplit_consistency"}},
		{"no bound", "consistency", "bounded_staleness", []string{"rwsplit_consistency", "positive duration"}},
		{"an empty bound", "consistency", "bounded_staleness:", []string{"rwsplit_consistency", "positive duration"}},
		{"a bound of nothing", "consistency", "bounded_staleness:0s", []string{"rwsplit_consistency", "positive duration"}},
		{"a negative bound", "consistency", "bounded_staleness:-1s", []string{"rwsplit_consistency", "positive duration"}},
		{"balance", "balance", "roundrobin", []string{"rwsplit_balance", "round_robin"}},
		{"pooler", "pooler", "statement", []string{"rwsplit_pooler", "transaction"}},
		{"overflow", "fallback_overflow", "drop", []string{"rwsplit_fallback_overflow", "stale"}},

		{"weights without a weight", "weights", "db1:5432", []string{"rwsplit_weights", "member=weight"}},
		{"weights without a member", "weights", "=3", []string{"rwsplit_weights", "member=weight"}},
		{"weights, empty", "weights", "", []string{"rwsplit_weights", "member=weight"}},
		{"weights, a comma too many", "weights", "db1:5432=1,", []string{"rwsplit_weights", "member=weight"}},
		{"a weight that is no number", "weights", "db1:5432=1,db2:5432=x", []string{"rwsplit_weights", "number 2"}},
		{"a negative weight", "weights", "db1:5432=-1", []string{"rwsplit_weights", "number 1"}},
		{"a huge weight", "weights", "db1:5432=2147483648", []string{"rwsplit_weights", "2147483647"}},
		{"a weight twice", "weights", "db1:5432=1,db2:5432=1,db1:5432=2", []string{"rwsplit_weights", "number 3", "twice"}},
		{"a weight for nobody", "weights", "db9:5432=1", []string{"weights", "db1:5432"}},

		{"an empty key", "session_key", "", []string{"rwsplit_session_key", "empty"}},
		{"no replica", "replicas", "", []string{"replicas", "number 1"}},
		{"a comma too many", "replicas", "db2,", []string{"replicas", "number 2"}},
		{"a replica that is the primary", "replicas", "db1", []string{"db1:5432 is named twice"}},
		{"a replica's port", "replicas", "db2:x", []string{"replicas", "number 1", "65535"}},
	}
	for _, test := range tests {
		for _, f := range forms {
			t.Run(test.name+"/"+f.name, func(t *testing.T) {
				_, err := newConnector(Config{DSN: f.dsn(test.option, test.value)})
				checkLine(t, err, test.want...)
			})
		}
	}
}

func TestParameterTwice(t *testing.T) {
	for _, dsn := range []string{
		"postgres://db1?rwsplit_max_lag=2s&rwsplit_max_lag=2s",
		"postgres://db1?rwsplit_max_lag=2s&a=b&rwsplit_max%5Flag=3s",
		"host=db1 rwsplit_max_lag=2s rwsplit_max_lag=3s",
	} {
		_, err := newConnector(Config{DSN: dsn})
		checkLine(t, err, "rwsplit_max_lag is given twice")
	}
}

func TestBadEscapeOfAValue(t *testing.T) {
	_, err := newConnector(Config{DSN: "postgres://db1?rwsplit_session_key=100%"})
	checkLine(t, err, "rwsplit_session_key", "%25")
}

func TestBadFields(t *testing.T) {
	isolate(t)
	tests := []struct {
		name string
		c    Config
		want []string
	}{
		{"Driver", Config{Driver: "postgres"}, []string{"Config.Driver", "rwsplit-pgx"}},
		{"Driver, a wrapped one", Config{Driver: "pgx"}, []string{"Config.Driver", "rwsplit-pgx"}},
		{"MaxLag", Config{MaxLag: -1}, []string{"rwsplit_max_lag", "negative"}},
		{"MaxLag, tiny", Config{MaxLag: 1}, []string{"rwsplit_probe_interval", "half of max_lag"}},
		{"WaitBudget", Config{WaitBudget: -time.Second}, []string{"rwsplit_wait_budget", "negative"}},
		{"FallbackLimit", Config{FallbackLimit: -1}, []string{"rwsplit_fallback_limit", "negative"}},
		{"ProbeInterval", Config{ProbeInterval: -1}, []string{"rwsplit_probe_interval", "negative"}},
		{"ProbeInterval, tiny", Config{ProbeInterval: 1}, []string{"rwsplit_probe_interval", "10ms"}},
		{"ProbeInterval, large", Config{ProbeInterval: 2 * time.Second, MaxLag: 3 * time.Second}, []string{"rwsplit_probe_interval", "half of max_lag"}},
		{"ProbeTimeout", Config{ProbeTimeout: -1}, []string{"rwsplit_probe_timeout", "negative"}},
		{"PrimaryWait", Config{PrimaryWait: -1}, []string{"rwsplit_primary_wait", "negative"}},
		{"MaxConns", Config{MaxConns: -1}, []string{"rwsplit_max_conns", "negative"}},
		{"MaxConns, too many", Config{MaxConns: math.MaxInt32 + 1}, []string{"rwsplit_max_conns", "2147483647"}},
		{"ConnMaxLifetime", Config{ConnMaxLifetime: -1}, []string{"rwsplit_conn_max_lifetime", "negative"}},
		{"ConnMaxIdleTime", Config{ConnMaxIdleTime: -1}, []string{"rwsplit_conn_max_idle_time", "negative"}},
		{"CatalogInterval", Config{CatalogInterval: -1}, []string{"rwsplit_catalog_interval", "negative"}},
		{"StatementCache", Config{StatementCache: -1}, []string{"rwsplit_statement_cache", "negative"}},
		{"StatementCache, beyond all memory", Config{StatementCache: math.MaxInt}, []string{"rwsplit_statement_cache", "1048576"}},
		{"Consistency", Config{Consistency: -7}, []string{"rwsplit_consistency", "strong"}},
		{"Pooler", Config{Pooler: 9}, []string{"rwsplit_pooler", "transaction"}},
		{"Pooler of MySQL", Config{Driver: MySQL, Pooler: PoolerSession}, []string{"rwsplit_pooler", "PostgreSQL only"}},
		{"FallbackOverflow", Config{FallbackOverflow: 9}, []string{"rwsplit_fallback_overflow", "stale"}},
		{"Balance", Config{Balance: 99}, []string{"rwsplit_balance", "round_robin"}},
		{"Weights, negative", Config{Weights: map[string]int{"db1:5432": -1}}, []string{"rwsplit_weights", "2147483647"}},
		{"Weights, huge", Config{Weights: map[string]int{"db1:5432": math.MaxInt}}, []string{"rwsplit_weights", "2147483647"}},
		{"Weights, nobody's", Config{Weights: map[string]int{"db2:5432": 1}}, []string{"weights", "db1:5432"}},
		{"Replicas, the primary", Config{Replicas: []string{"db1:5432"}}, []string{"db1:5432 is named twice"}},
		{"Replicas, empty", Config{Replicas: []string{""}}, []string{"replicas", "number 1"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			test.c.DSN = "postgres://app@db1/shop"
			if test.c.Driver == MySQL {
				test.c.DSN = "app@tcp(db1)/shop"
			}
			db, err := Open(test.c)
			if db != nil {
				t.Error("a database with an error")
			}
			checkLine(t, err, test.want...)
		})
	}
}

// Limits that are still good.
func TestGoodFields(t *testing.T) {
	isolate(t)
	tests := []struct {
		name string
		c    Config
	}{
		{"half of the lag", Config{ProbeInterval: 1500 * time.Millisecond, MaxLag: 3 * time.Second}},
		{"the shortest lag", Config{MaxLag: 20 * time.Millisecond}},
		{"most connections", Config{MaxConns: math.MaxInt32}},
		{"largest cache", Config{StatementCache: 1 << 20}},
		{"no limit", Config{FallbackLimit: Unlimited}},
		{"a high limit", Config{FallbackLimit: math.MaxInt - 1}},
		{"no wait", Config{WaitBudget: NoWait}},
		{"no staleness", Config{Consistency: BoundedStaleness(0)}},
		{"any staleness", Config{Consistency: BoundedStaleness(math.MaxInt64)}},
		{"weights", Config{Weights: map[string]int{"db1:5432": math.MaxInt32, "db2:5432": 0}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			test.c.DSN = "postgres://app@db1,db2/shop"
			db, err := Open(test.c)
			if err != nil {
				t.Fatal(err)
			}
			if err := db.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// What the caller does to his maps and slices later is none of our business, and
// neither is what we do to ours.
func TestConfigIsCopied(t *testing.T) {
	isolate(t)
	weights, replicas := map[string]int{"db1:5432": 2}, []string{"db2"}
	db, err := Open(Config{DSN: "postgres://app@db1/shop?rwsplit_weights=db2:5432=3&rwsplit_replicas=db2,db3", Weights: weights, Replicas: replicas})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if len(weights) != 1 || weights["db1:5432"] != 2 || replicas[0] != "db2" {
		t.Errorf("the caller's are now %v and %v", weights, replicas)
	}
}
