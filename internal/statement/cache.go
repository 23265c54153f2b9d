package statement

import (
	"hash/maphash"
	"strings"
	"sync"
	"sync/atomic"
)

const (
	// longestKept is the longest text that a cache keeps, in bytes.
	longestKept = 32 << 10
	// ways is how many texts share a set, and so compete for its room.
	ways = 8
	// setBytes bounds the texts of one set.
	setBytes = longestKept
)

// Cache remembers what texts are. It is set-associative: a hit reads two
// pointers and writes nothing, so that readers on different cores do not
// disturb each other. Its memory is bounded by the number of its entries and by
// 4 KiB of text for each on average.
type Cache struct {
	dialect Dialect
	seed    maphash.Seed
	sets    []set
}

type set struct {
	entries [ways]atomic.Pointer[entry]
	mu      sync.Mutex // guards changes of entries, and hand
	hand    uint8
}

type entry struct {
	hash uint64
	// text is "" for a refused text that is too long to keep. It is then known
	// by its hash and size: two texts taken for one is a Write too many.
	text string
	size int
	st   *Statement
	used atomic.Bool // since the hand came by
}

// NewCache makes a cache for about so many texts.
func NewCache(d Dialect, entries int) *Cache {
	n := 1
	for n*ways < entries {
		n *= 2
	}
	return &Cache{dialect: d, seed: maphash.MakeSeed(), sets: make([]set, n)}
}

// Dialect is the language of the texts.
func (c *Cache) Dialect() Dialect { return c.dialect }

// Classify is Classify, remembered.
func (c *Cache) Classify(sql string) *Statement {
	hash := maphash.String(c.seed, sql)
	own := &c.sets[hash&uint64(len(c.sets)-1)]
	if e := own.find(hash, sql); e != nil {
		return e.st
	}
	if len(sql) > longestKept {
		return Classify(c.dialect, sql)
	}
	// A clone: the caller's text may be a small part of a large one.
	text := strings.Clone(sql)
	e := &entry{hash: hash, text: text, size: len(text), st: Classify(c.dialect, text)}
	return own.put(e, false).st
}

// Refuse remembers that a replica refused the text. From now on it is a Write.
func (c *Cache) Refuse(sql string) {
	st := *c.Classify(sql)
	if st.Kind != Read {
		return
	}
	st.Kind, st.Reason, st.Detail, st.Calls = Write, ReplicaRefused, "", nil
	e := &entry{hash: maphash.String(c.seed, sql), size: len(sql), st: &st}
	if len(sql) <= longestKept {
		e.text = strings.Clone(sql)
	}
	c.sets[e.hash&uint64(len(c.sets)-1)].put(e, true)
}

// Len is the number of texts that are remembered.
func (c *Cache) Len() int {
	n := 0
	for i := range c.sets {
		for w := range c.sets[i].entries {
			if c.sets[i].entries[w].Load() != nil {
				n++
			}
		}
	}
	return n
}

func (s *set) find(hash uint64, sql string) *entry {
	for i := range s.entries {
		e := s.entries[i].Load()
		if e == nil || e.hash != hash || e.size != len(sql) || e.text != sql && e.size <= longestKept {
			continue
		}
		if !e.used.Load() {
			e.used.Store(true)
		}
		return e
	}
	return nil
}

// put adds an entry and answers the one that is there now: somebody else's, if
// it came first and is not to be replaced. Entries that were not used since
// the hand last came by go first.
func (s *set) put(e *entry, replace bool) *entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	room, free := setBytes-len(e.text), -1
	for i := range s.entries {
		old := s.entries[i].Load()
		switch {
		case old == nil:
			free = i
		case old.hash == e.hash && old.size == e.size && old.text == e.text:
			if !replace {
				return old
			}
			s.entries[i].Store(e)
			return e
		default:
			room -= len(old.text)
		}
	}
	for free < 0 || room < 0 {
		i := int(s.hand % ways)
		s.hand++
		old := s.entries[i].Load()
		if old == nil || old.used.Swap(false) {
			continue
		}
		s.entries[i].Store(nil)
		room += len(old.text)
		free = i
	}
	s.entries[free].Store(e)
	return e
}
