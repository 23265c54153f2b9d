package postgres

import (
	"crypto/tls"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// isolate clears what pgx reads of the environment and the home directory, and
// sets env. It returns the home directory.
func isolate(t testing.TB, env map[string]string) string {
	t.Helper()
	for _, pair := range os.Environ() {
		if name, _, _ := strings.Cut(pair, "="); strings.HasPrefix(name, "PG") {
			t.Setenv(name, "")
			// An empty PGSSLCERTMODE is one that pgx refuses.
			if err := os.Unsetenv(name); err != nil {
				t.Fatal(err)
			}
		}
	}
	home := t.TempDir()
	t.Setenv("HOME", home)
	for name, value := range env {
		t.Setenv(name, strings.ReplaceAll(value, "$HOME", home))
	}
	return home
}

func writeFile(t testing.TB, home, name, text string) {
	t.Helper()
	path := filepath.Join(home, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// capture returns the members' names and what each is connected with.
func capture(c Config) (names []string, configs []*pgx.ConnConfig, err error) {
	c.Configure = func(config *pgx.ConnConfig) error {
		configs = append(configs, config.Copy())
		return nil
	}
	e, err := New(c)
	if err != nil {
		return nil, nil, err
	}
	for _, m := range e.Members() {
		names = append(names, m.Name)
	}
	return names, configs, nil
}

// describe lists what a connection is made with, one thing a line.
func describe(c *pgx.ConnConfig) string {
	var b strings.Builder
	line := func(name string, value any) { fmt.Fprintf(&b, "%s: %v\n", name, value) }
	line("host", fmt.Sprintf("%q", c.Host))
	line("port", c.Port)
	line("user", fmt.Sprintf("%q", c.User))
	line("password", fmt.Sprintf("%q", c.Password))
	line("database", fmt.Sprintf("%q", c.Database))
	line("tls", describeTLS(c.TLSConfig))
	for i, f := range c.Fallbacks {
		line(fmt.Sprintf("fallback %d", i), fmt.Sprintf("%q %d %s", f.Host, f.Port, describeTLS(f.TLSConfig)))
	}
	for _, name := range slices.Sorted(maps.Keys(c.RuntimeParams)) {
		line("runtime "+name, fmt.Sprintf("%q", c.RuntimeParams[name]))
	}
	line("connect timeout", c.ConnectTimeout)
	line("exec mode", c.DefaultQueryExecMode)
	line("statement cache", c.StatementCacheCapacity)
	line("description cache", c.DescriptionCacheCapacity)
	line("ssl negotiation", c.SSLNegotiation)
	line("ssl certificate mode", c.SSLCertMode)
	line("protocol", c.MinProtocolVersion+" to "+c.MaxProtocolVersion)
	line("channel binding", c.ChannelBinding)
	line("require auth", c.RequireAuth)
	line("kerberos", c.KerberosSrvName+" "+c.KerberosSpn)
	return b.String()
}

func describeTLS(c *tls.Config) string {
	if c == nil {
		return "none"
	}
	return fmt.Sprintf("server %q, insecure %t, verifies itself %t, roots %t, certificates %d, protocols %v",
		c.ServerName, c.InsecureSkipVerify, c.VerifyPeerCertificate != nil, c.RootCAs != nil, len(c.Certificates), c.NextProtos)
}

// wanted is how pgx alone would connect to the one host of dsn, but for what
// this package adds.
func wanted(t testing.TB, dsn string) string {
	t.Helper()
	c, err := pgx.ParseConfig(dsn)
	if err != nil {
		t.Fatalf("pgx refuses %q: %v", dsn, err)
	}
	if c.ConnectTimeout == 0 {
		c.ConnectTimeout = defaultConnectTimeout
	}
	return describe(c)
}

// wrapsDSN reports whether pgx's own error, whose field holds the DSN, can be
// reached.
func wrapsDSN(err error) bool {
	var parse *pgconn.ParseConfigError
	return errors.As(err, &parse)
}
