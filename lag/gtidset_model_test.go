package lag

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// gtidTransaction is one transaction of the naive model of a set.
type gtidTransaction struct {
	uuid, tag string
	n         int
}

type gtidModel map[gtidTransaction]bool

var (
	modelUUIDs = []string{uuidA, uuidB, uuidC}
	modelTags  = []string{"", "", "tag"}
)

// randomGTIDs returns a small set and its model, which agree in all but form.
func randomGTIDs(t *testing.T, r *rand.Rand) (*GTIDSet, gtidModel) {
	model := gtidModel{}
	var entries []string
	for range r.IntN(5) {
		uuid, tag := modelUUIDs[r.IntN(3)], modelTags[r.IntN(3)]
		entry := uuid
		if tag != "" {
			entry += ":" + tag
		}
		for range r.IntN(3) {
			first := 1 + r.IntN(8)
			last := first - 1 + r.IntN(4)
			for n := first; n <= last; n++ {
				model[gtidTransaction{uuid, tag, n}] = true
			}
			entry += fmt.Sprintf(":%d-%d", first, last)
		}
		entries = append(entries, entry)
	}
	p, err := ParseGTIDSet(strings.Join(entries, ",\n"))
	if err != nil {
		t.Fatal(err)
	}
	if r.IntN(3) > 0 {
		if p, err = p.WithServer(modelUUIDs[r.IntN(3)]); err != nil {
			t.Fatal(err)
		}
	}
	return p, model
}

// modelOf expands a set.
func modelOf(p *GTIDSet) gtidModel {
	model := gtidModel{}
	for _, s := range p.sources {
		for _, i := range s.intervals {
			for n := i.first; n <= i.last; n++ {
				model[gtidTransaction{s.uuid.String(), s.tag, int(n)}] = true
			}
		}
	}
	return model
}

func (m gtidModel) covers(o gtidModel) bool { return len(o.without(m)) == 0 }

func (m gtidModel) without(o gtidModel) gtidModel {
	left := gtidModel{}
	for x := range m {
		if !o[x] {
			left[x] = true
		}
	}
	return left
}

func (m gtidModel) uuids() map[string]bool {
	all := map[string]bool{}
	for x := range m {
		all[x.uuid] = true
	}
	return all
}

func (m gtidModel) lineage(o gtidModel) bool {
	for uuid := range m.uuids() {
		if o.uuids()[uuid] {
			return true
		}
	}
	return len(m) == 0 || len(o) == 0
}

// lost tells whether new transactions of the server's own can make m cover o.
func (m gtidModel) lost(server string, o gtidModel) bool {
	if !m.lineage(o) {
		return true
	}
	if server == "" || !m.uuids()[server] {
		return false
	}
	for x := range o.without(m) {
		if x.uuid != server {
			return true
		}
	}
	return false
}

func (m gtidModel) within(server string, primary gtidModel) gtidModel {
	left := gtidModel{}
	for x := range m {
		if x.uuid != server || primary[x] {
			left[x] = true
		}
	}
	return left
}

func (m gtidModel) succeeds(o gtidModel) bool {
	mine, others := m.uuids(), o.uuids()
	for uuid := range others {
		if !mine[uuid] {
			return false
		}
	}
	return len(others) > 0 && len(mine) > len(others)
}

// checkCanonical holds a set to its form.
func checkCanonical(t *testing.T, p *GTIDSet) {
	t.Helper()
	again, err := ParseGTIDSet(p.Set())
	if err != nil || !slices.EqualFunc(p.sources, again.sources, func(a, b gtidSource) bool {
		return a.compare(&b) == 0 && slices.Equal(a.intervals, b.intervals)
	}) {
		t.Fatalf("%q reads as %v, %v", p.Set(), again, err)
	}
	for i, s := range p.sources {
		if len(s.intervals) == 0 || i > 0 && p.sources[i-1].compare(&s) >= 0 {
			t.Fatalf("%v is not in order", p)
		}
		for j, v := range s.intervals {
			if v.first < 1 || v.last < v.first || j > 0 && v.first <= s.intervals[j-1].last+1 {
				t.Fatalf("%v is not in order", p)
			}
		}
	}
}

