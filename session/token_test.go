package session

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rwsplit/rwsplit/lag"
)

func mustToken(t *testing.T, s *Session) string {
	t.Helper()
	token, err := s.Token(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func TestTokenOfNothing(t *testing.T) {
	s := New()
	if got := mustToken(t, s); got != "rws1" {
		t.Errorf("Token = %q", got)
	}
	w := &witness{}
	s.Record("shop", w).Need(w)
	if got := mustToken(t, s); got != "rws1" || w.awaits.Load() != 0 {
		t.Errorf("Token = %q after %d waits", got, w.awaits.Load())
	}
	if got, err := s.ShortToken(); err != nil || got != "rws1" {
		t.Errorf("ShortToken = %q, %v", got, err)
	}
}

func TestTokenOfNil(t *testing.T) {
	var s *Session
	if token, err := s.Token(t.Context()); !errors.Is(err, ErrNoSession) || token != "" {
		t.Errorf("Token = %q, %v", token, err)
	}
	if token, err := s.ShortToken(); !errors.Is(err, ErrNoSession) || token != "" {
		t.Errorf("ShortToken = %q, %v", token, err)
	}
}

func TestTokenResolved(t *testing.T) {
	s := New()
	w := sampled(20, wal(0x4016B10))
	r := s.Record("shop:5432/a b!*?", w)
	r.Wrote(at(10), nil)
	const want = "rws1!shop%3A5432%2Fa+b%21%2A%3F*postgres:7:1:0/4016B10"
	if got := mustToken(t, s); got != want || w.awaits.Load() != 0 {
		t.Errorf("Token = %q after %d waits, want %q after none", got, w.awaits.Load(), want)
	}
}

func TestTokenWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New()
		w := &witness{}
		w.await = func(ctx context.Context, since time.Time) error {
			time.Sleep(3 * time.Millisecond)
			w.primary = sample{since, wal(200)}
			return ctx.Err()
		}
		r := s.Record("shop", w)
		r.Wrote(time.Now(), nil)
		r.Saw(nil, replica, time.Now())
		begun := time.Now()
		if got := mustToken(t, s); got != "rws1!shop*"+wal(200).String() {
			t.Errorf("Token = %q", got)
		}
		if took := time.Since(begun); took != 3*time.Millisecond || w.awaits.Load() != 1 {
			t.Errorf("it took %v and %d waits", took, w.awaits.Load())
		}
	})
}

func TestTokenGivesUp(t *testing.T) {
	never := func(ctx context.Context, _ time.Time) error { <-ctx.Done(); return ctx.Err() }
	tests := []struct {
		name  string
		await func(context.Context, time.Time) error
		ctx   time.Duration // timeout of Token's context
		took  time.Duration
	}{
		{"after 100 ms", never, time.Hour, tokenWait},
		{"with its context", never, 10 * time.Millisecond, 10 * time.Millisecond},
		{"with the cluster", func(context.Context, time.Time) error { return errors.New("closed") }, time.Hour, 0},
		{"on a source that resolves nothing", func(context.Context, time.Time) error {
			time.Sleep(tokenWait * 3 / 10)
			return nil
		}, time.Hour, tokenWait * 12 / 10},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := New()
				w := &witness{primary: sample{time.Now().Add(-time.Second), wal(100)}}
				w.await = test.await
				r := s.Record("shop", w)
				r.Wrote(time.Now(), wal(50))
				r.Saw(nil, replica, time.Now())
				ctx, cancel := context.WithTimeout(t.Context(), test.ctx)
				defer cancel()
				begun := time.Now()
				token, err := s.Token(ctx)
				if want := "rws1!shop*" + wal(50).String() + "?"; token != want || err != nil {
					t.Errorf("Token = %q, %v, want %q", token, err, want)
				}
				if took := time.Since(begun); took != test.took {
					t.Errorf("it took %v, want %v", took, test.took)
				}
			})
		})
	}
}

func TestTokenOfPendingWrite(t *testing.T) {
	s := New()
	w := sampled(0, wal(100))
	r := s.Record("shop", w)
	r.BeginWrite()
	if got := mustToken(t, s); got != "rws1!shop*?" {
		t.Errorf("Token = %q", got)
	}
	r.EndWrite(at(-10), nil)
	if got := mustToken(t, s); got != "rws1!shop*"+wal(100).String() {
		t.Errorf("Token = %q once it has ended", got)
	}
}

