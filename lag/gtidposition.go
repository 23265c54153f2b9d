package lag

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// gtidPositionEngine begins the text form of a [GTIDPosition].
const gtidPositionEngine = "mariadb"

// GTIDPosition is a position of MariaDB: for each replication domain the last
// transaction, as domain-server-sequence (MariaDB documentation, "Global
// Transaction ID"). It is made by [ParseGTIDPosition] and never changes. The zero
// GTIDPosition is the empty one.
//
// Within a domain sequence numbers only grow, whoever writes: the writer gives
// the next after the highest that it has seen. (Domains written to by two servers
// at once, which only gtid_strict_mode=OFF lets pass, do not keep this.) So the
// number alone says how far a server got, and which servers wrote the numbers
// says on which branch of the history: where a failover lost transactions, the
// numbers go on from another server.
type GTIDPosition struct {
	domains []gtidDomain // ascending by id
}

type gtidDomain struct {
	id     uint32
	server uint32 // of the last transaction
	seq    uint64
	known  []gtidLast // ascending by server; holds the last transaction, too
}

// gtidLast is the last transaction of a server in a domain, as far as is known.
type gtidLast struct {
	server uint32
	seq    uint64
}

var _ Position = (*GTIDPosition)(nil)

// ParseGTIDPosition reads a list of GTIDs, separated by commas, with white space
// around numbers: "0-1-100,1-2-5". Of several in one domain the one with the
// highest sequence number is the position, of equal ones the last. (The order of
// @@gtid_binlog_state tells nothing: the server sorts it by domain alone.) The
// others, each server's last there, are kept for what they tell of the history.
// Transactions are numbered from 1: an entry with sequence number 0 names none.
//
// Lists add up: with @@gtid_slave_pos appended to it, the state of a server that
// was made from a backup tells where its history came from.
//
// All errors wrap [ErrPosition]. The length is not bounded: the text is a
// server's answer. That of a user is for [ParsePosition].
func ParseGTIDPosition(text string) (*GTIDPosition, error) {
	p := &GTIDPosition{}
	if trimSpace(text) == "" {
		return p, nil
	}
	all := make([]gtidDomain, 0, strings.Count(text, ",")+1)
	for entry := range strings.SplitSeq(text, ",") {
		d, err := parseGTID(entry)
		if err != nil {
			return nil, err
		}
		if d.seq > 0 {
			all = append(all, d)
		}
	}
	slices.SortStableFunc(all, func(a, b gtidDomain) int { return cmp.Compare(a.id, b.id) })
	for len(all) > 0 {
		n := 1
		for n < len(all) && all[n].id == all[0].id {
			n++
		}
		p.domains = append(p.domains, newDomain(all[:n]))
		all = all[n:]
	}
	return p, nil
}

// newDomain makes one of all entries of a domain.
func newDomain(entries []gtidDomain) gtidDomain {
	last := entries[0]
	known := make([]gtidLast, len(entries))
	for i, e := range entries {
		if e.seq >= last.seq {
			last = e
		}
		known[i] = gtidLast{e.server, e.seq}
	}
	last.known = mergeKnown(known)
	return last
}

// mergeKnown sorts by server and keeps the larger sequence number of each, in
// place.
func mergeKnown(all []gtidLast) []gtidLast {
	slices.SortFunc(all, func(a, b gtidLast) int {
		return cmp.Or(cmp.Compare(a.server, b.server), cmp.Compare(b.seq, a.seq))
	})
	return slices.Clip(slices.CompactFunc(all, func(a, b gtidLast) bool { return a.server == b.server }))
}

func parseGTID(text string) (d gtidDomain, err error) {
	parts := strings.SplitN(text, "-", 4)
	if len(parts) != 3 {
		return d, fmt.Errorf("%w: GTID %q: want domain-server-sequence", ErrPosition, clip(text))
	}
	var numbers [3]uint64
	for i, name := range [...]string{"domain", "server", "sequence"} {
		bits := 32
		if i == 2 {
			bits = 64
		}
		if numbers[i], err = strconv.ParseUint(trimSpace(parts[i]), 10, bits); err != nil {
			return d, fmt.Errorf("%w: GTID with %s %q: want a number of %d bits", ErrPosition, name, clip(parts[i]), bits)
		}
	}
	return gtidDomain{id: uint32(numbers[0]), server: uint32(numbers[1]), seq: numbers[2]}, nil
}

func trimSpace(text string) string { return strings.Trim(text, " \t\n\v\f\r") }

// find returns the domain, or nil.
func (p *GTIDPosition) find(id uint32) *gtidDomain {
	for i := range p.domains { // few
		if p.domains[i].id == id {
			return &p.domains[i]
		}
	}
	return nil
}

// last returns the last sequence number of a server that is known, or false.
func (d *gtidDomain) last(server uint32) (uint64, bool) {
	for _, k := range d.known { // few
		if k.server == server {
			return k.seq, true
		}
	}
	return 0, false
}