func (m gtidModel) equal(p *GTIDSet) bool {
	o := modelOf(p)
	return m.covers(o) && o.covers(m)
}

func TestGTIDSetAgainstModel(t *testing.T) {
	for seed := range uint64(4) {
		r := rand.New(rand.NewPCG(seed, 1))
		for range 10_000 {
			a, ma := randomGTIDs(t, r)
			b, mb := randomGTIDs(t, r)
			before := a.Set() + "/" + b.Set()
			checkCanonical(t, a)
			if !ma.equal(a) {
				t.Fatalf("%v holds %v", a, ma)
			}
			if got, want := a.Covers(b), ma.covers(mb); got != want {
				t.Fatalf("%v covers %v: %t", a, b, got)
			}
			joined := a.Join(b).(*GTIDSet)
			checkCanonical(t, joined)
			mj := modelOf(joined)
			if !mj.covers(ma) || !mj.covers(mb) || len(mj.without(ma).without(mb)) > 0 || joined.server != a.server {
				t.Fatalf("%v and %v: %v", a, b, joined)
			}
			left := b.Subtract(a)
			checkCanonical(t, left)
			if !mb.without(ma).equal(left) {
				t.Fatalf("%v without %v: %v", b, a, left)
			}
			if d, ok := a.Distance(b); ok != ma.lineage(mb) || ok && d != int64(len(mb.without(ma))) {
				t.Fatalf("%v to %v: %d, %t", a, b, d, ok)
			}
			if got := a.SameLineage(b); got != ma.lineage(mb) {
				t.Fatalf("%v and %v are of one lineage: %t", a, b, got)
			}
			if got, want := a.Lost(b), ma.lost(a.Server(), mb); got != want {
				t.Fatalf("%v of %s has lost %v: %t", a, a.Server(), b, got)
			}
			within := a.Within(b).(*GTIDSet)
			checkCanonical(t, within)
			if mw := ma.within(a.Server(), mb); !mw.equal(within) || within.server != a.server || (len(mw) == len(ma)) != (within == a) {
				t.Fatalf("%v of %s within %v: %v", a, a.Server(), b, within)
			}
			if got, want := a.Succeeds(b), ma.succeeds(mb); got != want || got && b.Succeeds(a) {
				t.Fatalf("%v succeeds %v: %t", a, b, got)
			}
			if a.Set()+"/"+b.Set() != before {
				t.Fatalf("%s has become %v/%v", before, a, b)
			}
		}
	}
}

func TestGTIDSetAllocations(t *testing.T) {
	large := gtidsOf(t, "A", "A:1-1000:1005-2000:tag:1-50,B:1-50:52-60,C:1-7")
	tests := []struct {
		name string
		p, o Position
	}{
		{"itself", large, large},
		{"one interval", gtids(t, "A:1-1000"), gtids(t, "A:1-999")},
		{"many", large, gtids(t, "A:1-1000:1006-1999:tag:50,B:2:4:6:52-60,C:7")},
		{"behind", gtids(t, "A:1-1000,B:1"), large},
		{"another lineage", gtids(t, "A:1-1000"), gtids(t, "B:1")},
		{"MariaDB's", mariadb(t, "0-1-100,1-1-5"), mariadb(t, "0-1-90,1-1-5")},
		{"MariaDB's, with a history", mariadb(t, "0-1-90,0-2-100"), mariadb(t, "0-1-95")},
	}
	for _, test := range tests {
		if n := testing.AllocsPerRun(100, func() {
			test.p.Covers(test.o)
			test.p.Distance(test.o)
			test.p.SameLineage(test.o)
			test.p.Succeeds(test.o)
			test.p.Lost(test.o)
		}); n != 0 {
			t.Errorf("%s: %v allocations", test.name, n)
		}
	}
}

