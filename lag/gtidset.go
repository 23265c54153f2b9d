package lag

import (
	"bytes"
	"fmt"
	"iter"
	"math"
	"slices"
	"strings"
)

// gtidSetEngine begins the text form of a [GTIDSet] position.
const gtidSetEngine = "mysql"

// GTIDSet is a position of MySQL: the transactions that a server has executed,
// as gtid_executed tells them (MySQL Reference Manual, "GTID Format and
// Storage"). It is made by [ParseGTIDSet] and never changes. The zero GTIDSet is
// the empty set.
//
// A server numbers its transactions from 1 under its own UUID, so the numbers of
// one UUID merge into few intervals: the set does not grow with the writes, only
// with the servers that ever were the primary, and with gaps.
type GTIDSet struct {
	sources []gtidSource // ascending; none is empty
	server  gtidUUID     // zero: unknown
}

// gtidSource is what one source, a UUID with or without a tag, has committed.
type gtidSource struct {
	uuid      gtidUUID
	tag       string // lower case; empty: none
	intervals []gtidInterval
}

var _ Position = (*GTIDSet)(nil)

// compare orders sources as the server prints them.
func (s *gtidSource) compare(o *gtidSource) int {
	if s.uuid != o.uuid {
		return bytes.Compare(s.uuid[:], o.uuid[:])
	}
	return strings.Compare(s.tag, o.tag)
}

// WithServer returns the set as that of a sample of the server with this
// server_uuid. It is no part of the position: it is not printed, and lets
// [GTIDSet.Lost] and [GTIDSet.Within] tell the server's own transactions from
// those that it got from others. Text that is no UUID, or the zero one, is an
// error that wraps [ErrPosition].
func (p *GTIDSet) WithServer(uuid string) (*GTIDSet, error) {
	server, ok := parseGTIDUUID(uuid)
	if !ok || len(uuid) != gtidUUIDText || server == (gtidUUID{}) {
		return nil, fmt.Errorf("%w: server UUID %q", ErrPosition, clip(uuid))
	}
	return p.of(server), nil
}

func (p *GTIDSet) of(server gtidUUID) *GTIDSet {
	if p.server == server {
		return p
	}
	return &GTIDSet{sources: p.sources, server: server}
}

// Server returns the UUID that was given to [GTIDSet.WithServer], or "".
func (p *GTIDSet) Server() string {
	if p.server == (gtidUUID{}) {
		return ""
	}
	return p.server.String()
}

// pair yields each source of a with the intervals that b has of it.
func pair(a, b []gtidSource) iter.Seq2[*gtidSource, []gtidInterval] {
	return func(yield func(*gtidSource, []gtidInterval) bool) {
		rest := b
		for i := range a {
			var have []gtidInterval
			for len(rest) > 0 {
				c := rest[0].compare(&a[i])
				if c > 0 {
					break
				}
				if c == 0 {
					have = rest[0].intervals
				}
				rest = rest[1:]
			}
			if !yield(&a[i], have) {
				return
			}
		}
	}
}

// Covers implements [Position]: other is a subset. It takes time linear in the
// number of intervals.
func (p *GTIDSet) Covers(other Position) bool {
	o, ok := other.(*GTIDSet)
	return ok && p.covers(o)
}

func (p *GTIDSet) covers(o *GTIDSet) bool {
	if p == o {
		return true
	}
	if len(o.sources) > len(p.sources) {
		return false
	}
	for want, have := range pair(o.sources, p.sources) {
		if !coverIntervals(have, want.intervals) {
			return false
		}
	}
	return true
}

// Join implements [Position]: the union. It keeps the server of p.
func (p *GTIDSet) Join(other Position) Position {
	o, ok := other.(*GTIDSet)
	if !ok || p.covers(o) {
		return p
	}
	if o.covers(p) {
		return o.of(p.server)
	}
	sources := make([]gtidSource, 0, len(p.sources)+len(o.sources))
	a, b := p.sources, o.sources
	for len(a) > 0 && len(b) > 0 {
		switch c := a[0].compare(&b[0]); {
		case c < 0:
			sources, a = append(sources, a[0]), a[1:]
		case c > 0:
			sources, b = append(sources, b[0]), b[1:]
		default:
			both := a[0]
			both.intervals = joinIntervals(a[0].intervals, b[0].intervals)
			sources, a, b = append(sources, both), a[1:], b[1:]
		}
	}
	sources = append(append(sources, a...), b...)
	return &GTIDSet{sources: sources, server: p.server}
}

// Subtract returns the transactions of p that other lacks, as the server's
// GTID_SUBTRACT does. It keeps the server of p.
func (p *GTIDSet) Subtract(other *GTIDSet) *GTIDSet {
	left := &GTIDSet{server: p.server}
	for s, have := range pair(p.sources, other.sources) {
		if missing := slices.Collect(subtractIntervals(s.intervals, have)); len(missing) > 0 {
			left.sources = append(left.sources, gtidSource{s.uuid, s.tag, missing})
		}
	}
	return left
}

