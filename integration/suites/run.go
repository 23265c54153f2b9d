package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// binary is a suite's tests, compiled.
type binary struct {
	path string
	dir  string // that the tests expect to run in
	skip string
}

// compile builds a suite's tests: the vendor's own, or, with a directory, those
// of the module's copy there.
func compile(ctx context.Context, s *suite, source, work string, flags ...string) (*binary, error) {
	name, dir := "ours", source
	args := append([]string{"test", "-c"}, flags...)
	if source == "" {
		var err error
		if dir, err = moduleDir(ctx, s.module); err != nil {
			return nil, err
		}
		name = "plain"
	} else {
		modfile, err := modfileWith(ctx, s.module, source, work)
		if err != nil {
			return nil, err
		}
		args = append(args, "-modfile="+modfile)
	}
	b := &binary{path: filepath.Join(work, name+".test"), dir: s.in(dir), skip: s.skip}
	_, err := goTool(ctx, append(args, "-o", b.path, s.pkg)...)
	return b, err
}

// results are those of a run, by the tests' names.
type results struct {
	tests    map[string]verdict
	said     string // outside of tests
	finished bool   // no panic ended the run
}

// verdict is how a test ended, "pass", "fail" or "skip", and what it said.
type verdict struct{ action, output string }

func (r *results) passed(test string) bool { return r.tests[test].action == "pass" }

// with returns the tests that ended so, in order.
func (r *results) with(action string) (names []string) {
	for _, name := range slices.Sorted(maps.Keys(r.tests)) {
		if r.tests[name].action == action {
			names = append(names, name)
		}
	}
	return names
}

// testLimit is for one run of a suite, which takes some 20 s.
const testLimit = 4 * time.Minute

// run runs the tests that match a pattern.
func (b *binary) run(ctx context.Context, pattern string, env []string) (*results, error) {
	ctx, cancel := context.WithTimeout(ctx, testLimit+time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "go", "tool", "test2json", b.path,
		"-test.v=test2json", "-test.timeout="+testLimit.String(), "-test.run="+pattern, "-test.skip="+b.skip)
	cmd.Dir = b.dir
	cmd.Env = append(os.Environ(), env...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	r := &results{tests: make(map[string]verdict)}
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var e event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			return nil, fmt.Errorf("%s: %w", b.path, err)
		}
		r.add(e)
	}
	cmd.Wait() // fails with any of the tests
	for line := range strings.Lines(r.said) {
		r.finished = r.finished || line == "PASS\n" || line == "FAIL\n"
	}
	return r, cmp.Or(ctx.Err(), lines.Err())
}

// event is one of test2json.
type event struct{ Action, Test, Output string }

func (r *results) add(e event) {
	if e.Test == "" {
		r.said += e.Output
		return
	}
	v := r.tests[e.Test]
	switch e.Action {
	case "run":
		v.action = "fail" // until it says otherwise: in a panic it says nothing
	case "output":
		v.output += e.Output
	case "pass", "fail", "skip":
		v.action = e.Action
	}
	r.tests[e.Test] = v
}

// exactly is a pattern that matches one test, and its subtests.
func exactly(test string) string {
	parts := strings.Split(test, "/")
	for i, p := range parts {
		parts[i] = "^" + regexp.QuoteMeta(p) + "$"
	}
	return strings.Join(parts, "/")
}
