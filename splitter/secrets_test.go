package splitter

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// piece is how much of a secret nobody may see.
const piece = 4

// shows returns a piece of the secret that text shows, or "".
func shows(text, secret string) string {
	for i := range len(secret) - piece + 1 {
		if strings.Contains(text, secret[i:i+piece]) {
			return secret[i : i+piece]
		}
	}
	return ""
}

func checkTexts(t *testing.T, secret string, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if p := shows(text, secret); p != "" {
			t.Errorf("shows %q of the password: %s", p, text)
		}
	}
}

func checkErrorKeeps(t *testing.T, secret string, err error) {
	t.Helper()
	checkTexts(t, secret, unwrapped(err)...)
	var parse *pgconn.ParseConfigError
	if errors.As(err, &parse) {
		t.Errorf("the error wraps pgx's, which holds the DSN: %v", err)
	}
}

// refusedPort returns the address of a port that nobody listens on.
func refusedPort(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// checkKeeps opens the DSN in each way, and uses what can be opened: neither the
// errors nor the statistics may show the secret.
func checkKeeps(t *testing.T, dsn, secret string) {
	t.Helper()
	checkDriverKeeps(t, PGX, "postgres://app@db1/shop", dsn, secret)
}

// checkDriverKeeps does so with a driver, for which good is a DSN.
func checkDriverKeeps(t *testing.T, driver, good, dsn, secret string) {
	t.Helper()
	db, err := sql.Open(driver, dsn)
	checkErrorKeeps(t, secret, err)
	_, err = Open(Config{Driver: driver, DSN: dsn})
	checkErrorKeeps(t, secret, err)
	_, err = registered{driver}.OpenConnector(dsn)
	checkErrorKeeps(t, secret, err)
	_, err = Open(Config{DSN: good, Driver: dsn})
	checkErrorKeeps(t, secret, err)
	_, err = Open(Config{Driver: driver, DSN: good, Replicas: []string{dsn}})
	checkErrorKeeps(t, secret, err)
	_, err = Open(Config{Driver: driver, DSN: good, Weights: map[string]int{dsn: 1}})
	checkErrorKeeps(t, secret, err)
	if db == nil {
		return
	}
	defer db.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	err = db.PingContext(ctx)
	if !errors.Is(err, ErrNoPrimary) {
		t.Errorf("error %v, want ErrNoPrimary", err)
	}
	checkErrorKeeps(t, secret, err)
	_, err = db.ExecContext(ctx, "INSERT INTO t VALUES (1)")
	checkErrorKeeps(t, secret, err)
	cluster, err := ClusterOf(db)
	if err != nil {
		t.Fatal(err)
	}
	checkErrorKeeps(t, secret, cluster.Ping(ctx))
	stats, err := json.Marshal(cluster.Stats())
	if err != nil {
		t.Fatal(err)
	}
	checkTexts(t, secret, string(stats), fmt.Sprintf("%+v", cluster.Stats()))
}

// secrets in which no four bytes occur in a text of ours.
const (
	secretA = "Zq7xKv9W"
	secretB = "hJ2y"
)

func TestPasswordsAreNotShown(t *testing.T) {
	tests := []struct{ name, dsn string }{
		// In its place.
		{"url, user and password", "postgres://app:SECRET@ADDRESS/shop?sslmode=disable"},
		{"url, no user", "postgres://:SECRET@ADDRESS/shop?sslmode=disable"},
		{"url, parameter", "postgres://ADDRESS/shop?user=app&password=SECRET&sslmode=disable"},
		{"url, parameter with an escaped name", "postgres://ADDRESS/shop?user=app&pass%77ord=SECRET&sslmode=disable"},
		{"url, key's passphrase", "postgres://app@ADDRESS/shop?sslpassword=SECRET&sslmode=disable"},
		{"url, escaped", "postgres://app:%5a%71%37%78%4b%76%39%57@ADDRESS/shop?sslmode=disable"},
		{"url, and an unknown parameter", "postgres://app:SECRET@ADDRESS/shop?rwsplit_x=1"},
		{"url, and a bad value", "postgres://app:SECRET@ADDRESS/shop?rwsplit_max_lag=1"},
		{"url, and no host", "postgres://app:SECRET@/shop"},
		{"url, and a member twice", "postgres://app:SECRET@db1,db1/shop"},
		{"url, and a bad port", "postgres://app:SECRET@ADDRESSx/shop"},
		{"url, and a bad escape", "postgres://app:SECRET@ADDRESS/shop%"},
		{"url, and no =", "postgres://app:SECRET@ADDRESS/shop?sslmode"},
		{"url, and two =", "postgres://app:SECRET@ADDRESS/shop?a=b=c"},
		{"url, and a bad sslmode", "postgres://app:SECRET@ADDRESS/shop?sslmode=x"},
		{"url, and no root file", "postgres://app:SECRET@ADDRESS/shop?sslrootcert=/none"},
		{"url, and a bad bracket", "postgres://app:SECRET@[::1/shop"},
		{"keywords", "host=HOST port=PORT user=app password=SECRET dbname=shop sslmode=disable"},
		{"keywords, quoted", "host=HOST port=PORT user=app password='SECRET' dbname=shop sslmode=disable"},
		{"keywords, blanks around =", "host=HOST port=PORT user=app password = SECRET dbname=shop sslmode=disable"},
		{"keywords, last", "host=HOST port=PORT user=app sslmode=disable password=SECRET"},
		{"keywords, passphrase", "host=HOST port=PORT user=app sslmode=disable sslpassword=SECRET"},
		{"keywords, twice", "host=HOST port=PORT user=app sslmode=disable password=SECRET password=SECRET"},
		{"keywords, and no host", "user=app password=SECRET"},
		{"keywords, and a bad port", "host=HOST port=x user=app password=SECRET"},
		{"keywords, and an unknown parameter", "host=HOST port=x user=app password=SECRET rwsplit_x=1"},
		{"keywords, and a bad sslmode", "host=HOST port=PORT user=app password=SECRET sslmode=x"},

		// Quotes and escapes that are not right.
		{"no closing quote", "host=HOST user=app password='SECRET dbname=shop"},
		{"no opening quote", "host=HOST user=app password=SECRET' dbname shop"},
		{"an escaped closing quote", `host=HOST user=app password='SECRET\' dbname=shop`},
		{"a quote of another kind", `host=HOST user=app password="my SECRET" dbname=shop`},
		{"a quote that is not closed before", "host='HOST user=app password=SECRET dbname=shop"},
		{"a quote that is closed later", "host='HOST user=app password=SECRET' dbname=shop"},
		{"the same for a file", "host=HOST sslrootcert='/none user=app password=SECRET' dbname=shop"},
		{"the same for a key", "host=HOST sslcert=/none sslkey='/none password=SECRET' dbname=shop"},
		{"the same for a service", "host=HOST service='shop password=SECRET' dbname=shop"},
		{"the same for a service file", "host=HOST service=shop servicefile='/none password=SECRET' dbname=shop"},
		{"the same for a mode", "host=HOST sslmode='disable password=SECRET' dbname=shop"},
		{"the same for one of ours", "host=HOST rwsplit_consistency='strong password=SECRET' dbname=shop"},
		{"two words", "host=HOST user=app password=my SECRET dbname=shop"},
		{"a comma for a blank", "host=HOST,user=app,password=SECRET"},
		{"a semicolon for a blank", "Host=HOST;Username=app;Password=SECRET"},
		{"colons for =", "host:HOST user:app password:SECRET"},

		// In a wrong place.
		{"as the port", "postgres://HOST:SECRET/shop"},
		{"as the port, by keyword", "host=HOST port=SECRET"},
		{"as a second port", "postgres://app@HOST:5432,db2:SECRET/shop"},
		{"user, password and host for each member", "postgres://app:SECRET@db1,app:SECRET@db2/shop"},
		{"user and password after the host", "postgres://db1@app:SECRET/shop"},
		{"in host=", "host=app:SECRET@db1 dbname=shop"},
		{"in host=, no @", "host=app:SECRET dbname=shop"},
		{"in host=, a URL", "host=postgres://app:SECRET@db1/shop user=app"},
		{"in a second host", "host=db1,app:SECRET@db2 dbname=shop"},
		{"in a bracket", "postgres://[app:SECRET]/shop"},
		{"in a bracket with @", "postgres://[app:SECRET@db1]/shop"},
		{"in the query's host", "postgres:///shop?host=app:SECRET@db1"},
		{"in a replica", "postgres://app@db1/shop?rwsplit_replicas=app:SECRET@db2"},
		{"in a replica with a port", "postgres://app@db1/shop?rwsplit_replicas=db3,app:SECRET@db2:5432"},
		{"in a replica, no host", "postgres://app@db1/shop?rwsplit_replicas=app:SECRET:5432"},
		{"in a replica's bracket", "postgres://app@db1/shop?rwsplit_replicas=[app:SECRET]:5432"},
		{"as a replica's port", "postgres://app@db1/shop?rwsplit_replicas=db2:SECRET"},
		{"a replica that is a URL", "host=db1 rwsplit_replicas=postgres://app:SECRET@db2/shop"},
		{"a replica that is a DSN", "host=db1 rwsplit_replicas='host=db2 password=SECRET'"},
		{"in the weights", "postgres://app@db1/shop?rwsplit_weights=app:SECRET@db1:5432=1"},
		{"in the weights, no number", "postgres://app@db1/shop?rwsplit_weights=app:SECRET@db1:5432=x"},
		{"in the weights, twice", "postgres://app@db1/shop?rwsplit_weights=SECRET=1,SECRET=1"},
		{"in our parameter's name", "postgres://app@db1/shop?rwsplit_replicas:SECRET@db2=1"},
		{"in our parameter's name, no value", "postgres://app@db1/shop?rwsplit_app:SECRET@db2"},
		{"in our parameter's name, by keyword", "host=db1 rwsplit_app:SECRET=1"},
		{"as a consistency", "postgres://app@db1/shop?rwsplit_consistency=SECRET"},
		{"as a bound", "postgres://app@db1/shop?rwsplit_consistency=bounded_staleness:SECRET"},
		{"as a policy", "postgres://app@db1/shop?rwsplit_balance=SECRET"},
		{"as an overflow", "postgres://app@db1/shop?rwsplit_fallback_overflow=SECRET"},
		{"as a duration", "postgres://app@db1/shop?rwsplit_max_lag=SECRET"},
		{"as a budget", "postgres://app@db1/shop?rwsplit_wait_budget=SECRET"},
		{"as a limit", "postgres://app@db1/shop?rwsplit_fallback_limit=SECRET"},
		{"as a count", "postgres://app@db1/shop?rwsplit_max_conns=SECRET"},
		{"as a bad escape of ours", "postgres://app@db1/shop?rwsplit_session_key=SECRET%"},
		{"as a timeout", "postgres://app@db1/shop?connect_timeout=SECRET"},
		{"as a mode", "postgres://app@db1/shop?sslmode=SECRET"},
		{"as a certificate mode", "postgres://app@db1/shop?sslcertmode=SECRET"},
		{"as a root", "postgres://app@db1/shop?sslrootcert=SECRET"},
		{"as a certificate", "postgres://app@db1/shop?sslcert=SECRET&sslkey=SECRET"},
		{"as a key", "postgres://app@db1/shop?sslcert=/none&sslkey=SECRET"},
		{"as a service", "postgres://app@db1/shop?service=SECRET"},
		{"as a service file", "postgres://app@db1/shop?service=a&servicefile=SECRET"},
		{"as a role", "postgres://app@db1/shop?target_session_attrs=SECRET"},
		{"as a binding", "postgres://app@db1/shop?channel_binding=SECRET"},
		{"as a method", "postgres://app@db1/shop?require_auth=SECRET"},
		{"as a version", "postgres://app@db1/shop?min_protocol_version=SECRET"},
		{"as a later version", "postgres://app@db1/shop?max_protocol_version=SECRET"},
		{"as an exec mode", "postgres://app@db1/shop?default_query_exec_mode=SECRET"},
		{"as a cache", "postgres://app@db1/shop?statement_cache_capacity=SECRET"},
		{"as another cache", "postgres://app@db1/shop?description_cache_capacity=SECRET"},
		{"as a parameter without a value", "postgres://app@db1/shop?SECRET"},
		{"as a parameter with two =", "postgres://app@db1/shop?SECRET=a=b"},
		{"as a bad escape", "postgres://app@db1/shop?a=SECRET%"},
		{"as a bad escape in a name", "postgres://app@db1/shop?SECRET%=a"},

		// What looks like a step of pgx's error.
		{"a step in the DSN", "postgres://db1/`: failed to configure TLS?SECRET%zz=1"},
		{"a step before a password", "postgres://app:`: failed to read service (SECRET%@db1"},

		// Other forms of DSN.
		{"another scheme", "postgress://app:SECRET@HOST/shop"},
		{"another scheme with a parameter", "mysql://app:SECRET@HOST/shop?charset=utf8"},
		{"capitals", "POSTGRES://app:SECRET@HOST/shop?sslmode=disable"},
		{"a blank before", " postgres://app:SECRET@HOST/shop?sslmode=disable"},
		{"a quote around", "'postgres://app:SECRET@HOST/shop?sslmode=disable'"},
		{"one slash", "postgres:/app:SECRET@HOST/shop"},
		{"one slash and a parameter", "postgres:/app:SECRET@HOST/shop?a=b"},
		{"no slash", "postgres:app:SECRET@HOST/shop"},
		{"no scheme", "app:SECRET@HOST/shop"},
		{"JDBC", "jdbc:postgresql://HOST/shop?user=app&password=SECRET"},
		{"MySQL", "app:SECRET@tcp(HOST:3306)/shop?rwsplit_replicas=db2:3306"},
		{"JSON", `{"host": "HOST", "password": "SECRET"}`},
		{"NUL", "postgres://app:SECRET\x00@HOST/shop"},
		{"NUL by keyword", "host=HOST password=SECRET\x00"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			isolate(t)
			address := refusedPort(t)
			host, port, _ := strings.Cut(address, ":")
			dsn := strings.NewReplacer("SECRET", secretA, "ADDRESS", address, "HOST", host, "PORT", port).Replace(test.dsn)
			checkKeeps(t, dsn, secretA)
		})
	}
}

