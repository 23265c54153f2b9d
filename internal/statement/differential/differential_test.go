package differential

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	pgquery "github.com/pganalyze/pg_query_go/v6"
	"github.com/rwsplit/rwsplit/internal/statement"
)

var (
	size = flag.Int("texts", 60_000, "how many texts to generate; twice as many are mutated")
	seed = flag.Uint64("seed", 1, "of the generator")
)

func TestNoWriteIsTakenForARead(t *testing.T) {
	g := newGenerator(*seed)
	texts := handwritten(t)
	for range *size {
		texts = append(texts, g.one())
	}
	c := count{reasons: map[string]int{}, examples: map[string]string{}}
	pool := make([][]string, 0, len(texts))
	for _, text := range texts {
		if c.check(t, text) && len(text) < 400 {
			pool = append(pool, words(text))
		}
	}
	generated := c.valid
	for range 2 * *size {
		c.check(t, g.mutate(pool[g.IntN(len(pool))], pool[g.IntN(len(pool))]))
	}
	t.Logf("%d texts that parse (%d generated, %d mutated): %d reads, of which %d taken for writes without need (%.2f %%)",
		c.valid, generated, c.valid-generated, c.reads, c.missed, 100*float64(c.missed)/float64(c.reads))
	keys := make([]string, 0, len(c.reasons))
	for k := range c.reasons {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b string) int { return c.reasons[b] - c.reasons[a] })
	for _, k := range keys[:min(len(keys), 25)] {
		t.Logf("%6d %-40s %.300q", c.reasons[k], k, c.examples[k])
	}
	if c.valid < 20_000 && *size >= 60_000 {
		t.Errorf("only %d texts parse", c.valid)
	}
	if c.missed*10 > c.reads {
		t.Errorf("%d of %d reads are taken for writes", c.missed, c.reads)
	}
}

type count struct {
	valid, reads, missed, wrong int
	reasons                     map[string]int
	examples                    map[string]string
}

// check holds one text against the parser and tells whether it is valid SQL.
func (c *count) check(t *testing.T, text string) bool {
	tree, err := pgquery.Parse(text)
	if err != nil {
		return false
	}
	c.valid++
	why := writes(tree)
	s := statement.Classify(statement.Postgres, text)
	kind, reason, detail := s.Resolve(nil)
	switch {
	case why != "" && kind == statement.Read:
		if c.wrong++; c.wrong <= 20 {
			t.Errorf("taken for a read, but %s:\n%s", why, text)
		}
	case why == "":
		c.reads++
		if kind != statement.Read {
			c.missed++
			key := fmt.Sprintf("%s %s", reason.Key(), detail)
			c.reasons[key]++
			if old, ok := c.examples[key]; !ok || len(text) < len(old) {
				c.examples[key] = text
			}
		}
	}
	return true
}

// handwritten is the kept corpus: statements separated by blank lines.
func handwritten(t *testing.T) []string {
	data, err := os.ReadFile("testdata/corpus.sql")
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSpace(string(data)), "\n\n")
}
