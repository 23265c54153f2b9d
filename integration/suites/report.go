package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// figures are how many statements the members ran.
type figures struct{ Primary, Replicas int }

// figuresIn finds the line that the tests over rwsplit print at their end.
func figuresIn(said string) (f figures, err error) {
	_, rest, ok := strings.Cut(said, "\nrwsplit: ")
	if !ok {
		return f, fmt.Errorf("the tests over rwsplit did not end:\n%s", said)
	}
	line, _, _ := strings.Cut(rest, "\n")
	return f, json.Unmarshal([]byte(line), &f)
}

// report prints what came of a suite on a server, and returns whether that is as
// it should be.
func report(w io.Writer, pkg, server string, c *comparison, l *list) (ok bool) {
	ok = true
	complain := func(format string, args ...any) {
		fmt.Fprintf(w, "  "+format+"\n", args...)
		ok = false
	}
	unlisted := c.unlisted(l)
	passed := c.plain.with("pass")
	both := len(c.again)
	for _, name := range passed {
		if c.ours.passed(name) {
			both++
		}
	}
	fmt.Fprintf(w, "%s on %s\n", pkg, server)
	fmt.Fprintf(w, "  pass plain: %d, and %d of them not without the server\n", len(passed), c.needServer)
	fmt.Fprintf(w, "  pass over rwsplit: %d of these\n", both)
	fmt.Fprintf(w, "  differ: %d (a test with subtests counts by those), %d of them as docs/compatibility.md says\n",
		len(c.differ), len(c.differ)-len(unlisted))

	f, err := figuresIn(c.ours.said)
	switch {
	case err != nil:
		complain("%v", err)
	case f.Replicas == 0:
		complain("no statement went to a replica")
	default:
		fmt.Fprintf(w, "  statements over rwsplit: %d on the primary, %d on replicas\n", f.Primary, f.Replicas)
	}
	if c.needServer == 0 {
		complain("no test passes that needs a server")
	}
	for _, name := range c.ours.races() {
		complain("a data race: %s\n%s", name, cmp.Or(c.ours.tests[name].output, c.ours.said))
	}
	if failed := c.plain.with("fail"); len(failed) > 0 {
		fmt.Fprintf(w, "  not compared, as they fail with the plain driver: %s\n", strings.Join(failed, ", "))
	}
	if len(c.again) > 0 {
		fmt.Fprintf(w, "  failed once, and passed when run again, alone: %s\n", strings.Join(c.again, ", "))
	}
	for _, name := range unlisted {
		v := c.ours.tests[name]
		if v.action == "" {
			v.action = "did not run"
		}
		complain("DIFFERS and is not in docs/compatibility.md: %s: %s\n%s", name, v.action, v.output)
	}
	return ok
}
