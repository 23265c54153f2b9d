package lag

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"strings"
	"testing"
)

const (
	uuidA = "0a11fa47-71ca-11e1-9e33-c80aa9429562"
	uuidB = "4350f323-7565-4e59-8763-4b1b83a0ce0e"
	uuidC = "f3350f32-aaaa-11ee-8c99-0242ac120002"
)

var gtidName = regexp.MustCompile(`\b[ABC]\b`)

// named puts in the UUIDs of a set that a test writes as "A:1-5,B:3".
func named(text string) string {
	return gtidName.ReplaceAllStringFunc(text, func(name string) string {
		return map[string]string{"A": uuidA, "B": uuidB, "C": uuidC}[name]
	})
}

// gtids returns the set of such a text.
func gtids(t testing.TB, text string) *GTIDSet {
	t.Helper()
	p, err := ParseGTIDSet(named(text))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// gtidsOf returns the set as that of a server.
func gtidsOf(t testing.TB, server, text string) *GTIDSet {
	t.Helper()
	p := gtids(t, text)
	if server == "" {
		return p
	}
	p, err := p.WithServer(named(server))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestParseGTIDSet(t *testing.T) {
	long := strings.Repeat("t", maxGTIDTag)
	tests := []struct{ name, text, want string }{
		{"empty", "", ""},
		{"white space", " \t\r\n\v\f", ""},
		{"commas", ",, ,", ""},
		{"one", "A:1", "A:1"},
		{"an interval", "A:1-5", "A:1-5"},
		{"of one", "A:5-5", "A:5"},
		{"intervals", "A:1-5:7:9-10", "A:1-5:7:9-10"},
		{"as the server prints it", "A:1-5:7,\nB:1-3", "A:1-5:7,B:1-3"},
		{"unordered sources", "B:1-3,A:1", "A:1,B:1-3"},
		{"unordered intervals", "A:9-10:1-5:7", "A:1-5:7:9-10"},
		{"overlapping", "A:1-5:3-8:8", "A:1-8"},
		{"one within another", "A:1-9:2-3:10", "A:1-10"},
		{"adjacent", "A:1-5:6-7:9", "A:1-7:9"},
		{"twice", "A:1:1:1", "A:1"},
		{"a source twice", "A:5-9,B:1,A:1-4", "A:1-9,B:1"},
		{"backwards", "A:5-3", ""},
		{"backwards to zero", "A:5-0:7", "A:7"},
		{"no intervals", "A", ""},
		{"no intervals, and more", "A,B:1", "B:1"},
		{"empty entries", ",A:1,,B:2,", "A:1,B:2"},
		{"the largest number", "A:9223372036854775806", "A:9223372036854775806"},
		{"all numbers", "A:1-9223372036854775806", "A:1-9223372036854775806"},
		{"all numbers, twice", "A:1-9223372036854775806:1-9223372036854775806", "A:1-9223372036854775806"},
		{"upper case", strings.ToUpper(uuidA) + ":1," + strings.ToUpper(uuidC) + ":2", "A:1,C:2"},
		{"mixed case", "F3350F32-aaaa-11EE-8c99-0242ac120002:1", "C:1"},
		{"white space all over", " A : 1 - 5 :\n7 ,\tB\r\n: tag : 3 - 4 ", "A:1-5:7,B:tag:3-4"},

		{"tagged", "A:tag:1", "A:tag:1"},
		{"a tag holds on", "A:tag:1-3:5:tag2:5:9-10", "A:tag:1-3:5:tag2:5:9-10"},
		{"untagged first", "A:1-5:tag:1", "A:1-5:tag:1"},
		{"tags sorted", "A:b:1:a:2:_:3", "A:_:3:a:2:b:1"},
		{"a tag twice", "A:tag:1:2:x:9:tag:3-4", "A:tag:1-4:x:9"},
		{"tag after UUID, as two sources", "A:tag:8,A:1,A:tag:9", "A:1:tag:8-9"},
		{"tags in upper case", "A:TAG_1:1:Tag_1:2", "A:tag_1:1-2"},
		{"tag without intervals", "A:1:tag", "A:1"},
		{"tags without intervals", "A:tag:x,B:y:1", "B:y:1"},
		{"tag of hexadecimal digits", "A:abc:1", "A:abc:1"},
		{"the longest tag", "A:" + long + ":1", "A:" + long + ":1"},
		{"tags of two UUIDs", "B:a:1,A:b:1,B:1,A:1", "A:1:b:1,B:1:a:1"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			text, want := named(test.text), named(test.want)
			p, err := ParseGTIDSet(text)
			if err != nil {
				t.Fatal(err)
			}
			if p.Set() != want {
				t.Errorf("%q reads as %q, want %q", text, p.Set(), want)
			}
			if p.String() != "mysql:"+want {
				t.Errorf("String = %q", p)
			}
			again, err := ParsePosition(p.String())
			if err != nil || again.String() != p.String() {
				t.Errorf("%q reads as %v, %v", p, again, err)
			}
		})
	}
}

func TestParseGTIDSetRefuses(t *testing.T) {
	tests := []struct{ name, text, fault string }{
		{"no UUID", "x", `want a UUID at byte 0, not "x"`},
		{"a cut UUID", uuidA[:35], "want a UUID at byte 0"},
		{"a UUID without dashes", strings.ReplaceAll(uuidA, "-", "") + ":1234567", "want a UUID at byte 0"},
		{"a UUID in braces", "{A}:1", "want a UUID at byte 0"},
		{"a dash too far", "0a11fa4-771ca-11e1-9e33-c80aa9429562:1", "want a UUID at byte 0"},
		{"not hexadecimal", "ga11fa47-71ca-11e1-9e33-c80aa9429562:1", "want a UUID at byte 0"},
		{"white space in a UUID", "0a11fa47- 1ca-11e1-9e33-c80aa9429562:1", "want a UUID at byte 0"},
		{"a bad second one", "A:1,x:2", `want a UUID at byte 39, not "x:2"`},
		{"nothing after the colon", "A:", "want a number from 1 to 9223372036854775806 at its end"},
		{"a comma after the colon", "A:,B:1", "want a number from 1"},
		{"two colons", "A::1", "want a number from 1"},
		{"nothing after the last colon", "A:1:", "want a number from 1"},
		{"nothing after a tag's colon", "A:tag:", "want a number from 1"},
		{"zero", "A:0", `want a number from 1 to 9223372036854775806 at byte 37, not "0"`},
		{"from zero", "A:0-5", "want a number from 1"},
		{"negative", "A:-1", "want a number from 1"},
		{"a sign", "A:+1", "want a number from 1"},
		{"hexadecimal", "A:0x10", "want a number from 1"},
		{"octal", "A:010", "want a number from 1"},
		{"octal end", "A:1-010", "want a number from 0"},
		{"too large", "A:9223372036854775807", "want a number from 1"},
		{"too large an end", "A:1-9223372036854775807", "want a number from 0"},
		{"far too large", "A:1-" + strings.Repeat("9", 100), "want a number from 0"},
		{"no end", "A:1-", "want a number from 0 to 9223372036854775806 at its end"},
		{"no end, and more", "A:1-:5", "want a number from 0"},
		{"two dashes", "A:1--5", "want a number from 0"},
		{"two ends", "A:1-2-3", "want a colon, a comma or the end"},
		{"two numbers", "A:1 2", "want a colon, a comma or the end"},
		{"no comma", "A:1 B:1", "want a colon, a comma or the end"},
		{"a semicolon", "A:1;B:1", "want a colon, a comma or the end"},
		{"a dash for a colon", "A-1", "want a colon, a comma or the end"},
		{"a tag that begins with a digit", "A:1tag:1", "want a colon, a comma or the end"},
		{"a tag with a dash", "A:a-b:1", "want a colon, a comma or the end"},
		{"a tag with white space", "A:a b:1", "want a colon, a comma or the end"},
		{"a tag of other letters", "A:é:1", "want a number from 1"},
		{"a tag with a control byte", "A:a\x7f:1", "want a colon, a comma or the end"},
		{"too long a tag", "A:" + strings.Repeat("t", maxGTIDTag+1) + ":1", "want a tag of at most 32 bytes"},
		{"a plus before it", "+A:1", "want a UUID at byte 0"},
		{"anonymous", "ANONYMOUS", "want a UUID"},
		{"a zero byte", "A:1\x00", "want a colon, a comma or the end"},
		{"binary", "\x00\xff\xfe", "want a UUID"},
		{"MariaDB's", "0-1-100", "want a UUID"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			text := named(test.text)
			p, err := ParseGTIDSet(text)
			if !errors.Is(err, ErrPosition) || p != nil {
				t.Fatalf("ParseGTIDSet(%q) = %v, %v, want ErrPosition", text, p, err)
			}
			if !strings.Contains(err.Error(), test.fault) {
				t.Errorf("%q, want it to say %q", err, test.fault)
			}
			if len(err.Error()) > 300 {
				t.Errorf("an error of %d bytes", len(err.Error()))
			}
		})
	}
}