// Distance implements [Position], in transactions.
func (p *GTIDSet) Distance(other Position) (int64, bool) {
	o, ok := other.(*GTIDSet)
	if !ok || !p.sharesSource(o) {
		return 0, false
	}
	var n int64
	for want, have := range pair(o.sources, p.sources) {
		for i := range subtractIntervals(want.intervals, have) {
			if n > math.MaxInt64-i.count() {
				return math.MaxInt64, true
			}
			n += i.count()
		}
	}
	return n, true
}

// SameLineage implements [Position]: the two have transactions of a common UUID,
// or one of them is empty.
func (p *GTIDSet) SameLineage(other Position) bool {
	o, ok := other.(*GTIDSet)
	return ok && p.sharesSource(o)
}

func (p *GTIDSet) sharesSource(o *GTIDSet) bool {
	a, b := p.sources, o.sources
	if len(a) == 0 || len(b) == 0 {
		return true
	}
	for len(a) > 0 && len(b) > 0 {
		switch c := bytes.Compare(a[0].uuid[:], b[0].uuid[:]); {
		case c < 0:
			a = a[1:]
		case c > 0:
			b = b[1:]
		default:
			return true
		}
	}
	return false
}

// Succeeds implements [Position]: p has transactions of every UUID that other has
// some of, and of one more. Who was promoted last writes under a UUID that the
// server before it has never seen, while a mere surplus of transactions tells
// nothing: a failover after a crash loses some. It is false as long as the new
// primary has not written, and under group replication, where all write under the
// group's UUID.
func (p *GTIDSet) Succeeds(other Position) bool {
	o, ok := other.(*GTIDSet)
	if !ok || len(o.sources) == 0 {
		return false
	}
	more := false
	b := o.sources
	for a := p.sources; len(a) > 0; a = nextUUID(a) {
		if len(b) > 0 && a[0].uuid == b[0].uuid {
			b = nextUUID(b)
		} else {
			more = true
		}
	}
	return more && len(b) == 0
}

// nextUUID drops the first UUID's sources.
func nextUUID(s []gtidSource) []gtidSource {
	i := 1
	for i < len(s) && s[i].uuid == s[0].uuid {
		i++
	}
	return s[i:]
}

// Lost implements [Position]. Where the server of p is known and has written
// under its own UUID, it was promoted: from then on it takes in nothing from
// others, so what it lacks of another source is lost to it. Without transactions
// of its own that cannot be said: it may have been promoted just now, still
// applying what it received, or be of a replication group, which writes under the
// group's UUID.
func (p *GTIDSet) Lost(other Position) bool {
	o, ok := other.(*GTIDSet)
	if !ok || !p.sharesSource(o) {
		return true
	}
	if p.server == (gtidUUID{}) || !p.hasUUID(p.server) {
		return false
	}
	for want, have := range pair(o.sources, p.sources) {
		if want.uuid != p.server && !coverIntervals(have, want.intervals) {
			return true
		}
	}
	return false
}

func (p *GTIDSet) hasUUID(uuid gtidUUID) bool {
	for i := range p.sources {
		if p.sources[i].uuid == uuid {
			return true
		}
	}
	return false
}

// Within implements [Position]: it leaves out what the server of p wrote under
// its own UUID and the primary lacks. What the primary has of that UUID is from
// the time when this server was the primary.
func (p *GTIDSet) Within(primary Position) Position {
	o, ok := primary.(*GTIDSet)
	if !ok || p.server == (gtidUUID{}) || !p.hasStray(o) {
		return p
	}
	sources := make([]gtidSource, 0, len(p.sources))
	for s, have := range pair(p.sources, o.sources) {
		kept := *s
		if s.uuid == p.server {
			kept.intervals = commonIntervals(s.intervals, have)
		}
		if len(kept.intervals) > 0 {
			sources = append(sources, kept)
		}
	}
	return &GTIDSet{sources: sources, server: p.server}
}

// hasStray reports whether the server of p wrote what the primary lacks.
func (p *GTIDSet) hasStray(primary *GTIDSet) bool {
	for s, have := range pair(p.sources, primary.sources) {
		if s.uuid == p.server && !coverIntervals(have, s.intervals) {
			return true
		}
	}
	return false
}

// maxHistory bounds the text of History, in bytes.
const maxHistory = 60

// History implements [Position]: the server's UUID where it is known, else those
// of the sources, all but a single one shortened.
func (p *GTIDSet) History() string {
	const (
		short = 8 // the first group, which differs most in UUIDs made from the time
		most  = 6
	)
	if p.server != (gtidUUID{}) {
		return p.server.String()
	}
	if len(p.sources) == 0 {
		return "empty"
	}
	if len(nextUUID(p.sources)) == 0 {
		return p.sources[0].uuid.String()
	}
	var text strings.Builder
	n := 0
	for s := p.sources; len(s) > 0; s = nextUUID(s) {
		if n > 0 {
			text.WriteByte('+')
		}
		if n == most {
			text.WriteString("…")
			break
		}
		text.WriteString(s[0].uuid.String()[:short])
		n++
	}
	return text.String()
}
