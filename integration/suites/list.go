package main

import (
	"fmt"
	"regexp"
	"strings"
)

// list is a suite's part of the list of differences.
type list struct{ entries []*entry }

// entry is a test that may fail, with its subtests.
type entry struct {
	test string
	seen bool // it does
}

// entryOf returns the entry that a test falls under, or nil.
func (l *list) entryOf(test string) *entry {
	for _, e := range l.entries {
		if test == e.test || strings.HasPrefix(test, e.test+"/") {
			return e
		}
	}
	return nil
}

// stale are the entries that no test needed.
func (l *list) stale() (names []string) {
	for _, e := range l.entries {
		if !e.seen {
			names = append(names, e.test)
		}
	}
	return names
}

// quoted is what stands between backticks.
var quoted = regexp.MustCompile("`([^`]+)`")

// parseList reads, from docs/compatibility.md, the table under the heading that
// names the package: tests between backticks in the first column, and why they
// differ in the second.
func parseList(document, pkg string) (*list, error) {
	_, part, ok := strings.Cut(document, "\n### `"+pkg+"`\n")
	if !ok {
		return nil, fmt.Errorf("docs/compatibility.md has no heading ### `%s`", pkg)
	}
	part, _, _ = strings.Cut(part, "\n#")
	l := new(list)
	rows := 0
	for line := range strings.Lines(part) {
		if !strings.HasPrefix(line, "|") {
			continue
		}
		if rows++; rows <= 2 { // the head
			continue
		}
		cells := strings.Split(strings.TrimSuffix(strings.TrimSpace(line), "|"), "|")
		if len(cells) != 3 || strings.TrimSpace(cells[2]) == "" {
			return nil, fmt.Errorf("docs/compatibility.md: not | test | why |: %s", line)
		}
		tests := quoted.FindAllStringSubmatch(cells[1], -1)
		if len(tests) == 0 {
			return nil, fmt.Errorf("docs/compatibility.md: a row without a test: %s", line)
		}
		for _, test := range tests {
			if l.entryOf(test[1]) != nil {
				return nil, fmt.Errorf("docs/compatibility.md has %s twice", test[1])
			}
			l.entries = append(l.entries, &entry{test: test[1]})
		}
	}
	return l, nil
}
