package main

import (
	"slices"
	"strings"
	"testing"
)

const document = "# Compatibility\n\n### `a/b`\n\nText.\n\n| test | why |\n|---|---|\n" +
	"| `TestOne`, `TestTwo/sub` | because |\n| `TestThree` | of that |\n\n" +
	"### `a/bc`\n\n| test | why |\n|---|---|\n"

func TestParseList(t *testing.T) {
	l, err := parseList(document, "a/b")
	if err != nil {
		t.Fatal(err)
	}
	for test, want := range map[string]string{
		"TestOne": "TestOne", "TestOne/sub": "TestOne", "TestTwo/sub": "TestTwo/sub", "TestTwo/sub/more": "TestTwo/sub",
		"TestTwo": "", "TestTwo/subs": "", "TestOneMore": "", "TestThree": "TestThree",
	} {
		got := ""
		if e := l.entryOf(test); e != nil {
			got = e.test
		}
		if got != want {
			t.Errorf("%s falls under %q, want %q", test, got, want)
		}
	}
	if l, err := parseList(document, "a/bc"); err != nil || len(l.entries) != 0 {
		t.Errorf("of the other package: %v, %v", l, err)
	}
}

func TestParseListRefuses(t *testing.T) {
	for name, change := range map[string][2]string{
		"no reason":       {"| because |", "|  |"},
		"no second cell":  {" | because |", " |"},
		"a third cell":    {"| because |", "| because | of |"},
		"no test":         {"`TestThree`", "TestThree"},
		"a test twice":    {"`TestThree`", "`TestOne/sub`"},
		"another package": {"`a/b`", "`a/x`"},
	} {
		text := strings.Replace(document, change[0], change[1], 1)
		if l, err := parseList(text, "a/b"); err == nil {
			t.Errorf("%s: no error, but %d entries", name, len(l.entries))
		}
	}
}

func TestStale(t *testing.T) {
	l, err := parseList(document, "a/b")
	if err != nil {
		t.Fatal(err)
	}
	c := &comparison{differ: []string{"TestOne/sub", "TestFour"}}
	if got, want := c.unlisted(l), []string{"TestFour"}; !slices.Equal(got, want) {
		t.Errorf("unlisted: %q, want %q", got, want)
	}
	if got, want := l.stale(), []string{"TestTwo/sub", "TestThree"}; !slices.Equal(got, want) {
		t.Errorf("stale: %q, want %q", got, want)
	}
}