// Characters that mean something in a DSN, without an escape: at each end and in
// the middle, and two of them.
func TestPasswordsWithSpecialCharactersAreNotShown(t *testing.T) {
	isolate(t)
	address := refusedPort(t)
	host, port, _ := strings.Cut(address, ":")
	specials := []string{"@", ":", "/", "?", "#", "%", "&", " ", "'", `\`, `"`, "=", ",", ";", "[", "]", "(", "|", "`", "$", "+", "%2", "%zz", "%00", "\t", "\n", "\x00", "\xff", "é", "//", "@/", "rwsplit_"}
	var single, double []string
	for _, s := range specials {
		single = append(single, s+secretA, secretA[:4]+s+secretA[4:], secretA+s, "2024"+s+secretA)
		for _, other := range specials {
			double = append(double, secretA[:4]+s+secretA[4:]+other+secretB)
		}
	}
	forms := []string{
		"postgres://app:SECRET@ADDRESS/shop?sslmode=disable",
		"postgres://ADDRESS/shop?sslmode=disable&user=app&password=SECRET",
		"postgres://ADDRESS/shop?sslmode=disable&sslpassword=SECRET&user=app",
		"host=HOST port=PORT user=app password=SECRET dbname=shop sslmode=disable",
		"host=HOST port=PORT user=app dbname=shop sslmode=disable password='SECRET'",
		"host=HOST port=PORT user=app dbname=shop sslmode=disable sslpassword='SECRET' rwsplit_max_lag=2s",
	}
	for i, form := range forms {
		opened, secrets := 0, single
		if i == 0 || i == 3 { // the user and password of a URL, and a value without quotes
			secrets = slices.Concat(single, double)
		}
		for _, secret := range secrets {
			dsn := strings.NewReplacer("SECRET", secret, "ADDRESS", address, "HOST", host, "PORT", port).Replace(form)
			db, err := sql.Open(PGX, dsn)
			for _, text := range unwrapped(err) {
				// A special character alone may well be in a text.
				if p := shows(text, secretA[:4]) + shows(text, secretA[4:]) + shows(text, secretB) + shows(text, "2024"); p != "" {
					t.Errorf("%q shows %q of the password: %s", dsn, p, text)
				}
			}
			if err != nil {
				continue
			}
			opened++
			if names := memberNames(t, db); len(names) != 1 || names[0] != address {
				t.Errorf("%q has the members %q", dsn, names)
			}
			if key := sessionKey(t, dsn); shows(key, secretA[:4])+shows(key, secretA[4:])+shows(key, secretB)+shows(key, "2024") != "" {
				t.Errorf("%q has the session key %q", dsn, key)
			}
			db.Close()
		}
		if opened < len(single)/2 {
			t.Errorf("%s: only %d of %d could be opened", form, opened, len(secrets))
		}
	}
}

// sessionKey returns the name of the database that a connection opens, which
// tokens show.
func sessionKey(t *testing.T, dsn string) (key string) {
	t.Helper()
	db, err := Open(Config{DSN: dsn, ConfigurePGX: func(c *pgx.ConnConfig) error {
		key = c.Database
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	db.Close()
	return key
}

// Passwords that are not in the DSN.
func TestPasswordsOfTheEnvironmentAreNotShown(t *testing.T) {
	tests := []struct {
		name, dsn string
		env       map[string]string
		files     map[string]string
	}{
		{name: "PGPASSWORD", dsn: "postgres://app@ADDRESS/shop?sslmode=disable", env: map[string]string{"PGPASSWORD": "SECRET"}},
		{name: "PGPASSWORD and a bad DSN", dsn: "postgres://app@ADDRESS/shop?sslmode=x", env: map[string]string{"PGPASSWORD": "SECRET"}},
		{name: "PGSSLPASSWORD", dsn: "postgres://app@ADDRESS/shop?sslcert=c&sslkey=k", env: map[string]string{"PGSSLPASSWORD": "SECRET"}},
		{name: "a password file", dsn: "postgres://app@ADDRESS/shop?sslmode=disable", files: map[string]string{".pgpass": "*:*:*:*:SECRET\n"}},
		{name: "a service file", dsn: "service=shop", files: map[string]string{".pg_service.conf": "[shop]\nhost=HOST\nport=PORT\nuser=app\npassword=SECRET\nsslmode=disable\n"}},
		{name: "a malformed service file", dsn: "service=shop", files: map[string]string{".pg_service.conf": "password=SECRET\n[shop]\n"}},
		{name: "a service file with our parameter", dsn: "service=shop", files: map[string]string{".pg_service.conf": "[shop]\nhost=HOST\nrwsplit_app:SECRET=1\n"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			home := isolate(t)
			address := refusedPort(t)
			host, port, _ := strings.Cut(address, ":")
			fill := strings.NewReplacer("SECRET", secretA, "ADDRESS", address, "HOST", host, "PORT", port).Replace
			for name, value := range test.env {
				t.Setenv(name, fill(value))
			}
			for name, text := range test.files {
				if err := os.WriteFile(filepath.Join(home, name), []byte(fill(text)), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			checkKeeps(t, fill(test.dsn), secretA)
		})
	}
}

// fuzzSeeds are what stands before, within and after a password.
var fuzzSeeds = [][3]string{
	{"postgres://app:", "", "@db1,db2/shop?rwsplit_max_lag=2s"},
	{"postgres://app:", "@", "@db1/shop"},
	{"postgres://app:", "/", "@db1/shop"},
	{"postgres://app:", "%", "@db1/shop"},
	{"postgres://app:", " ", "@db1/shop?rwsplit_x=1"},
	{"postgres://app:12/", "?", "=@db1/shop"},
	{"postgres://db1/shop?password=", "=", "&a"},
	{"postgres://db1/shop?sslpassword=", "&", ""},
	{"postgres://db1:", ":", "/shop"},
	{"postgres://db1/?rwsplit_replicas=app:", "", "@db2"},
	{"postgres://db1/?rwsplit_weights=app:", "=", "=x"},
	{"host=db1 password=", " ", " dbname=shop"},
	{"host=db1 password='", "'", "' dbname=shop"},
	{"host=db1 password=", "\\", ""},
	{"host='db1 password=", "", "' user=app"},
	{"service='", "", "'"},
	{"host=db1 sslrootcert=", "", ""},
	{"mysql://app:", "", "@db1/shop?a=b"},
}

// shownName is an unknown parameter, which an error does name.
var shownName = regexp.MustCompile(`(?i)rwsplit_[a-z0-9_.-]*`)

func FuzzOpenNeverShowsPassword(f *testing.F) {
	for _, s := range fuzzSeeds {
		f.Add(s[0], s[1], s[2])
	}
	isolate(f)
	f.Fuzz(func(t *testing.T, before, within, after string) {
		if strings.Contains(before+within+after, "dev") {
			t.Skip("pgx would read /dev/zero to its end")
		}
		dsn := before + secretA + within + secretB + after
		if config, err := pgx.ParseConfig(dsn); err == nil {
			hosts := []string{config.Host}
			for _, f := range config.Fallbacks {
				hosts = append(hosts, f.Host)
			}
			for _, h := range hosts {
				// It is the host, unless a character says otherwise.
				if shows(h, secretA)+shows(h, secretB) != "" && (h[0] == '/' || !strings.ContainsAny(h, "@/?#&=[]'\"\\ \t\n\r\v\f:")) {
					t.Skip("a host is shown")
				}
			}
		}
		db, err := sql.Open(PGX, dsn)
		var texts []string
		if err == nil {
			texts = memberNames(t, db)
			db.Close()
		}
		for _, text := range append(texts, unwrapped(err)...) {
			text = shownName.ReplaceAllString(text, "")
			if shows(text, secretA) != "" || shows(text, secretB) != "" {
				t.Errorf("%q shows the password: %s", dsn, text)
			}
		}
		var parse *pgconn.ParseConfigError
		if errors.As(err, &parse) {
			t.Errorf("%q: the error wraps pgx's, which holds the DSN", dsn)
		}
	})
}

// What opens has what is in it, and what does not says why in one line.
func FuzzOpen(f *testing.F) {
	for _, s := range fuzzSeeds {
		f.Add(s[0] + secretA + s[1] + s[2])
	}
	for _, s := range settings {
		for _, form := range forms {
			f.Add(form.dsn(s.option, s.value))
		}
	}
	isolate(f)
	f.Fuzz(func(t *testing.T, dsn string) {
		if strings.Contains(dsn, "dev") {
			t.Skip("pgx would read /dev/zero to its end")
		}
		var configs []*pgx.ConnConfig
		db, err := Open(Config{DSN: dsn, ConfigurePGX: func(c *pgx.ConnConfig) error {
			configs = append(configs, c)
			return nil
		}})
		if err != nil {
			checkLine(t, err)
			return
		}
		defer db.Close()
		names := memberNames(t, db)
		if len(names) == 0 || len(names) != len(configs) {
			t.Fatalf("%d members, %d configurations", len(names), len(configs))
		}
		seen := make(map[string]bool)
		for i, name := range names {
			if seen[name] {
				t.Errorf("%q has %s twice", dsn, name)
			}
			seen[name] = true
			for p := range configs[i].RuntimeParams {
				if strings.HasPrefix(p, optionPrefix) {
					t.Errorf("%q: the server would be sent %s", dsn, p)
				}
			}
		}
	})
}