// A server's answer may be long; what comes from a user may not.
func TestParseGTIDSetLong(t *testing.T) {
	var text strings.Builder
	text.WriteString(uuidA)
	for n := 1; n < 40_000; n += 2 {
		fmt.Fprintf(&text, ":%d", n)
	}
	p, err := ParseGTIDSet(text.String())
	if err != nil || p.Set() != text.String() {
		t.Fatalf("%d bytes: %v", text.Len(), err)
	}
	if p, err := ParsePosition(p.String()); !errors.Is(err, ErrPosition) || p != nil {
		t.Errorf("ParsePosition takes %d bytes: %v", text.Len(), err)
	}
}

func TestGTIDSetWithServer(t *testing.T) {
	p := gtids(t, "A:1-5")
	if p.Server() != "" {
		t.Errorf("Server = %q", p.Server())
	}
	q, err := p.WithServer(strings.ToUpper(uuidB))
	if err != nil || q.Server() != uuidB || q.String() != p.String() {
		t.Errorf("WithServer = %v of %q, %v", q, q.Server(), err)
	}
	if p.Server() != "" {
		t.Error("the set itself was changed")
	}
	if again, _ := q.WithServer(uuidB); again != q {
		t.Error("a set of the same server is another")
	}
	for _, bad := range []string{"", "x", uuidA[1:], uuidA + " ", uuidA + ":1", "{" + uuidA + "}", "00000000-0000-0000-0000-000000000000"} {
		if p, err := p.WithServer(bad); !errors.Is(err, ErrPosition) || p != nil {
			t.Errorf("WithServer(%q) = %v, %v, want ErrPosition", bad, p, err)
		}
	}
}

