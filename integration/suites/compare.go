package main

import (
	"context"
	"maps"
	"slices"
	"strings"
)

// comparison is what came of a suite on one server.
type comparison struct {
	plain, ours *results
	needServer  int      // tests that pass, and do not without a server
	differ      []string // tests that pass with the plain driver alone: the innermost
	again       []string // tests that passed when they ran again, alone
}

// differences are the tests that pass with the plain driver and not over rwsplit.
// Of a test and its subtests the innermost count: a test fails with its subtests.
func differences(plain, ours *results) (innermost []string) {
	all := plain.with("pass")
	all = slices.DeleteFunc(all, ours.passed)
	for _, name := range all {
		inner := func(other string) bool { return strings.HasPrefix(other, name+"/") }
		if !slices.ContainsFunc(all, inner) {
			innermost = append(innermost, name)
		}
	}
	return innermost
}

// retries is how often a test that differs runs again, alone.
const retries = 2

// retry runs what differs and is not listed again, and keeps what still differs.
func (c *comparison) retry(ctx context.Context, ours *binary, env []string, l *list) error {
	var still []string
	for _, name := range c.differ {
		passed := false
		for try := 0; try < retries && !passed && l.entryOf(name) == nil; try++ {
			r, err := ours.run(ctx, exactly(name), env)
			if err != nil {
				return err
			}
			passed = r.passed(name)
		}
		if passed {
			c.again = append(c.again, name)
		} else {
			still = append(still, name)
		}
	}
	c.differ = still
	return nil
}

// races are the tests during which the race detector found one, which a test that
// then passes does not make good. "" stands for what ran outside of tests.
func (r *results) races() (names []string) {
	const warning = "WARNING: DATA RACE"
	if strings.Contains(r.said, warning) {
		names = append(names, "")
	}
	for _, name := range slices.Sorted(maps.Keys(r.tests)) {
		if strings.Contains(r.tests[name].output, warning) {
			names = append(names, name)
		}
	}
	return names
}

// unlisted are the differences that the list does not have. It marks the entries
// that it finds.
func (c *comparison) unlisted(l *list) (names []string) {
	for _, name := range c.differ {
		if e := l.entryOf(name); e != nil {
			e.seen = true
		} else {
			names = append(names, name)
		}
	}
	return names
}
