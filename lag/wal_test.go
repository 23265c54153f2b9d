package lag

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

func TestParseLSN(t *testing.T) {
	tests := []struct {
		text string
		want LSN
	}{
		{"0/0", 0},
		{"0/4016B10", 0x4016B10},
		{"0/4016b10", 0x4016B10},
		{"16/B374D848", 0x16_B374D848},
		{"00000016/B374D848", 0x16_B374D848},
		{"FFFFFFFF/FFFFFFFF", math.MaxUint64},
		{"1/0", 1 << 32},
	}
	for _, test := range tests {
		got, err := ParseLSN(test.text)
		if err != nil || got != test.want {
			t.Errorf("ParseLSN(%q) = %v, %v, want %v", test.text, got, err, test.want)
		}
		if again, err := ParseLSN(got.String()); err != nil || again != got {
			t.Errorf("%q printed as %q reads as %v, %v", test.text, got, again, err)
		}
	}
}

func TestParseLSNRefuses(t *testing.T) {
	for _, text := range []string{
		"", "/", "0", "0/", "/0", "0/0/0", "0/G", "-1/0", "+1/0", "0x1/0", "1_0/0", " 0/0", "0/0 ", "0/0\n",
		"100000000/0", "0/100000000", "000000000/0", "0/000000000", strings.Repeat("0", 1<<16) + "/0",
	} {
		lsn, err := ParseLSN(text)
		if !errors.Is(err, ErrPosition) {
			t.Errorf("ParseLSN(%.40q) = %v, %v, want ErrPosition", text, lsn, err)
		}
		if err != nil && len(err.Error()) > 200 {
			t.Errorf("ParseLSN(%.40q): an error of %d bytes", text, len(err.Error()))
		}
	}
}

func FuzzParseLSN(f *testing.F) {
	for _, seed := range []string{"0/0", "0/4016B10", "FFFFFFFF/FFFFFFFF", "/", "0/0/0", "+1/-1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		lsn, err := ParseLSN(text)
		if err != nil {
			if !errors.Is(err, ErrPosition) {
				t.Fatalf("ParseLSN(%q): %v", text, err)
			}
			return
		}
		again, err := ParseLSN(lsn.String())
		if err != nil || again != lsn {
			t.Fatalf("%q is %v, which reads as %v, %v", text, lsn, again, err)
		}
	})
}

func TestNormalize(t *testing.T) {
	const (
		segment = 16 << 20
		block   = 8 << 10
	)
	usual := WALGeometry{Segment: segment, Block: block}
	tests := []struct {
		name     string
		geometry WALGeometry
		lsn      LSN
		want     LSN
	}{
		{"after a page's header", usual, 5*segment + 3*block + 24, 5*segment + 3*block},
		{"after a segment's header", usual, 5*segment + 40, 5 * segment},
		{"a page's start, as a standby says it", usual, 5*segment + 3*block, 5*segment + 3*block},
		{"a segment's start", usual, 5 * segment, 5 * segment},
		{"40 into a page is past a record", usual, 5*segment + 3*block + 40, 5*segment + 3*block + 40},
		{"32 into a page", usual, 5*segment + 3*block + 32, 5*segment + 3*block + 32},
		{"16 into a page", usual, 5*segment + 3*block + 16, 5*segment + 3*block + 16},
		{"amid a page", usual, 5*segment + 3*block + 4096, 5*segment + 3*block + 4096},
		{"a page's last bytes", usual, 5*segment + 4*block - 8, 5*segment + 4*block - 8},
		{"beyond 32 bits", usual, 1<<40 + 24, 1 << 40},
		{"zero", usual, 0, 0},
		{"1 MiB segments", WALGeometry{1 << 20, block}, 5<<20 + 40, 5 << 20},
		{"where 16 MiB ones have none", usual, 5<<20 + 40, 5<<20 + 40},
		{"1 GiB segments", WALGeometry{1 << 30, block}, 5<<30 + 40, 5 << 30},
		{"64 KiB blocks", WALGeometry{segment, 64 << 10}, 5*segment + 64<<10 + 24, 5*segment + 64<<10},
		{"amid a 64 KiB block", WALGeometry{segment, 64 << 10}, 5*segment + 8<<10 + 24, 5*segment + 8<<10 + 24},
		{"unknown geometry", WALGeometry{}, 5*segment + 24, 5*segment + 24},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := test.geometry.Normalize(test.lsn)
			if got != test.want {
				t.Errorf("Normalize(%v) = %v, want %v", test.lsn, got, test.want)
			}
			if again := test.geometry.Normalize(got); again != got {
				t.Errorf("once more: %v, want it to stay", again)
			}
		})
	}
}