func TestGTIDSetZero(t *testing.T) {
	var zero GTIDSet
	p := gtids(t, "A:1")
	if zero.String() != "mysql:" || zero.History() != "empty" || !zero.Covers(gtids(t, "")) || zero.Covers(p) || !p.Covers(&zero) {
		t.Error("the zero set is not empty")
	}
	if zero.Join(p) != Position(p) || p.Join(&zero) != Position(p) {
		t.Error("joined with the empty set, a set is another")
	}
	if !zero.SameLineage(p) || !p.SameLineage(&zero) || zero.Lost(p) || p.Lost(&zero) || zero.Succeeds(p) || p.Succeeds(&zero) {
		t.Error("the empty set is of another lineage")
	}
	if d, ok := zero.Distance(p); d != 1 || !ok {
		t.Errorf("Distance = %d, %t", d, ok)
	}
}

func TestGTIDSetCompare(t *testing.T) {
	const unknown = -1
	tests := []struct {
		name, p, other string
		covers         bool
		distance       int64
		lineage        bool
		join           string
	}{
		{"equal", "A:1-5", "A:1-5", true, 0, true, "A:1-5"},
		{"ahead", "A:1-6", "A:1-5", true, 0, true, "A:1-6"},
		{"behind", "A:1-5", "A:1-8", false, 3, true, "A:1-8"},
		{"a gap", "A:1-3:5-9", "A:1-5", false, 1, true, "A:1-9"},
		{"in a gap", "A:1-3:7-9", "A:4-6", false, 3, true, "A:1-9"},
		{"over gaps", "A:2:4:6", "A:1-7", false, 4, true, "A:1-7"},
		{"within one of many", "A:1-3:7-9:20-30", "A:21-22", true, 0, true, "A:1-3:7-9:20-30"},
		{"many within one", "A:1-100", "A:3:7-9:20-30", true, 0, true, "A:1-100"},
		{"one cut into two", "A:1-3:5-6", "A:2-3:6-7", false, 1, true, "A:1-3:5-7"},
		{"another source more", "A:1-5,B:1", "A:1-5", true, 0, true, "A:1-5,B:1"},
		{"a source less", "A:1-5", "A:1-5,B:1-3", false, 3, true, "A:1-5,B:1-3"},
		{"each has one", "A:1-5,C:1", "A:1-5,B:1-3", false, 3, true, "A:1-5,B:1-3,C:1"},
		{"another lineage", "A:1-5", "B:1-3", false, unknown, false, "A:1-5,B:1-3"},
		{"other lineages", "A:1,C:1", "B:1", false, unknown, false, "A:1,B:1,C:1"},
		{"another tag", "A:1-5", "A:tag:1-3", false, 3, true, "A:1-5:tag:1-3"},
		{"tags", "A:a:1-5:b:1-3", "A:b:1-4", false, 1, true, "A:a:1-5:b:1-4"},
		{"nothing to cover", "A:1", "", true, 0, true, "A:1"},
		{"nothing", "", "A:1-3", false, 3, true, "A:1-3"},
		{"nothing and nothing", "", "", true, 0, true, ""},
		{"beyond all counting", "A:1", "A:1-9223372036854775806,B:1-9223372036854775806", false, math.MaxInt64, true,
			"A:1-9223372036854775806,B:1-9223372036854775806"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p, o := gtids(t, test.p), gtids(t, test.other)
			if got := p.Covers(o); got != test.covers {
				t.Errorf("Covers = %t", got)
			}
			d, ok := p.Distance(o)
			if ok != (test.distance != unknown) || ok && d != test.distance {
				t.Errorf("Distance = %d, %t, want %d", d, ok, test.distance)
			}
			if got := p.SameLineage(o); got != test.lineage || got != o.SameLineage(p) {
				t.Errorf("SameLineage = %t", got)
			}
			if got := p.Join(o).(*GTIDSet).Set(); got != named(test.join) {
				t.Errorf("Join = %q", got)
			}
			if got := o.Join(p).(*GTIDSet).Set(); got != named(test.join) {
				t.Errorf("Join the other way = %q", got)
			}
			if p.Set() != named(test.p) || o.Set() != named(test.other) {
				t.Errorf("they have become %q and %q", p.Set(), o.Set())
			}
		})
	}
}

