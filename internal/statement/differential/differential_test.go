package differential

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	pgquery "github.com/pganalyze/pg_query_go/v6"
	"github.com/pingcap/tidb/pkg/parser"
	"github.com/rwsplit/rwsplit/internal/statement"
)

var (
	size = flag.Int("texts", 60_000, "how many texts to generate; twice as many are mutated")
	seed = flag.Uint64("seed", 1, "of the generator")
)

func TestNoWriteIsTakenForARead(t *testing.T) {
	g := newGenerator(*seed)
	c := count{
		words: words,
		writes: func(text string) (string, bool) {
			tree, err := pgquery.Parse(text)
			if err != nil {
				return "", false
			}
			return writes(tree), true
		},
		dialects: []statement.Dialect{statement.Postgres},
	}
	c.run(t, g, handwritten(t, "corpus.sql"), g.one)
}

func TestNoWriteIsTakenForAReadInMySQL(t *testing.T) {
	g := newGenerator(*seed)
	p := parser.New()
	c := count{
		words:    mysqlWords,
		writes:   func(text string) (string, bool) { return mysqlWrites(p, text) },
		dialects: []statement.Dialect{statement.MySQL, statement.MariaDB},
		excused: func(d statement.Dialect, why string) bool {
			// X() and Y() are MariaDB's own.
			return d == statement.MariaDB && (why == "calls x" || why == "calls y")
		},
	}
	c.run(t, g, handwritten(t, "mysql.sql"), mysqlGenerator{g}.one)
}

// count holds texts against a parser. The share of the reads that are taken for
// writes is that of the first dialect.
type count struct {
	words    func(text string) []string
	writes   func(text string) (why string, parses bool)
	dialects []statement.Dialect
	excused  func(d statement.Dialect, why string) bool

	valid, reads, missed, wrong int
	reasons                     map[string]int
	examples                    map[string]string
}

// run checks the texts, as many generated ones as asked for, and twice as many
// that are near to these.
func (c *count) run(t *testing.T, g *generator, texts []string, one func() string) {
	for range *size {
		texts = append(texts, one())
	}
	c.reasons, c.examples = map[string]int{}, map[string]string{}
	pool := make([][]string, 0, len(texts))
	for _, text := range texts {
		if c.check(t, text) && len(text) < 400 {
			pool = append(pool, c.words(text))
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

// check holds one text against the parser and tells whether it is valid SQL.
func (c *count) check(t *testing.T, text string) bool {
	why, parses := c.writes(text)
	if !parses {
		return false
	}
	c.valid++
	if why == "" {
		c.reads++
	}
	for i, d := range c.dialects {
		kind, reason, detail := statement.Classify(d, text).Resolve(nil)
		switch {
		case why != "" && kind == statement.Read && c.excused != nil && c.excused(d, why):
		case why != "" && kind == statement.Read:
			if c.wrong++; c.wrong <= 20 {
				t.Errorf("taken for a read of %s, but %s:\n%s", d, why, text)
			}
		case why == "" && kind != statement.Read && i == 0:
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

// handwritten is a kept corpus: statements separated by blank lines.
func handwritten(t *testing.T, file string) []string {
	data, err := os.ReadFile("testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSpace(string(data)), "\n\n")
}