// What an unresolved token leaves out is safe with who parses it.
func TestTokenUnresolvedElsewhere(t *testing.T) {
	s := New()
	s.Record("shop", &witness{}).Wrote(time.Now(), nil)
	token := mustToken(t, s)
	if token != "rws1!shop*?" {
		t.Fatalf("Token = %q", token)
	}
	before := time.Now()
	parsed, err := Parse(token)
	if err != nil {
		t.Fatal(err)
	}
	if again := mustToken(t, parsed); again != token {
		t.Errorf("sent on before it was used, it is %q", again)
	}
	w := &witness{primary: sample{before, wal(100)}}
	r := parsed.Record("shop", w)
	if n := r.Need(w); !n.Unresolved() || allows(&n, replica, wal(1000)) {
		t.Errorf("a sample from before the token: %+v", n)
	}
	w.primary = sample{time.Now().Add(time.Minute), wal(300)}
	if n := r.Need(w); n.Unresolved() || n.Position != wal(300) {
		t.Errorf("a sample from after it: %+v", n)
	}
}

func TestShortToken(t *testing.T) {
	s := New()
	w := &witness{}
	s.Record("written", w).Wrote(at(1), nil)
	s.Record("placed", w).Wrote(at(1), wal(100))
	s.Record("placed", w).Wrote(at(1), walOn(8, 1, 100))
	s.Record("seen", w).Saw(nil, replica, at(1))
	s.Record("pending", w).BeginWrite()
	s.Record("idle", w)
	token, err := s.ShortToken()
	if want := "rws1!written*?!placed*?!seen*?!pending*?"; token != want || err != nil {
		t.Fatalf("ShortToken = %q, %v, want %q", token, err, want)
	}
	parsed, err := Parse(token)
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"written", "placed", "seen", "pending"} {
		if n := parsed.Record(key, w).Need(w); allows(&n, replica, wal(1000)) {
			t.Errorf("%s: %+v", key, n)
		}
	}
}

// A token that its own Parse refuses would lose all that it should carry.
func TestTokenKeepsWithinItsBound(t *testing.T) {
	s := New()
	w := &witness{}
	for i := range maxClusters {
		r := s.Record(fmt.Sprintf("a-rather-long-session-key-%d", i), w)
		for system := range uint64(maxLineages) {
			r.Wrote(at(1), walOn(1<<63+system, 1<<31, 1<<63))
		}
	}
	token := mustToken(t, s)
	parsed, err := Parse(token)
	if err != nil {
		t.Fatalf("a token of %d bytes: %v", len(token), err)
	}
	for i := range maxClusters {
		r := parsed.Record(fmt.Sprintf("a-rather-long-session-key-%d", i), w)
		if n := r.Need(&witness{known: walOn(1<<63, 1<<31, 5)}); allows(&n, replica, walOn(1<<63, 1<<31, 5)) {
			t.Errorf("cluster %d is forgotten", i)
		}
	}
}

func TestTokenRoundTrip(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	w := &witness{}
	for range 2000 {
		s := New()
		for range r.IntN(maxClusters) {
			key := make([]byte, r.IntN(12))
			for i := range key {
				key[i] = byte(r.IntN(256))
			}
			record := s.Record(string(key), w)
			for range r.IntN(3) {
				record.Wrote(at(1), walOn(r.Uint64N(3), r.Uint32N(3), lag.LSN(r.Uint64())))
			}
			if r.IntN(4) == 0 {
				record.Saw(nil, replica, at(r.IntN(100)))
			}
		}
		token := mustToken(t, s)
		parsed, err := Parse(token)
		if err != nil {
			t.Fatalf("Parse(%q): %v", token, err)
		}
		if again := mustToken(t, parsed); again != token {
			t.Fatalf("%q came back as %q", token, again)
		}
		if fault := unsafeBytes(token); fault != "" {
			t.Fatalf("%q: %s", token, fault)
		}
	}
}

