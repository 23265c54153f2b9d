package main

import (
	"bytes"
	"slices"
	"strings"
	"testing"
)

// ended makes results of "name=action" for each test.
func ended(said string, tests ...string) *results {
	r := &results{tests: make(map[string]verdict), said: said, finished: true}
	for _, t := range tests {
		name, action, _ := strings.Cut(t, "=")
		r.tests[name] = verdict{action: action, output: "output of " + name}
	}
	return r
}

func TestDifferences(t *testing.T) {
	plain := ended("", "Same=pass", "Sub=pass", "Sub/a=pass", "Sub/b=pass", "Subs=pass", "Skipped=pass", "Missing=pass", "Broken=fail", "Off=skip")
	ours := ended("", "Same=pass", "Sub=fail", "Sub/a=pass", "Sub/b=fail", "Subs=fail", "Skipped=skip", "Broken=fail", "Off=pass", "More=fail")
	want := []string{"Missing", "Skipped", "Sub/b", "Subs"}
	if got := differences(plain, ours); !slices.Equal(got, want) {
		t.Errorf("%q differ, want %q", got, want)
	}
}

func TestReport(t *testing.T) {
	const some, none = "\nrwsplit: {\"Primary\":7,\"Replicas\":5}\n", "\nrwsplit: {\"Primary\":7,\"Replicas\":0}\n"
	listed := func() *list { return &list{entries: []*entry{{test: "B"}}} }
	for _, test := range []struct {
		name string
		ours *results
		need int
		ok   bool
		want string
	}{
		{"the same", ended(some, "A=pass", "B=pass"), 2, true, "7 on the primary, 5 on replicas"},
		{"a listed difference", ended(some, "A=pass", "B=fail"), 2, true, "1 of them as docs/compatibility.md says"},
		{"an unlisted difference", ended(some, "A=fail", "B=pass"), 2, false, "output of A"},
		{"one that did not run", ended(some, "B=pass"), 2, false, "A: did not run"},
		{"nothing on replicas", ended(none, "A=pass", "B=pass"), 2, false, "no statement went to a replica"},
		{"a race", &results{tests: map[string]verdict{"A": {"pass", "WARNING: DATA RACE"}, "B": {"pass", ""}}, said: some}, 2, false, "a data race: A"},
		{"a race outside of tests", ended(some+"WARNING: DATA RACE\n", "A=pass", "B=pass"), 2, false, "a data race: \n"},
		{"no end", ended("panic: x\n", "A=pass", "B=pass"), 2, false, "panic: x"},
		{"no server", ended(some, "A=pass", "B=pass"), 0, false, "no test passes that needs a server"},
	} {
		plain := ended("", "A=pass", "B=pass", "C=fail")
		c := &comparison{plain: plain, ours: test.ours, needServer: test.need, differ: differences(plain, test.ours)}
		var out bytes.Buffer
		ok := report(&out, "a/b", "Server 1", c, listed())
		if ok != test.ok || !strings.Contains(out.String(), test.want) || !strings.Contains(out.String(), "plain driver: C") {
			t.Errorf("%s: %t, want %t and %q in\n%s", test.name, ok, test.ok, test.want, &out)
		}
	}
}

// A test that a panic ended never says how.
func TestResults(t *testing.T) {
	r := ended("")
	for _, e := range []event{
		{"run", "A", ""}, {"output", "A", "said\n"}, {"pass", "A", ""},
		{"run", "B", ""}, {"pause", "B", ""}, {"cont", "B", ""}, {"skip", "B", ""},
		{"run", "C", ""}, {"output", "", "panic: x\n"},
	} {
		r.add(e)
	}
	for name, want := range map[string]verdict{"A": {"pass", "said\n"}, "B": {"skip", ""}, "C": {"fail", ""}} {
		if got := r.tests[name]; got != want {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
	if r.said != "panic: x\n" {
		t.Errorf("said %q", r.said)
	}
}

func TestExactly(t *testing.T) {
	if got, want := exactly("TestA/b+c/d#01"), `^TestA$/^b\+c$/^d#01$`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