func TestGTIDSetJoinKeepsServer(t *testing.T) {
	small, large := gtidsOf(t, "A", "A:1-5"), gtidsOf(t, "B", "A:1-9")
	if got := small.Join(large).(*GTIDSet); got.Server() != uuidA || got.Set() != large.Set() {
		t.Errorf("%v of %q", got, got.Server())
	}
	if got := large.Join(small); got != Position(large) {
		t.Errorf("%v is not the larger one", got)
	}
	if got := small.Join(gtids(t, "B:1")).(*GTIDSet); got.Server() != uuidA {
		t.Errorf("%v of %q", got, got.Server())
	}
	bare := gtids(t, "A:1-9")
	if got := gtids(t, "A:1-5").Join(bare); got != Position(bare) {
		t.Error("the one that covers the other was copied")
	}
}

func TestGTIDSetLost(t *testing.T) {
	tests := []struct {
		name, server, p, other string
		want                   bool
	}{
		{"has it", "A", "A:1-100", "A:1-50", false},
		{"its own, still to come", "A", "A:1-100", "A:1-150", false},
		{"its own under a tag, still to come", "A", "A:1-100", "A:1-100:tag:1-5", false},
		{"another lineage", "A", "A:1-100", "B:1", true},
		{"another lineage, server unknown", "", "A:1-100", "B:1", true},
		{"nothing", "A", "A:1-100", "", false},
		{"nothing yet", "A", "", "B:1", false},

		{"of the primary before, got", "B", "A:1-97,B:1-3", "A:1-97", false},
		{"of the primary before, lost", "B", "A:1-97,B:1-3", "A:1-100", true},
		{"of the primary before, a gap", "B", "A:1-50:52-97,B:1-3", "A:51", true},
		{"of the primary before, under a tag", "B", "A:1-97,B:1-3", "A:1-97:tag:1", true},
		{"own and foreign", "B", "A:1-97,B:1-3", "A:1-97,B:1-9", false},
		{"foreign and own", "B", "A:1-97,B:1-3", "A:1-98,B:1-9", true},
		{"of a third", "B", "A:1-97,B:1-3", "A:1-97,C:1", true},
		{"wrote under a tag alone", "B", "A:1-97,B:tag:1", "A:1-100", true},
		{"promoted, but has not written", "B", "A:1-97", "A:1-100", false},
		{"server unknown", "", "A:1-97,B:1-3", "A:1-100", false},
		{"a group's member", "B", "C:1-100", "C:1-150", false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := gtidsOf(t, test.server, test.p).Lost(gtids(t, test.other)); got != test.want {
				t.Errorf("Lost = %t", got)
			}
		})
	}
}