// lost reports that o's transaction is not in d's history and will never be: d
// went past its sequence number, and numbers only grow. That it went past without
// the transaction is proven where d knows an earlier one as the last of that
// server, or where the very number is another server's. Of a server that d knows
// nothing of, nothing is proven: @@gtid_binlog_state begins anew in a server that
// was made from a backup, and a printed position has none. Neither is it of one
// that lost a transaction and has written again since.
func (d *gtidDomain) lost(o *gtidDomain) bool {
	if d.seq < o.seq {
		return false // it may still come
	}
	seq, ok := d.last(o.server)
	if !ok {
		return d.seq == o.seq
	}
	return seq < o.seq
}

// Covers implements [Position]: in each domain of other, p has got as far, and
// is not known to have lost what other has there.
func (p *GTIDPosition) Covers(other Position) bool {
	o, ok := other.(*GTIDPosition)
	if !ok {
		return false
	}
	if p == o {
		return true
	}
	for i := range o.domains {
		want := &o.domains[i]
		if d := p.find(want.id); d == nil || d.seq < want.seq || d.lost(want) {
			return false
		}
	}
	return true
}

// Lost implements [Position]: the two share no domain, though neither is empty,
// or p's history went past other's in some domain with another server and
// without it.
func (p *GTIDPosition) Lost(other Position) bool {
	o, ok := other.(*GTIDPosition)
	if !ok || !p.sharesDomain(o) {
		return true
	}
	for i := range o.domains {
		if d := p.find(o.domains[i].id); d != nil && d.lost(&o.domains[i]) {
			return true
		}
	}
	return false
}

// Within implements [Position]. A replica that wrote on its own has used up
// sequence numbers of the domain: what it got cannot be told by number any more.
func (p *GTIDPosition) Within(Position) Position { return p }

// Distance implements [Position], in transactions: sequence numbers, summed over
// other's domains. It is false where p has lost some of other.
func (p *GTIDPosition) Distance(other Position) (int64, bool) {
	o, ok := other.(*GTIDPosition)
	if !ok || p.Lost(o) {
		return 0, false
	}
	var n uint64
	for i := range o.domains {
		missing := o.domains[i].seq
		if d := p.find(o.domains[i].id); d != nil {
			missing -= min(missing, d.seq)
		}
		if missing > math.MaxInt64-n {
			return math.MaxInt64, true
		}
		n += missing
	}
	return int64(n), true
}

// SameLineage implements [Position]: the two share a domain, or one is empty.
func (p *GTIDPosition) SameLineage(other Position) bool {
	o, ok := other.(*GTIDPosition)
	return ok && p.sharesDomain(o)
}

func (p *GTIDPosition) sharesDomain(o *GTIDPosition) bool {
	if len(p.domains) == 0 || len(o.domains) == 0 {
		return true
	}
	for i := range o.domains {
		if p.find(o.domains[i].id) != nil {
			return true
		}
	}
	return false
}

// Succeeds implements [Position]: in some domain the last transaction of p is of
// a server that other has never seen there, while p has seen the server of
// other's last; and in no domain it is the other way round. It tells nothing as
// long as the new primary has not written, or if both have been primaries of
// the other before.
func (p *GTIDPosition) Succeeds(other Position) bool {
	o, ok := other.(*GTIDPosition)
	if !ok {
		return false
	}
	later := false
	for i := range o.domains {
		b := &o.domains[i]
		a := p.find(b.id)
		if a == nil {
			continue
		}
		if b.succeeds(a) {
			return false
		}
		later = later || a.succeeds(b)
	}
	return later
}

func (d *gtidDomain) succeeds(o *gtidDomain) bool {
	_, seenByOther := o.last(d.server)
	_, seen := d.last(o.server)
	return seen && !seenByOther
}

// History implements [Position]: in each domain the server of the last
// transaction, "domain 0 of server 2".
func (p *GTIDPosition) History() string {
	if len(p.domains) == 0 {
		return "empty"
	}
	const more = ", …"
	text := fmt.Sprintf("domain %d of server %d", p.domains[0].id, p.domains[0].server)
	for _, d := range p.domains[1:] {
		next := fmt.Sprintf(", %d of %d", d.id, d.server)
		if len(text)+len(next)+len(more) > maxHistory {
			return text + more
		}
		text += next
	}
	return text
}

// List returns the position as a list of one GTID a domain, by domain: what
// MASTER_GTID_WAIT takes. It does not tell what is known of the history.
func (p *GTIDPosition) List() string { return string(p.appendTo(nil)) }

// String implements [Position]: "mariadb:LIST".
func (p *GTIDPosition) String() string { return string(p.appendTo([]byte(gtidPositionEngine + ":"))) }

func (p *GTIDPosition) appendTo(b []byte) []byte {
	for i := range p.domains {
		if i > 0 {
			b = append(b, ',')
		}
		d := &p.domains[i]
		b = strconv.AppendUint(b, uint64(d.id), 10)
		b = append(b, '-')
		b = strconv.AppendUint(b, uint64(d.server), 10)
		b = append(b, '-')
		b = strconv.AppendUint(b, d.seq, 10)
	}
	return b
}