func FuzzGTIDSet(f *testing.F) {
	for _, seed := range [][2]string{
		{"", ","},
		{uuidA + ":1-5:7", uuidA + ":1-3:6, " + uuidB + ":1"},
		{uuidA + ":1-5:tag:1-3:tag2:5:9-10,\n" + uuidB + ":1-3", strings.ToUpper(uuidA) + ":TAG:2-4"},
		{uuidA + ":9-10:5-3:1-9223372036854775806", uuidA + ":9223372036854775806," + uuidA + ":1"},
		{uuidA + " : 1 - 5 : _t : 7 ,", uuidA + ":" + strings.Repeat("t", 33) + ":1"},
		{uuidA + ":0", uuidB + ":1-"},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, one, two string) {
		a, errA := ParseGTIDSet(one)
		b, errB := ParseGTIDSet(two)
		for _, err := range []error{errA, errB} {
			if err != nil && (!errors.Is(err, ErrPosition) || len(err.Error()) > 300) {
				t.Fatal(err)
			}
		}
		if errA != nil || errB != nil {
			return
		}
		checkCanonical(t, a)
		both, err := ParseGTIDSet(one + "," + two) // the union, as the manual has it
		if err != nil {
			t.Fatal(err)
		}
		joined := a.Join(b).(*GTIDSet)
		checkCanonical(t, joined)
		if joined.Set() != both.Set() || b.Join(a).(*GTIDSet).Set() != both.Set() {
			t.Fatalf("%v and %v: %v, not %v", a, b, joined, both)
		}
		if !a.Covers(a) || !joined.Covers(a) || !joined.Covers(b) || joined.Lost(a) {
			t.Fatalf("%v does not cover %v and %v", joined, a, b)
		}
		if a.Covers(b) && !a.Covers(joined) || joined.Succeeds(joined) {
			t.Fatalf("%v covers %v, but not %v", a, b, joined)
		}
		left := b.Subtract(a)
		checkCanonical(t, left)
		if a.Join(left).(*GTIDSet).Set() != joined.Set() || !b.Covers(left) || left.Subtract(a).Set() != left.Set() {
			t.Fatalf("%v without %v: %v", b, a, left)
		}
		if d, ok := a.Distance(b); ok && (d == 0) != a.Covers(b) || d < 0 || (left.Set() == "") != a.Covers(b) {
			t.Fatalf("%v to %v: %d, %t", a, b, d, ok)
		}
		for _, server := range modelUUIDs {
			p, err := a.WithServer(server)
			if err != nil {
				t.Fatal(err)
			}
			within := p.Within(b).(*GTIDSet)
			checkCanonical(t, within)
			if !p.Covers(within) || within.Within(b) != Position(within) || p.Covers(b) && (p.Lost(b) || !within.Covers(b)) {
				t.Fatalf("%v of %s within %v: %v", p, server, b, within)
			}
		}
	})
}

func BenchmarkGTIDSetCovers(b *testing.B) {
	var gaps, fewer strings.Builder
	gaps.WriteString("A")
	fewer.WriteString("A")
	for n := 1; n < 3000; n += 3 {
		fmt.Fprintf(&gaps, ":%d-%d", n, n+1)
		fmt.Fprintf(&fewer, ":%d", n)
	}
	for _, test := range []struct{ name, p, o string }{
		{"one interval", "A:1-1000000", "A:1-999999"},
		{"three sources", "A:1-1000000,B:1-500,C:1-7", "A:1-999999,B:1-500,C:1-7"},
		{"behind", "A:1-999999,B:1-500,C:1-7", "A:1-1000000,B:1-500,C:1-7"},
		{"1000 intervals", gaps.String(), fewer.String()},
	} {
		b.Run(test.name, func(b *testing.B) {
			var p, o Position = gtids(b, test.p), gtids(b, test.o)
			b.ReportAllocs()
			for b.Loop() {
				p.Covers(o)
			}
		})
	}
}

func BenchmarkParseGTIDSet(b *testing.B) {
	text := named("A:1-1000000,\nB:1-500,\nC:1-7")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseGTIDSet(text); err != nil {
			b.Fatal(err)
		}
	}
}