// Normalize must never let a server pass that has not got far enough: it may
// skip a header, never a record, and it keeps the order.
func TestNormalizeOrder(t *testing.T) {
	g := WALGeometry{Segment: 1 << 20, Block: 8 << 10}
	last := LSN(0)
	for l := LSN(0); l < 3<<20; l += 8 { // records are aligned to 8 bytes
		offset := uint64(l) % g.Block
		inHeader := offset < shortPageHeader || uint64(l)%g.Segment < longPageHeader
		if inHeader && offset != 0 {
			continue // no record ends inside a header
		}
		n := g.Normalize(l)
		if n > l || n < last {
			t.Fatalf("Normalize(%v) = %v, after %v", l, n, last)
		}
		last = n
	}
}

func wal(timeline uint32, lsn LSN) WAL { return WAL{System: 7, Timeline: timeline, LSN: lsn} }

func TestWALCompare(t *testing.T) {
	const unknown = -1
	other := WAL{System: 8, Timeline: 1, LSN: 100}
	tests := []struct {
		name     string
		p        WAL
		other    Position
		covers   bool
		distance int64
		lineage  bool
		join     Position
	}{
		{"equal", wal(1, 100), wal(1, 100), true, 0, true, wal(1, 100)},
		{"ahead", wal(1, 101), wal(1, 100), true, 0, true, wal(1, 101)},
		{"behind", wal(1, 99), wal(1, 100), false, 1, true, wal(1, 100)},
		{"far behind", wal(1, 0), wal(1, 1<<40), false, 1 << 40, true, wal(1, 1<<40)},
		{"newer timeline, ahead", wal(2, 200), wal(1, 100), false, unknown, true, wal(2, 200)},
		{"newer timeline, behind", wal(2, 100), wal(1, 200), false, unknown, true, wal(2, 200)},
		{"older timeline, ahead", wal(1, 200), wal(2, 100), false, unknown, true, wal(2, 200)},
		{"older timeline, behind", wal(1, 100), wal(2, 200), false, unknown, true, wal(2, 200)},
		{"timelines, same LSN", wal(1, 100), wal(2, 100), false, unknown, true, wal(2, 100)},
		{"another system", wal(1, 100), other, false, unknown, false, wal(1, 100)},
		{"another engine", wal(1, 100), alien{}, false, unknown, false, wal(1, 100)},
		{"nil", wal(1, 100), nil, false, unknown, false, wal(1, 100)},
		{"zero WAL", wal(1, 100), WAL{}, false, unknown, false, wal(1, 100)},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := test.p.Covers(test.other); got != test.covers {
				t.Errorf("Covers = %t, want %t", got, test.covers)
			}
			distance, ok := test.p.Distance(test.other)
			if ok != (test.distance != unknown) || ok && distance != test.distance {
				t.Errorf("Distance = %d, %t, want %d", distance, ok, test.distance)
			}
			if got := test.p.Lost(test.other); got != (test.distance == unknown) {
				t.Errorf("Lost = %t", got)
			}
			if got := test.p.Within(test.other); got != Position(test.p) {
				t.Errorf("Within = %v", got)
			}
			if got := test.p.SameLineage(test.other); got != test.lineage {
				t.Errorf("SameLineage = %t, want %t", got, test.lineage)
			}
			if got := test.p.Join(test.other); got != test.join {
				t.Errorf("Join = %v, want %v", got, test.join)
			}
		})
	}
}

