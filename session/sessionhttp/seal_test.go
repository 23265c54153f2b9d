package sessionhttp

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"
)

// testKey returns a key made of one byte.
func testKey(b byte) []byte { return bytes.Repeat([]byte{b}, minKey) }

func newCarrier(t testing.TB, o Options) *Carrier {
	t.Helper()
	if o.Keys == nil {
		o.Keys = [][]byte{testKey(1)}
	}
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

const testToken = "rws1!shop*postgres:7:1:0/64"

func TestSealOpens(t *testing.T) {
	c := newCarrier(t, Options{})
	now := time.Now()
	for _, token := range []string{"", testToken, strings.Repeat("x", 2000), "\x00\xff,;\""} {
		value := c.seal(token, now)
		if len(value) != sealedLen(len(token)) {
			t.Errorf("%d bytes sealed are %d, want %d", len(token), len(value), sealedLen(len(token)))
		}
		got, issued, what := c.open(value, now)
		if got != token || what != accepted || !issued.Equal(now.Truncate(time.Second)) {
			t.Errorf("open = %q, %v, %v", got, issued, what)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	c := newCarrier(t, Options{})
	now := time.Now()
	value := c.seal(testToken, now)
	other := newCarrier(t, Options{Keys: [][]byte{testKey(2)}})
	tests := []struct {
		name  string
		value string
		want  outcome
	}{
		{"not base64", "*" + value[1:], malformed},
		{"base64 with padding", value + "=", malformed},
		{"the other base64", strings.Repeat("+/", 50), malformed},
		{"too short", value[:50], malformed},
		{"another version", encoding.EncodeToString(append([]byte{2}, make([]byte, 100)...)), malformed},
		{"plain token", testToken, malformed},
		{"another key", other.seal(testToken, now), forged},
		{"cut", value[:len(value)-4], forged},
		{"longer", value + "AAAA", forged},
		{"no signature", encoding.EncodeToString(append([]byte{1}, make([]byte, 100)...)), forged},
		{"too long", strings.Repeat("A", defaultMax+1), oversized},
		{"far too long", strings.Repeat("A", 1<<20), oversized},
	}
	for _, test := range tests {
		if token, _, what := c.open(test.value, now); what != test.want || token != "" {
			t.Errorf("%s: open = %q, %v, want %v", test.name, token, what, test.want)
		}
	}
	// Each bit counts: version, time, signature, token.
	raw, _ := encoding.DecodeString(value)
	for i := range raw {
		for bit := range 8 {
			changed := bytes.Clone(raw)
			changed[i] ^= 1 << bit
			if _, _, what := c.open(encoding.EncodeToString(changed), now); what == accepted {
				t.Errorf("byte %d, bit %d may be changed", i, bit)
			}
		}
	}
}

func TestOpenExpires(t *testing.T) {
	c := newCarrier(t, Options{MaxAge: time.Minute})
	now := time.Unix(1_800_000_000, 0)
	value := c.seal(testToken, now)
	for _, test := range []struct {
		age  time.Duration
		want outcome
	}{
		{0, accepted}, {time.Minute, accepted}, {time.Minute + time.Second, expired}, {1000 * time.Hour, expired},
		{-time.Hour, accepted}, // another server's clock
	} {
		if _, _, what := c.open(value, now.Add(test.age)); what != test.want {
			t.Errorf("at the age of %v: %v, want %v", test.age, what, test.want)
		}
	}
}

func TestKeyRotation(t *testing.T) {
	now := time.Now()
	before := newCarrier(t, Options{Keys: [][]byte{testKey(1)}})
	during := newCarrier(t, Options{Keys: [][]byte{testKey(2), testKey(1)}})
	after := newCarrier(t, Options{Keys: [][]byte{testKey(2)}})
	for _, test := range []struct {
		name     string
		from, to *Carrier
		want     outcome
	}{
		{"old to both", before, during, accepted},
		{"both to new", during, after, accepted},
		{"both to both", during, during, accepted},
		{"old to new", before, after, forged},
		{"both to old", during, before, forged},
	} {
		if _, _, what := test.to.open(test.from.seal(testToken, now), now); what != test.want {
			t.Errorf("%s: %v, want %v", test.name, what, test.want)
		}
	}
}

func TestNewKeepsItsKeys(t *testing.T) {
	key := testKey(1)
	c := newCarrier(t, Options{Keys: [][]byte{key}})
	value := c.seal(testToken, time.Now())
	clear(key)
	if _, _, what := c.open(value, time.Now()); what != accepted {
		t.Errorf("the caller's slice is the carrier's key: %v", what)
	}
}

func FuzzOpen(f *testing.F) {
	c := newCarrier(f, Options{Keys: [][]byte{testKey(1), testKey(2)}})
	now := time.Unix(1_800_000_000, 0)
	genuine := c.seal(testToken, now)
	for _, seed := range []string{"", genuine, genuine[:60], genuine + "AAAA", testToken, c.seal("", now), c.seal(testToken, now.Add(-2*time.Hour))} {
		f.Add(seed)
	}
	sealed := map[string]bool{genuine: true, c.seal("", now): true}
	f.Fuzz(func(t *testing.T, value string) {
		token, _, what := c.open(value, now)
		switch {
		case what < 0 || what >= outcomes:
			t.Fatalf("outcome %d", what)
		case what != accepted && token != "":
			t.Fatalf("%q is refused and returned as %q", value, token)
		case what == accepted && !sealed[stripLines(value)]:
			t.Fatalf("%q is accepted as %q", value, token)
		}
	})
}

// stripLines takes out what encoding/base64 ignores.
func stripLines(value string) string { return strings.NewReplacer("\r", "", "\n", "").Replace(value) }

func TestNewRefuses(t *testing.T) {
	keys := [][]byte{testKey(1)}
	const secret = "hunter2hunter2"
	for _, test := range []struct {
		name string
		o    Options
		says string
	}{
		{"no key", Options{}, "Keys is empty"},
		{"a short key", Options{Keys: [][]byte{testKey(1), []byte(secret)}}, "Keys[1] has 14 bytes"},
		{"a nil key", Options{Keys: [][]byte{nil}}, "Keys[0] has 0 bytes"},
		{"negative age", Options{Keys: keys, MaxAge: -1}, "MaxAge"},
		{"an age of milliseconds", Options{Keys: keys, MaxAge: time.Millisecond}, "MaxAge"},
		{"negative size", Options{Keys: keys, MaxBytes: -1}, "MaxBytes"},
		{"no room", Options{Keys: keys, MaxBytes: 100}, "MaxBytes"},
		{"more than a cookie holds", Options{Keys: keys, MaxBytes: 4096}, "MaxBytes"},
		{"more than a header should", Options{Keys: keys, Header: "X-S", MaxBytes: 1 << 20}, "MaxBytes"},
		{"bad name", Options{Keys: keys, Cookie: "a b"}, "cookie"},
		{"bad path", Options{Keys: keys, Path: "/;"}, "cookie"},
		{"bad domain", Options{Keys: keys, Domain: "exa mple"}, "cookie"},
		{"bad header", Options{Keys: keys, Header: "a b"}, "Header"},
		{"a header with a line", Options{Keys: keys, Header: "a\r\nb"}, "Header"},
		{"both", Options{Keys: keys, Header: "X-S", Cookie: "s"}, "both"},
		{"header and path", Options{Keys: keys, Header: "X-S", Path: "/"}, "both"},
		{"SameSite=None in plain", Options{Keys: keys, SameSite: 4, Insecure: true}, "SameSite"},
		{"__Host- in plain", Options{Keys: keys, Cookie: "__Host-s", Insecure: true}, "Insecure"},
		{"__Host- with a domain", Options{Keys: keys, Cookie: "__Host-s", Domain: "example.com"}, "Domain"},
	} {
		c, err := New(test.o)
		if err == nil || c != nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: New = %v, %v, want an error with %q", test.name, c, err, test.says)
		}
		if err != nil && (strings.Contains(err.Error(), secret) || strings.Contains(err.Error(), fmt.Sprint([]byte(secret)))) {
			t.Errorf("%s: the error prints the key: %v", test.name, err)
		}
	}
	for _, o := range []Options{
		{Keys: keys}, {Keys: keys, Header: "x-session"}, {Keys: keys, Cookie: "__Host-s"}, {Keys: keys, Header: "X-S", MaxBytes: 16 << 10},
	} {
		if _, err := New(o); err != nil {
			t.Error(err)
		}
	}
}

func BenchmarkSeal(b *testing.B) {
	c := newCarrier(b, Options{})
	now := time.Now()
	value := c.seal(testToken, now)
	b.Run("seal", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			c.seal(testToken, now)
		}
	})
	b.Run("open", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			c.open(value, now)
		}
	})
}
