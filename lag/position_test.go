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
	} {
		p, err := ParsePosition(text)
		if !errors.Is(err, ErrPosition) || p != nil {
			t.Errorf("ParsePosition(%.60q) = %v, %v, want ErrPosition", text, p, err)
		}
	}
}

func FuzzParsePosition(f *testing.F) {
	for _, seed := range []string{
		"postgres:7412345678901234567:3:16/B374D848", "postgres:0:0:0/0", "postgres:1:1:0/0:1", "mysql:x", ":::", "",
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
		if err != nil || again != p {
			t.Fatalf("%q is %v, which reads as %v, %v", text, p, again, err)
		}
		if !p.Covers(again) || !p.SameLineage(again) || p.Join(again) != p {
			t.Fatalf("%v does not agree with itself", p)
		}
	})
}