// alien is a position of an engine that WAL knows nothing of.
type alien struct{ WAL }

func TestWALHistory(t *testing.T) {
	a, b := wal(1, 100), wal(1, 200)
	if a.History() != b.History() {
		t.Errorf("one history has two names: %q, %q", a.History(), b.History())
	}
	for _, other := range []WAL{wal(2, 100), {System: 8, Timeline: 1, LSN: 100}, {System: 71, Timeline: 1}} {
		if a.History() == other.History() {
			t.Errorf("%v and %v have one history, %q", a, other, a.History())
		}
	}
}

// randomWAL returns one of few values, so that equal ones meet.
func randomWAL(r *rand.Rand) WAL {
	return WAL{System: r.Uint64N(2), Timeline: uint32(r.IntN(3)), LSN: LSN(r.IntN(5))}
}

func TestWALJoinLaws(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		a, b, c := randomWAL(r), randomWAL(r), randomWAL(r)
		if got := a.Join(a); got != Position(a) {
			t.Fatalf("%v joined with itself is %v", a, got)
		}
		if !a.SameLineage(b) || !a.SameLineage(c) {
			continue
		}
		ab := a.Join(b)
		if ba := b.Join(a); ab != ba {
			t.Fatalf("%v and %v: %v one way, %v the other", a, b, ab, ba)
		}
		if left, right := ab.Join(c), a.Join(b.Join(c)); left != right {
			t.Fatalf("%v, %v, %v: %v or %v", a, b, c, left, right)
		}
		if again := ab.Join(b); again != ab {
			t.Fatalf("%v joined with %v twice: %v, then %v", a, b, ab, again)
		}
		if a.Timeline == b.Timeline && !(ab.Covers(a) && ab.Covers(b)) {
			t.Fatalf("%v and %v: %v does not cover both", a, b, ab)
		}
		// Smallest: what covers both covers the join.
		if c.Covers(a) && c.Covers(b) && !c.Covers(ab) {
			t.Fatalf("%v covers %v and %v, but not their join %v", c, a, b, ab)
		}
	}
}

// Over two timelines the join has to cover what the older one kept: all that lies
// before the point where they part.
func TestWALJoinOverTimelines(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 20_000 {
		fork := LSN(r.IntN(100))
		old := wal(1, LSN(r.IntN(200))) // beyond the fork it was lost
		young := wal(2, fork+LSN(r.IntN(100)))
		kept := wal(2, min(old.LSN, fork)) // the same write, as timeline 2 has it
		for _, joined := range []Position{old.Join(young), young.Join(old)} {
			if !joined.Covers(kept) || !joined.Covers(young) {
				t.Fatalf("fork at %v: %v joined with %v is %v, wants to cover %v", fork, old, young, joined, kept)
			}
		}
	}
}

func TestWALOrderLaws(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for range 20_000 {
		a, b, c := randomWAL(r), randomWAL(r), randomWAL(r)
		if !a.Covers(a) {
			t.Fatalf("%v does not cover itself", a)
		}
		if a.Covers(b) && b.Covers(a) && a != b {
			t.Fatalf("%v and %v cover each other", a, b)
		}
		if a.Covers(b) && b.Covers(c) && !a.Covers(c) {
			t.Fatalf("%v covers %v covers %v, but not through", a, b, c)
		}
		if d, ok := a.Distance(b); ok && (d == 0) != a.Covers(b) || d < 0 {
			t.Fatalf("%v to %v: %d bytes, covers %t", a, b, d, a.Covers(b))
		}
	}
}

func ExampleWAL_Covers() {
	written, _ := ParsePosition("postgres:7412345678901234567:1:0/4016B10")
	replica, _ := ParsePosition("postgres:7412345678901234567:1:0/4016A00")
	behind, _ := replica.Distance(written)
	fmt.Println(replica.Covers(written), behind)
	// Output: false 272
}
