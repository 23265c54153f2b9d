package lag

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

func mariadb(t testing.TB, text string) *GTIDPosition {
	t.Helper()
	p, err := ParseGTIDPosition(text)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestParseGTIDPosition(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"empty", "", ""},
		{"white space", " \n\t", ""},
		{"one", "0-1-100", "0-1-100"},
		{"domains", "0-1-100,1-2-5", "0-1-100,1-2-5"},
		{"domains unordered", "10-2-5,0-1-100,2-1-1", "0-1-100,2-1-1,10-2-5"},
		{"white space", " 0-1-100 ,\n1 - 2 - 5\t", "0-1-100,1-2-5"},
		{"leading zeros", "00-01-0100", "0-1-100"},
		{"the largest", "4294967295-4294967295-18446744073709551615", "4294967295-4294967295-18446744073709551615"},
		{"a binlog state", "0-1-97,0-3-40,0-2-120", "0-2-120"},
		{"the newest first", "0-2-120,0-1-97,0-3-40", "0-2-120"},
		{"of one number the last", "0-2-100,0-1-100", "0-1-100"},
		{"a server twice", "0-1-97,0-1-98", "0-1-98"},
		{"states of two domains", "0-1-97,1-1-8,0-2-120,1-2-7", "0-2-120,1-1-8"},
		{"no transaction", "0-1-0", ""},
		{"no transaction in one domain", "0-1-0,1-1-1", "1-1-1"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p, err := ParseGTIDPosition(test.text)
			if err != nil {
				t.Fatal(err)
			}
			if p.List() != test.want || p.String() != "mariadb:"+test.want {
				t.Errorf("%q reads as %q, %q", test.text, p.List(), p)
			}
			again, err := ParsePosition(p.String())
			if err != nil || again.String() != p.String() {
				t.Errorf("%q reads as %v, %v", p, again, err)
			}
		})
	}
}

func TestParseGTIDPositionRefuses(t *testing.T) {
	tests := []struct{ name, text, fault string }{
		{"a word", "x", `GTID "x": want domain-server-sequence`},
		{"two numbers", "0-1", "want domain-server-sequence"},
		{"four numbers", "0-1-2-3", "want domain-server-sequence"},
		{"no numbers", "--", `GTID with domain "": want a number of 32 bits`},
		{"no domain", "-1-2", `GTID with domain ""`},
		{"no server", "0--2", `GTID with server ""`},
		{"no sequence", "0-1-", `GTID with sequence "": want a number of 64 bits`},
		{"too large a domain", "4294967296-1-1", "GTID with domain"},
		{"too large a server", "0-4294967296-1", "GTID with server"},
		{"too large a sequence", "0-1-18446744073709551616", "GTID with sequence"},
		{"a sign", "0-+1-1", "GTID with server"},
		{"hexadecimal", "0-0x1-1", "GTID with server"},
		{"white space in a number", "0-1 1-1", "GTID with server"},
		{"no comma", "0-1-100 1-2-5", "want domain-server-sequence"},
		{"a semicolon", "0-1-100;1-2-5", "want domain-server-sequence"},
		{"an empty entry", "0-1-100,,1-2-5", "want domain-server-sequence"},
		{"a comma first", ",0-1-100", "want domain-server-sequence"},
		{"a comma last", "0-1-100,", "want domain-server-sequence"},
		{"a comma", ",", "want domain-server-sequence"},
		{"a zero byte", "0-1-100\x00", "GTID with sequence"},
		{"MySQL's", uuidA + ":1-5", "want domain-server-sequence"},
		{"long", strings.Repeat("9", 1<<16) + "-1-1", "GTID with domain"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p, err := ParseGTIDPosition(test.text)
			if !errors.Is(err, ErrPosition) || p != nil {
				t.Fatalf("ParseGTIDPosition(%.60q) = %v, %v, want ErrPosition", test.text, p, err)
			}
			if !strings.Contains(err.Error(), test.fault) || len(err.Error()) > 300 {
				t.Errorf("%q, want it to say %q", err, test.fault)
			}
		})
	}
}

