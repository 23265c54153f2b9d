package statement

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"unsafe"
)

func TestCache(t *testing.T) {
	c := NewCache(Postgres, 100)
	a := c.Classify("SELECT 1")
	if a.Kind != Read || c.Classify("SELECT 1") != a {
		t.Error("not remembered")
	}
	if c.Len() != 1 {
		t.Errorf("%d texts", c.Len())
	}
	c.Refuse("SELECT 1")
	for _, sql := range []string{"SELECT 1", "SELECT 2"} {
		c.Refuse(sql)
		if s := c.Classify(sql); s.Kind != Write || s.Reason != ReplicaRefused {
			t.Errorf("%s is a %v because of: %v", sql, s.Kind, s.Reason)
		}
	}
	if a.Kind != Read {
		t.Error("a statement was changed")
	}
	c.Refuse("SET x = 1")
	if s := c.Classify("SET x = 1"); s.Kind != Session {
		t.Error("a session statement became a write")
	}
	if n := testing.AllocsPerRun(100, func() { c.Classify("SELECT 1") }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestCacheLongTexts(t *testing.T) {
	c := NewCache(Postgres, 100)
	long := "SELECT '" + strings.Repeat("a", longestKept) + "'"
	other := "SELECT '" + strings.Repeat("b", longestKept) + "'"
	c.Classify(long)
	if c.Len() != 0 {
		t.Error("a long text is kept")
	}
	c.Refuse(long)
	if s := c.Classify(long); s.Reason != ReplicaRefused {
		t.Error("the refusal of a long text is forgotten")
	}
	if s := c.Classify(other); s.Kind != Read {
		t.Error("a long text is taken for another")
	}
}

func TestCacheIsBounded(t *testing.T) {
	c := NewCache(Postgres, 64)
	for i := range 10_000 {
		c.Classify(fmt.Sprintf("SELECT %d", i))
	}
	if c.Len() > 64 || c.Len() < 32 {
		t.Errorf("%d texts", c.Len())
	}
	pad := strings.Repeat(" ", longestKept/2)
	for i := range 1_000 {
		c.Classify(fmt.Sprintf("SELECT %d%s", i, pad))
	}
	bytes := 0
	for i := range c.sets {
		for w := range c.sets[i].entries {
			if e := c.sets[i].entries[w].Load(); e != nil {
				bytes += len(e.text)
			}
		}
	}
	if limit := len(c.sets) * setBytes; bytes > limit {
		t.Errorf("%d bytes of text, over %d", bytes, limit)
	}
}

// What is used stays, whatever else comes by once.
func TestCacheKeepsWhatIsUsed(t *testing.T) {
	c := NewCache(Postgres, 64)
	hot := c.Classify("SELECT 'hot'")
	missed := 0
	for i := range 10_000 {
		c.Classify(fmt.Sprintf("SELECT %d", i))
		if s := c.Classify("SELECT 'hot'"); s != hot {
			hot = s
			missed++
		}
	}
	if missed > 10 {
		t.Errorf("forgotten %d times", missed)
	}
}

func TestCacheKeepsNoLargerText(t *testing.T) {
	c := NewCache(Postgres, 1)
	large := "SELECT f(1)" + strings.Repeat(" ", 1<<10)
	text := large[:11]
	s := c.Classify(text)
	e := c.sets[0].entries[0].Load()
	if e == nil {
		e = c.sets[0].entries[ways-1].Load()
	}
	if unsafe.StringData(e.text) == unsafe.StringData(text) {
		t.Error("the caller's text is kept")
	}
	if unsafe.StringData(s.Calls[0].Name) == unsafe.StringData(text[7:]) {
		t.Error("a part of the caller's text is kept")
	}
}

func TestCacheConcurrently(t *testing.T) {
	c := NewCache(Postgres, 32)
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 5_000 {
				sql := fmt.Sprintf("SELECT %d", (i*7+g)%100)
				if s := c.Classify(sql); s.Kind != Read && s.Reason != ReplicaRefused {
					t.Errorf("%s is a %v", sql, s.Kind)
				}
				if i%50 == 0 {
					c.Refuse(sql)
				}
				if i%500 == 0 {
					c.Len()
				}
			}
		})
	}
	wg.Wait()
}
