package lag

import (
	"encoding/hex"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Bounds of the server's notation: GNO_END of sql/rpl_gtid.h, which is no number
// itself, and tag_max_length of libs/mysql/gtid.
const (
	maxGNO       = math.MaxInt64 - 1
	maxGTIDTag   = 32
	gtidUUIDText = 36
)

// gtidUUID is a UUID's bytes: their order is that of its text.
type gtidUUID [16]byte

// gtidUUIDDashes are the offsets of the dashes in a UUID's text.
var gtidUUIDDashes = [...]int{8, 13, 18, 23}

// parseGTIDUUID reads the UUID that text begins with, with dashes: the server
// takes no other form inside a set.
func parseGTIDUUID(text string) (u gtidUUID, ok bool) {
	if len(text) < gtidUUIDText {
		return u, false
	}
	var digits [2 * len(u)]byte
	n := 0
	for i := range gtidUUIDText {
		if slices.Contains(gtidUUIDDashes[:], i) {
			if text[i] != '-' {
				return u, false
			}
			continue
		}
		digits[n] = text[i]
		n++
	}
	_, err := hex.Decode(u[:], digits[:])
	return u, err == nil
}

func (u gtidUUID) appendTo(b []byte) []byte {
	for i, digits := range [...][]byte{u[:4], u[4:6], u[6:8], u[8:10], u[10:]} {
		if i > 0 {
			b = append(b, '-')
		}
		b = hex.AppendEncode(b, digits)
	}
	return b
}

// String returns the server's notation: lower case, with dashes.
func (u gtidUUID) String() string { return string(u.appendTo(make([]byte, 0, gtidUUIDText))) }

// Set returns the set in the server's notation, on one line: what
// WAIT_FOR_EXECUTED_GTID_SET takes. Sources are sorted by UUID, then tag.
func (p *GTIDSet) Set() string { return string(p.appendTo(nil)) }

// String implements [Position]: "mysql:SET".
func (p *GTIDSet) String() string { return string(p.appendTo([]byte(gtidSetEngine + ":"))) }

func (p *GTIDSet) appendTo(b []byte) []byte {
	for i := range p.sources {
		s := &p.sources[i]
		if i == 0 || s.uuid != p.sources[i-1].uuid {
			if i > 0 {
				b = append(b, ',')
			}
			b = s.uuid.appendTo(b)
		}
		if s.tag != "" {
			b = append(b, ':')
			b = append(b, s.tag...)
		}
		for _, interval := range s.intervals {
			b = append(b, ':')
			b = strconv.AppendInt(b, interval.first, 10)
			if interval.last > interval.first {
				b = append(b, '-')
				b = strconv.AppendInt(b, interval.last, 10)
			}
		}
	}
	return b
}

// ParseGTIDSet reads a set in the server's notation, as gtid_executed and
// GTID_SUBTRACT print it and GTID_SUBSET takes it: "UUID:1-5:7,UUID:tag:1-3".
//
// It follows Gtid_set::add_gtid_text of sql/rpl_gtid_set.cc: white space may stand
// between any two symbols, entries may be empty, lack intervals, repeat a source
// and overlap, and an interval whose end is before its start is empty. It differs
// only in what no server prints: numbers with a sign, with a leading zero, which
// the server takes for octal or hexadecimal ones, and a dash without an end are
// refused.
//
// All errors wrap [ErrPosition]. The length is not bounded: the text is a
// server's answer. That of a user is for [ParsePosition].
func ParseGTIDSet(text string) (*GTIDSet, error) {
	s := gtidScanner{text: text}
	// Room for all at once, so that no list moves while another is added to.
	intervals := make([]gtidInterval, 0, strings.Count(text, ":"))
	var sources []gtidSource
	for {
		s.space()
		if s.take(',') {
			continue
		}
		if s.end() {
			return &GTIDSet{sources: mergeSources(sources)}, nil
		}
		uuid, ok := parseGTIDUUID(s.rest())
		if !ok {
			return nil, s.error("want a UUID")
		}
		s.at += gtidUUIDText
		source := gtidSource{uuid: uuid}
		begin := len(intervals)
		for s.space(); s.take(':'); s.space() {
			s.space()
			if s.atTag() {
				source.intervals = intervals[begin:]
				sources, begin = append(sources, source), len(intervals)
				tag, err := s.tag()
				if err != nil {
					return nil, err
				}
				source = gtidSource{uuid: uuid, tag: tag}
				continue
			}
			interval, err := s.interval()
			if err != nil {
				return nil, err
			}
			if interval.first <= interval.last {
				intervals = append(intervals, interval)
			}
		}
		source.intervals = intervals[begin:]
		sources = append(sources, source)
		if !s.end() && !s.next(',') {
			return nil, s.error("want a colon, a comma or the end")
		}
	}
}

// mergeSources makes the list of a set from sources in any order, in place.
func mergeSources(all []gtidSource) []gtidSource {
	byKey := func(a, b gtidSource) int { return a.compare(&b) }
	if !slices.IsSortedFunc(all, byKey) {
		slices.SortStableFunc(all, byKey)
	}
	merged := all[:0]
	for len(all) > 0 {
		n := 1
		for n < len(all) && all[n].compare(&all[0]) == 0 {
			n++
		}
		s := all[0]
		if n > 1 {
			s.intervals = nil
			for i := range all[:n] {
				s.intervals = append(s.intervals, all[i].intervals...)
			}
		}
		all = all[n:]
		if len(s.intervals) > 0 {
			s.intervals = mergeIntervals(s.intervals)
			merged = append(merged, s)
		}
	}
	return slices.Clip(merged)
}

// gtidScanner reads the symbols of a set.
type gtidScanner struct {
	text string
	at   int
}

func (s *gtidScanner) rest() string { return s.text[s.at:] }
func (s *gtidScanner) end() bool    { return s.at == len(s.text) }

// next reports whether c is next.
func (s *gtidScanner) next(c byte) bool { return !s.end() && s.text[s.at] == c }

// take skips c if it is next.
func (s *gtidScanner) take(c byte) bool {
	if !s.next(c) {
		return false
	}
	s.at++
	return true
}

func (s *gtidScanner) space() {
	for !s.end() && isSpace(s.text[s.at]) {
		s.at++
	}
}

// isSpace is the server's isspace, of ASCII.
func isSpace(c byte) bool { return c == ' ' || '\t' <= c && c <= '\r' }

func isTagByte(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' || c == '_' }

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// atTag reports whether a tag is next, rather than a number.
func (s *gtidScanner) atTag() bool { return !s.end() && isTagByte(s.text[s.at]) }

func (s *gtidScanner) tag() (string, error) {
	rest, n := s.rest(), 0
	for n < len(rest) && (isTagByte(rest[n]) || isDigit(rest[n])) {
		n++
	}
	if n > maxGTIDTag {
		return "", s.error(fmt.Sprintf("want a tag of at most %d bytes", maxGTIDTag))
	}
	s.at += n
	return strings.ToLower(rest[:n]), nil
}

func (s *gtidScanner) interval() (i gtidInterval, err error) {
	if i.first, err = s.number(1); err != nil {
		return i, err
	}
	i.last = i.first
	s.space()
	if s.take('-') {
		s.space()
		i.last, err = s.number(0)
	}
	return i, err
}

func (s *gtidScanner) number(least int64) (int64, error) {
	rest, n := s.rest(), 0
	for n < len(rest) && isDigit(rest[n]) {
		n++
	}
	v, err := strconv.ParseInt(rest[:n], 10, 64)
	if err != nil || v < least || v > maxGNO || n > 1 && rest[0] == '0' {
		return 0, s.error(fmt.Sprintf("want a number from %d to %d", least, int64(maxGNO)))
	}
	s.at += n
	return v, nil
}

func (s *gtidScanner) error(want string) error {
	if s.end() {
		return fmt.Errorf("%w: GTID set: %s at its end", ErrPosition, want)
	}
	return fmt.Errorf("%w: GTID set: %s at byte %d, not %q", ErrPosition, want, s.at, clip(s.rest()))
}

// maxQuote bounds what an error quotes of its input, in bytes.
const maxQuote = 40

func clip(text string) string { return text[:min(len(text), maxQuote)] }