func TestGTIDPositionCompare(t *testing.T) {
	const unknown = -1
	tests := []struct {
		name, p, other string
		covers         bool
		distance       int64 // unknown: lost, or of another lineage
		lineage        bool
		join           string
	}{
		{"equal", "0-1-100", "0-1-100", true, 0, true, "0-1-100"},
		{"ahead", "0-1-101", "0-1-100", true, 0, true, "0-1-101"},
		{"behind", "0-1-99", "0-1-100", false, 1, true, "0-1-100"},
		{"far behind", "0-1-1", "0-1-18446744073709551615", false, math.MaxInt64, true, "0-1-18446744073709551615"},
		{"far behind in two domains", "0-1-1", "0-1-9223372036854775807,1-1-2", false, math.MaxInt64, true, "0-1-9223372036854775807,1-1-2"},
		{"ahead of another server", "0-2-101", "0-1-100", true, 0, true, "0-2-101"},
		{"behind another server", "0-2-99", "0-1-100", false, 1, true, "0-1-100"},
		{"a domain more", "0-1-100,1-1-5", "0-1-100", true, 0, true, "0-1-100,1-1-5"},
		{"a domain less", "0-1-100", "0-1-100,1-1-5", false, 5, true, "0-1-100,1-1-5"},
		{"each has one", "0-1-100,2-1-1", "0-1-101,1-1-5", false, 6, true, "0-1-101,1-1-5,2-1-1"},
		{"other domains", "0-1-100", "1-1-5", false, unknown, false, "0-1-100,1-1-5"},
		{"nothing to cover", "0-1-100", "", true, 0, true, "0-1-100"},
		{"nothing", "", "0-1-100", false, 100, true, "0-1-100"},
		{"nothing and nothing", "", "", true, 0, true, ""},

		{"kept by a failover", "0-1-97,0-2-120", "0-1-97", true, 0, true, "0-2-120"},
		{"lost by a failover", "0-1-97,0-2-120", "0-1-98", false, unknown, true, "0-2-120"},
		{"lost or still to come", "0-1-97,0-2-98", "0-1-100", false, 2, true, "0-1-100"},
		{"the same number", "0-1-97,0-2-100", "0-1-100", false, unknown, true, "0-2-100"},
		{"the same number, of the lesser server", "0-3-97,0-2-100", "0-3-100", false, unknown, true, "0-2-100"},
		{"the same number, with nothing known", "0-2-100", "0-1-100", false, unknown, true, "0-2-100"},
		{"the same number, the other known", "0-1-100,0-2-100", "0-1-100", true, 0, true, "0-2-100"},
		{"a server nothing is known of", "0-2-120", "0-1-98", true, 0, true, "0-2-120"},
		{"a server that came back", "0-2-110,0-1-120", "0-1-100", true, 0, true, "0-1-120"},
		{"lost in the second domain", "0-1-5,1-1-97,1-2-120", "0-1-5,1-1-98", false, unknown, true, "0-1-5,1-2-120"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p, o := mariadb(t, test.p), mariadb(t, test.other)
			if got := p.Covers(o); got != test.covers {
				t.Errorf("Covers = %t", got)
			}
			d, ok := p.Distance(o)
			if ok != (test.distance != unknown) || ok && d != test.distance {
				t.Errorf("Distance = %d, %t, want %d", d, ok, test.distance)
			}
			if got := p.Lost(o); got != (test.distance == unknown) {
				t.Errorf("Lost = %t", got)
			}
			if got := p.SameLineage(o); got != test.lineage || got != o.SameLineage(p) {
				t.Errorf("SameLineage = %t", got)
			}
			if got := p.Join(o).(*GTIDPosition).List(); got != test.join {
				t.Errorf("Join = %q", got)
			}
			if got := o.Join(p).(*GTIDPosition).List(); got != test.join {
				t.Errorf("Join the other way = %q", got)
			}
			if got := p.Within(o); got != Position(p) {
				t.Errorf("Within = %v", got)
			}
			if p.Covers(o) && o.Covers(p) && p.Join(o) != Position(p) {
				t.Error("joined with what it covers, it is a copy")
			}
		})
	}
}

func TestGTIDPositionJoinKeepsHistory(t *testing.T) {
	a, b := mariadb(t, "0-1-97,0-2-120,1-1-5"), mariadb(t, "0-1-90,0-3-50,0-2-130,2-1-1")
	for _, joined := range []Position{a.Join(b), b.Join(a)} {
		p := joined.(*GTIDPosition)
		want := []gtidLast{{1, 97}, {2, 130}, {3, 50}}
		if p.List() != "0-2-130,1-1-5,2-1-1" || !slices.Equal(p.domains[0].known, want) {
			t.Errorf("%v knows %v", p, p.domains[0].known)
		}
		if !p.Lost(mariadb(t, "0-1-98")) || !p.Lost(mariadb(t, "0-3-51")) || p.Lost(mariadb(t, "0-3-50")) {
			t.Errorf("%v has forgotten what was lost", p)
		}
	}
	// The position stays, what is known of its history grows.
	if got := mariadb(t, "0-2-120").Join(mariadb(t, "0-1-97")); !got.Lost(mariadb(t, "0-1-98")) {
		t.Errorf("%v has learnt nothing", got)
	}
}