func TestGTIDSetWithin(t *testing.T) {
	tests := []struct{ name, server, p, primary, want string }{
		{"nothing of its own", "B", "A:1-90", "A:1-100", "A:1-90"},
		{"all of its own is known", "B", "A:1-90,B:1-5", "A:1-100,B:1-5", "A:1-90,B:1-5"},
		{"written on the replica", "B", "A:1-90,B:1-5", "A:1-100", "A:1-90"},
		{"some of it", "B", "A:1-90,B:1-5:7-9", "A:1-100,B:1-3:8", "A:1-90,B:1-3:8"},
		{"under a tag", "B", "A:1-90,B:1-5:tag:1-2:x:1", "A:1-100,B:1-5:x:1", "A:1-90,B:1-5:x:1"},
		{"ahead of the primary in what it got", "B", "A:1-101,B:1", "A:1-100", "A:1-101"},
		{"of a third", "B", "A:1-90,C:1-5", "A:1-100", "A:1-90,C:1-5"},
		{"nothing but its own", "B", "B:1-5", "A:1-100", ""},
		{"server unknown", "", "A:1-90,B:1-5", "A:1-100", "A:1-90,B:1-5"},
		{"nothing", "B", "", "A:1-100", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p, primary := gtidsOf(t, test.server, test.p), gtids(t, test.primary)
			got := p.Within(primary).(*GTIDSet)
			if got.Set() != named(test.want) || got.Server() != p.Server() {
				t.Errorf("Within = %q of %q", got.Set(), got.Server())
			}
			if test.p == test.want {
				if got != p {
					t.Error("it is a copy")
				}
				if n := testing.AllocsPerRun(100, func() { p.Within(primary) }); n != 0 {
					t.Errorf("%v allocations", n)
				}
			}
			if p.Set() != named(test.p) {
				t.Errorf("it has become %q", p.Set())
			}
		})
	}
}

