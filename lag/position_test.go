package lag

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
)

func TestParsePosition(t *testing.T) {
	const text = "postgres:7412345678901234567:3:16/B374D848"
	p, err := ParsePosition(text)
	want := WAL{System: 7412345678901234567, Timeline: 3, LSN: 0x16_B374D848}
	if err != nil || p != Position(want) {
		t.Fatalf("ParsePosition(%q) = %v, %v, want %v", text, p, err, want)
	}
	if p.String() != text {
		t.Errorf("String() = %q, want %q", p, text)
	}
}

func TestParsePositionRoundTrip(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 10_000 {
		p := WAL{System: r.Uint64(), Timeline: r.Uint32(), LSN: LSN(r.Uint64() >> r.IntN(64))}
		got, err := ParsePosition(p.String())
		if err != nil || got != Position(p) {
			t.Fatalf("%q reads as %v, %v", p, got, err)
		}
	}
}

func TestParsePositionRefuses(t *testing.T) {
	for _, text := range []string{
		"", ":", "postgres", "postgres:", "postgres::", "postgres:::", "postgres:1:1", "postgres:1:1:0/0:1",
		"oracle:1:1:0/0", "Postgres:1:1:0/0", " postgres:1:1:0/0", "postgres:1:1:0/0 ",
		"postgres:-1:1:0/0", "postgres:+1:1:0/0", "postgres:1.0:1:0/0", "postgres:18446744073709551616:1:0/0",
		"postgres:1:4294967296:0/0", "postgres:1:-1:0/0", "postgres:1:1:0", "postgres:1:1:x/y", "postgres:0x1:1:0/0",
		"postgres:" + strings.Repeat("1", maxPositionText) + ":1:0/0",
		"MySQL:", "mysql", "mariadb", "mysqluuid:1", "mysql:x", "mysql:" + uuidA + ":", "MariaDB:", "mariadb:0-1", "mariadb:,",
		strings.Repeat("x", maxPositionText),
	} {
		p, err := ParsePosition(text)
		if !errors.Is(err, ErrPosition) || p != nil {
			t.Errorf("ParsePosition(%.60q) = %v, %v, want ErrPosition", text, p, err)
		}
		if err != nil && len(err.Error()) > 250 {
			t.Errorf("ParsePosition(%.60q): an error of %d bytes", text, len(err.Error()))
		}
	}
}

func FuzzParsePosition(f *testing.F) {
	for _, seed := range []string{
		"postgres:7412345678901234567:3:16/B374D848", "postgres:0:0:0/0", "postgres:1:1:0/0:1", "mysql:x", ":::", "",
		"mysql:" + uuidA + ":1-5:7:tag:3", "mysql:", "mariadb:0-1-100,1-2-5", "mariadb:",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := ParsePosition(text)
		if err != nil {
			if !errors.Is(err, ErrPosition) || p != nil {
				t.Fatalf("ParsePosition(%q) = %v, %v", text, p, err)
			}
			return
		}
		again, err := ParsePosition(p.String())
		if err != nil || again.String() != p.String() {
			t.Fatalf("%q is %v, which reads as %v, %v", text, p, again, err)
		}
		if !p.Covers(again) || !again.Covers(p) || !p.SameLineage(again) || p.Join(again) != p || p.Lost(again) || p.Succeeds(again) {
			t.Fatalf("%v does not agree with itself", p)
		}
	})
}

// Whatever the engine, a position of another is of another history.
func TestPositionsOfOtherEngines(t *testing.T) {
	var all []Position
	for _, text := range []string{
		"postgres:7:1:0/64", "mysql:", "mysql:" + uuidA + ":1-5", "mariadb:", "mariadb:0-1-5",
	} {
		p, err := ParsePosition(text)
		if err != nil || p.String() != text {
			t.Fatalf("%q reads as %v, %v", text, p, err)
		}
		all = append(all, p)
	}
	for _, p := range all {
		for _, o := range append(all, nil, alien{}) {
			if o != nil && strings.Split(p.String(), ":")[0] == strings.Split(o.String(), ":")[0] && o != (alien{}) {
				continue
			}
			if _, ok := p.Distance(o); ok || p.Covers(o) || p.SameLineage(o) || p.Succeeds(o) || !p.Lost(o) {
				t.Errorf("%v takes %v for one of its own", p, o)
			}
			if p.Join(o) != p || p.Within(o) != p {
				t.Errorf("%v takes something of %v", p, o)
			}
		}
	}
}