func TestGTIDPositionSucceeds(t *testing.T) {
	tests := []struct {
		name, p, other string
		want           bool
	}{
		{"promoted later", "0-1-97,0-2-98", "0-1-100", true},
		{"the other way", "0-1-100", "0-1-97,0-2-98", false},
		{"promoted later, with more", "0-1-97,0-2-120", "0-1-100", true},
		{"promoted later, the third", "0-1-97,0-2-110,0-3-120", "0-1-97,0-2-115", true},
		{"equal", "0-1-97,0-2-98", "0-1-97,0-2-98", false},
		{"a surplus", "0-1-100", "0-1-97", false},
		{"the other has seen its server", "0-1-97,0-2-98", "0-2-50,0-1-100", false},
		{"nothing known of the other", "0-2-98", "0-1-100", false},
		{"both promoted", "0-1-97,0-2-98", "0-1-97,0-3-98", false},
		{"in one domain", "0-1-97,1-1-7,1-2-8", "0-1-100,1-1-9", true},
		{"in one domain, and behind it in another", "0-1-97,1-1-7,1-2-8", "0-1-5,0-2-9,1-1-9", false},
		{"in a domain of its own", "0-1-97,1-1-7,1-2-8", "0-1-97", false},
		{"empty", "0-1-97", "", false},
		{"empty itself", "", "0-1-97", false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := mariadb(t, test.p).Succeeds(mariadb(t, test.other)); got != test.want {
				t.Errorf("Succeeds = %t", got)
			}
		})
	}
}

func TestGTIDPositionHistory(t *testing.T) {
	tests := []struct{ text, want string }{
		{"", "empty"},
		{"0-1-97,0-2-98", "domain 0 of server 2"},
		{"0-2-98,1-3-5", "domain 0 of server 2, 1 of 3"},
		{"4294967295-4294967295-1,1-4294967295-1,2-4294967294-9", "domain 1 of server 4294967295, 2 of 4294967294, …"},
	}
	for _, test := range tests {
		if got := mariadb(t, test.text).History(); got != test.want || len(got) > maxHistory {
			t.Errorf("History of %s is %q, %d bytes", test.text, got, len(got))
		}
	}
}

// gtidBranch is the true history of a server in one domain: who wrote each number,
// from 1 up.
type gtidBranch []uint32

// state tells it as @@gtid_binlog_state does, from the number since on.
func (b gtidBranch) state(since int) string {
	var servers []uint32
	last := map[uint32]int{}
	for i, server := range b {
		if i+1 < since {
			continue
		}
		if at := slices.Index(servers, server); at >= 0 {
			servers = slices.Delete(servers, at, at+1)
		}
		servers = append(servers, server)
		last[server] = i + 1
	}
	var text []string
	for _, server := range servers {
		text = append(text, fmt.Sprintf("0-%d-%d", server, last[server]))
	}
	return strings.Join(text, ",")
}

func (b gtidBranch) begins(o gtidBranch) bool { return len(o) <= len(b) && slices.Equal(b[:len(o)], o) }

// Failovers at random make branches. A position must never be called lost, or not
// covered, of which that is not so. What is lost may look covered only where
// nothing is known of the server that wrote it, or it wrote again since.
func TestGTIDPositionAgainstBranches(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var lost, found int
	for range 4000 {
		branches := []gtidBranch{{}}
		for writer := uint32(1); len(branches) < 5; writer++ {
			from := branches[r.IntN(len(branches))]
			branch := slices.Clone(from[:len(from)-r.IntN(min(len(from), 3)+1)])
			for range 1 + r.IntN(4) {
				branch = append(branch, writer)
			}
			branches = append(branches, branch)
		}
		for _, mine := range branches {
			since := 1 + r.IntN(len(mine)+1)*r.IntN(2) // made from a backup, or not
			p := mariadb(t, mine.state(since))
			for _, theirs := range branches {
				theirs = theirs[:r.IntN(len(theirs)+1)]
				o := mariadb(t, theirs.state(len(theirs))) // the last alone
				if len(theirs) == 0 || len(p.domains) == 0 {
					continue
				}
				truly := mine.begins(theirs)
				if truly && (!p.Covers(o) || p.Lost(o)) {
					t.Fatalf("%v, from %d: %v holds %v of %v: covers %t, lost %t",
						mine, since, p.domains, o, theirs, p.Covers(o), p.Lost(o))
				}
				gone := len(theirs) <= len(mine) && !truly
				if p.Lost(o) && !gone {
					t.Fatalf("%v: %v has not lost %v of %v", mine, p, o, theirs)
				}
				if !gone {
					continue
				}
				lost++
				if p.Lost(o) {
					found++
				}
				if p.Lost(o) == p.Covers(o) {
					t.Fatalf("%v covers and has lost %v", p, o)
				}
				if _, known := p.domains[0].last(o.domains[0].server); known && !p.Lost(o) {
					t.Fatalf("%v, from %d: %v does not know that %v of %v is lost", mine, since, p.domains, o, theirs)
				}
			}
		}
	}
	t.Logf("%d lost, %d of them known to be", lost, found)
	if found*4 < lost {
		t.Errorf("%d of %d found: the test shows little", found, lost)
	}
}