// unsafeBytes says which byte of a token may not stand in a cookie or header. The
// comma of a GTID set has to be quoted in a cookie, which net/http does.
func unsafeBytes(token string) string {
	for _, b := range []byte(token) {
		if b <= ' ' || b >= 0x7f || strings.IndexByte(`";\`, b) >= 0 {
			return fmt.Sprintf("byte %q", b)
		}
	}
	return ""
}

func TestParseRefuses(t *testing.T) {
	position := wal(100).String()
	var clusters, lineages strings.Builder
	for i := range maxClusters + 1 {
		fmt.Fprintf(&clusters, "!%d*?", i)
	}
	for i := range maxClusters*maxLineages + 1 {
		fmt.Fprintf(&lineages, "!shop*postgres:%d:1:0/1", i)
	}
	tests := []struct{ name, token string }{
		{"empty", ""},
		{"another version", "rws2!shop*" + position},
		{"no version", "!shop*" + position},
		{"version and more", "rws11"},
		{"upper case", "RWS1"},
		{"a space before", " rws1"},
		{"an empty entry", "rws1!"},
		{"an empty entry at the end", "rws1!shop*" + position + "!"},
		{"no position", "rws1!shop"},
		{"an empty position", "rws1!shop*"},
		{"two marks", "rws1!shop*" + position + "??"},
		{"mark amid", "rws1!shop*?" + position},
		{"two values", "rws1!shop*" + position + "*" + position},
		{"a bad escape", "rws1!%zz*" + position},
		{"a cut escape", "rws1!shop%2*" + position},
		{"an unknown engine", "rws1!shop*oracle:1:2:3"},
		{"a cut position", "rws1!shop*" + position[:len(position)-3]},
		{"one bad among good ones", "rws1!a*" + position + "!b*x!c*" + position},
		{"too many clusters", "rws1" + clusters.String()},
		{"too many positions", "rws1" + lineages.String()},
		{"too long", "rws1!" + strings.Repeat("k", MaxToken) + "*" + position},
		{"binary", "rws1!\x00*" + position + "\x00"},
	}
	for _, test := range tests {
		s, err := Parse(test.token)
		if !errors.Is(err, ErrToken) || s != nil {
			t.Errorf("%s: Parse = %v, %v, want ErrToken", test.name, s, err)
		}
		if err != nil && len(err.Error()) > 300 {
			t.Errorf("%s: an error of %d bytes", test.name, len(err.Error()))
		}
	}
}

func TestParseTakes(t *testing.T) {
	var clusters strings.Builder
	for i := range maxClusters {
		fmt.Fprintf(&clusters, "!%d*?", i)
	}
	position := wal(100).String()
	for _, token := range []string{
		"rws1", "rws1!*" + position, "rws1!shop*?", "rws1!shop*" + position + "?",
		"rws1!shop*" + position + "!shop*" + walOn(8, 1, 5).String(), "rws1" + clusters.String(),
	} {
		if _, err := Parse(token); err != nil {
			t.Errorf("Parse(%q): %v", token, err)
		}
	}
}

// Two positions of one lineage are merged, in whatever order they come.
func TestParseMerges(t *testing.T) {
	for _, token := range []string{
		"rws1!shop*" + wal(100).String() + "!shop*" + wal(200).String(),
		"rws1!shop*" + wal(200).String() + "!shop*" + wal(100).String(),
	} {
		s, err := Parse(token)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := mustToken(t, s), "rws1!shop*"+wal(200).String(); got != want {
			t.Errorf("%q is %q, want %q", token, got, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	position := wal(100).String()
	for _, seed := range []string{
		"", "rws1", "rws1!shop*" + position, "rws1!shop*?", "rws1!a%2F*" + position + "?!b*" + position,
		"rws1!shop*" + position + "!shop*" + walOn(8, 2, 5).String(), "rws2!x*y", "rws1!!**??",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, token string) {
		s, err := Parse(token)
		if err != nil {
			if !errors.Is(err, ErrToken) || s != nil {
				t.Fatalf("Parse(%q) = %v, %v", token, s, err)
			}
			return
		}
		printed, err := s.Token(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		again, err := Parse(printed)
		if err != nil {
			t.Fatalf("%q is printed as %q: %v", token, printed, err)
		}
		if twice, _ := again.Token(context.Background()); twice != printed {
			t.Fatalf("%q, then %q, then %q", token, printed, twice)
		}
		if fault := unsafeBytes(printed); fault != "" {
			t.Fatalf("%q: %s", printed, fault)
		}
		if short, err := s.ShortToken(); err != nil {
			t.Fatal(err)
		} else if _, err := Parse(short); err != nil {
			t.Fatalf("short form %q: %v", short, err)
		}
	})
}

func ExampleParse() {
	s, err := Parse("rws1!shop*postgres:7412345678901234567:1:0/4016B10")
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := NewContext(context.Background(), s)
	// What runs under ctx now sees what the token's maker wrote.
	token, _ := FromContext(ctx).Token(ctx)
	fmt.Println(token)
	_, err = Parse("rws9!shop")
	fmt.Println(err)
	// Output:
	// rws1!shop*postgres:7412345678901234567:1:0/4016B10
	// rwsplit: not a session token: it does not begin with "rws1"
}