func TestGTIDSetSucceeds(t *testing.T) {
	tests := []struct {
		name, p, other string
		want           bool
	}{
		{"wrote under a new UUID", "A:1-97,B:1", "A:1-100", true},
		{"the other way", "A:1-100", "A:1-97,B:1", false},
		{"equal", "A:1-100,B:1", "A:1-100,B:1", false},
		{"a surplus", "A:1-100,B:1-9", "A:1-90,B:1", false},
		{"both wrote", "A:1-97,B:1", "A:1-97,C:1", false},
		{"a new tag", "A:1-97:tag:1", "A:1-97", false},
		{"a new UUID with a tag", "A:1-97:x:2,B:tag:1", "A:1-97", true},
		{"before it, in order", "A:1,B:1-97", "B:1-100", true},
		{"between", "A:1,B:1,C:1-97", "A:1,C:1-100", true},
		{"two more", "A:1,B:1,C:1", "B:1", true},
		{"empty", "A:1", "", false},
		{"empty itself", "", "A:1", false},
		{"another lineage", "A:1,B:1", "C:1", false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := gtids(t, test.p).Succeeds(gtids(t, test.other)); got != test.want {
				t.Errorf("Succeeds = %t", got)
			}
		})
	}
}

func TestGTIDSetSubtract(t *testing.T) {
	tests := []struct{ p, other, want string }{
		{"A:1-10", "A:3:7-8", "A:1-2:4-6:9-10"},
		{"A:1-3:7-9:20", "A:2-8", "A:1:9:20"},
		{"A:1-10,B:1", "A:1-10", "B:1"},
		{"A:1-3:tag:1-3", "A:2:tag:1-9", "A:1:3"},
		{"A:1", "", "A:1"},
		{"", "A:1", ""},
		{"A:1-9223372036854775806", "A:9223372036854775806", "A:1-9223372036854775805"},
	}
	for _, test := range tests {
		if got := gtids(t, test.p).Subtract(gtids(t, test.other)).Set(); got != named(test.want) {
			t.Errorf("%s without %s is %q", test.p, test.other, got)
		}
	}
}

func TestGTIDSetHistory(t *testing.T) {
	seven := "A:1"
	for i := range 6 {
		seven += fmt.Sprintf(",%08x-0000-0000-0000-000000000000:1", 0x10000000*(i+2))
	}
	tests := []struct{ server, text, want string }{
		{"", "", "empty"},
		{"", "A:1-5:tag:1", uuidA},
		{"", "A:1,B:1:tag:5", "0a11fa47+4350f323"},
		{"", "A:1,B:1,C:1", "0a11fa47+4350f323+f3350f32"},
		{"", seven, "0a11fa47+20000000+30000000+40000000+50000000+60000000+…"},
		{"B", "A:1", uuidB},
	}
	for _, test := range tests {
		got := gtidsOf(t, test.server, test.text).History()
		if got != test.want || len(got) > maxHistory {
			t.Errorf("History of %s is %q, %d bytes", test.text, got, len(got))
		}
	}
}

func ExampleGTIDSet_Covers() {
	written, _ := ParseGTIDSet("3E11FA47-71CA-11E1-9E33-C80AA9429562:1-105")
	replica, _ := ParseGTIDSet("3E11FA47-71CA-11E1-9E33-C80AA9429562:1-100:102")
	behind, _ := replica.Distance(written)
	fmt.Println(replica.Covers(written), behind)
	fmt.Println(written.Subtract(replica).Set())
	// Output:
	// false 4
	// 3e11fa47-71ca-11e1-9e33-c80aa9429562:101:103-105
}