// randomPosition returns one of few.
func randomPosition(t *testing.T, r *rand.Rand) *GTIDPosition {
	var entries []string
	for range r.IntN(6) {
		entries = append(entries, fmt.Sprintf("%d-%d-%d", r.IntN(2), r.IntN(3), r.IntN(6)))
	}
	return mariadb(t, strings.Join(entries, ","))
}

// checkPositions holds any two positions to the laws, and returns their join.
func checkPositions(t *testing.T, a, b *GTIDPosition) *GTIDPosition {
	t.Helper()
	joined := a.Join(b).(*GTIDPosition)
	other := b.Join(a).(*GTIDPosition)
	if joined.List() != other.List() || !joined.includes(other) || !other.includes(joined) {
		t.Fatalf("%v and %v: %v one way, %v the other", a, b, joined, other)
	}
	for _, p := range []*GTIDPosition{a, b, joined} {
		if !p.Covers(p) || p.Lost(p) || p.Succeeds(p) || p.Join(p) != Position(p) {
			t.Fatalf("%v does not agree with itself", p)
		}
		again := mariadb(t, p.List())
		if again.List() != p.List() || !p.Covers(again) {
			t.Fatalf("%v reads as %v", p, again)
		}
		if !joined.Covers(p) || joined.Lost(p) || joined.Join(p) != Position(joined) {
			t.Fatalf("%v does not cover %v", joined, p)
		}
		for i, d := range p.domains {
			if i > 0 && p.domains[i-1].id >= d.id || d.seq == 0 {
				t.Fatalf("%v is not in order", p)
			}
			if seq, ok := d.last(d.server); !ok || seq != d.seq {
				t.Fatalf("%v does not know its own last", p)
			}
			for j, k := range d.known {
				if k.seq > d.seq || j > 0 && d.known[j-1].server >= k.server {
					t.Fatalf("%v: %v is not in order", p, d.known)
				}
			}
		}
	}
	if d, ok := a.Distance(b); ok == a.Lost(b) || ok && (d == 0) != a.Covers(b) || d < 0 || a.Covers(b) && a.Lost(b) && a.SameLineage(b) {
		t.Fatalf("%v to %v: %d, %t, covers %t, lost %t", a, b, d, ok, a.Covers(b), a.Lost(b))
	}
	if a.Succeeds(b) && b.Succeeds(a) {
		t.Fatalf("%v and %v succeed each other", a, b)
	}
	return joined
}

func TestGTIDPositionLaws(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 30_000 {
		a, b := randomPosition(t, r), randomPosition(t, r)
		checkPositions(t, a, b)
	}
}

func FuzzGTIDPosition(f *testing.F) {
	for _, seed := range [][2]string{
		{"", " "},
		{"0-1-100,1-2-5", "0-1-99"},
		{"0-1-97,0-3-40,0-2-120", "0-1-98"},
		{"0-1-100", "0-2-100"},
		{" 00 - 1 - 007 ,\n1-2-0", "1-1-18446744073709551615,0-1-1"},
		{"0-1", ",0-1-1"},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, one, two string) {
		a, errA := ParseGTIDPosition(one)
		b, errB := ParseGTIDPosition(two)
		for _, err := range []error{errA, errB} {
			if err != nil && (!errors.Is(err, ErrPosition) || len(err.Error()) > 300) {
				t.Fatal(err)
			}
		}
		if errA != nil || errB != nil {
			return
		}
		joined := checkPositions(t, a, b)
		checkPositions(t, joined, b)
		checkPositions(t, a, joined)
	})
}

func BenchmarkGTIDPositionCovers(b *testing.B) {
	for _, test := range []struct{ name, p, o string }{
		{"one domain", "0-1-1000000", "0-1-999999"},
		{"with a history", "0-1-97,0-2-120,0-3-1000000", "0-1-96"},
		{"four domains", "0-1-100,1-1-5,2-1-7,3-1-9", "0-1-100,1-1-5,2-1-7,3-1-9"},
	} {
		b.Run(test.name, func(b *testing.B) {
			var p, o Position = mariadb(b, test.p), mariadb(b, test.o)
			b.ReportAllocs()
			for b.Loop() {
				p.Covers(o)
			}
		})
	}
}

func ExampleGTIDPosition_Lost() {
	// Server 2 was promoted when it had 97 transactions of server 1.
	primary, _ := ParseGTIDPosition("0-1-97,0-2-120")
	kept, _ := ParsePosition("mariadb:0-1-97")
	lost, _ := ParsePosition("mariadb:0-1-98")
	fmt.Println(primary.Lost(kept), primary.Lost(lost))
	// Output: false true
}
