package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"

	"github.com/rwsplit/rwsplit/integration/fixture"
)

func main() {
	race := flag.Bool("race", false, "compile the tests over rwsplit with the race detector")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	ok, err := run(ctx, flag.Args(), *race)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "suites:", err)
	}
	if err != nil || !ok {
		os.Exit(1)
	}
}

// run runs all suites against the servers that are listed, such as "mysql:9.7",
// or against one of each kind.
func run(ctx context.Context, targets []string, race bool) (ok bool, err error) {
	if len(targets) == 0 {
		targets = []string{"postgres", "mysql", "mariadb"}
	}
	versions := make(map[string]string)
	for _, t := range targets {
		engine, version, _ := strings.Cut(t, ":")
		versions[engine] = version
	}
	root, err := goTool(ctx, "list", "-m", "-f", "{{.Dir}}", "github.com/rwsplit/rwsplit")
	if err != nil {
		return false, err
	}
	document, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(root)), "docs", "compatibility.md"))
	if err != nil {
		return false, err
	}
	ok = true
	for _, s := range suites {
		l, err := parseList(string(document), s.pkg)
		if err != nil {
			return false, err
		}
		work, err := os.MkdirTemp("", "rwsplit-suites-")
		if err != nil {
			return false, err
		}
		fine, err := s.run(ctx, work, versions, l, race)
		ok = ok && fine
		if err := errors.Join(err, os.RemoveAll(work)); err != nil {
			return false, fmt.Errorf("%s: %w", s.pkg, err)
		}
	}
	return ok, nil
}

// run compares a suite on each of its servers that are wanted.
func (s *suite) run(ctx context.Context, work string, versions map[string]string, l *list, race bool) (ok bool, err error) {
	var engines []engine
	for _, e := range s.engines {
		if _, wanted := versions[e.name]; wanted {
			engines = append(engines, e)
		}
	}
	if len(engines) == 0 {
		return true, nil
	}
	source, err := s.source(ctx, work)
	if err != nil {
		return false, err
	}
	plain, err := compile(ctx, s, "", work)
	if err != nil {
		return false, err
	}
	var flags []string
	if race {
		flags = append(flags, "-race")
	}
	ours, err := compile(ctx, s, source, work, flags...)
	if err != nil {
		return false, err
	}
	offline, err := plain.run(ctx, "", engines[0].env(nil, false))
	if err != nil {
		return false, err
	}
	ok = true
	compared := 0
	for _, e := range engines {
		c, server, err := e.compare(ctx, versions[e.name], plain, ours, offline, l)
		if errors.Is(err, fixture.ErrNoServer) && os.Getenv("CI") == "" {
			fmt.Printf("\n*** SKIPPED, for want of a server: %s: %v\n\n", s.pkg, err)
			continue
		}
		if err != nil {
			return false, err
		}
		compared++
		ok = report(os.Stdout, s.pkg, server, c, l) && ok
	}
	if stale := l.stale(); compared == len(s.engines) && len(stale) > 0 {
		fmt.Printf("  in docs/compatibility.md, but it differs no more: %s\n", strings.Join(stale, ", "))
		ok = false
	}
	return ok, nil
}

// compare runs both binaries against the same servers.
func (e *engine) compare(ctx context.Context, version string, plain, ours *binary, offline *results, l *list) (c *comparison, server string, err error) {
	cluster, err := fixture.Start(ctx, fixture.Options{Engine: e.name, Version: version, Settings: e.settings, Log: os.Stderr})
	if err != nil {
		return nil, "", err
	}
	defer func() { err = errors.Join(err, cluster.Close()) }()
	server = cluster.Version()
	if e.prepare != "" {
		if err := cluster.Primary().Exec(ctx, e.prepare); err != nil {
			return nil, server, err
		}
	}
	c = new(comparison)
	if c.plain, err = plain.run(ctx, "", e.env(cluster, false)); err != nil {
		return nil, server, err
	}
	if !c.plain.finished {
		return nil, server, fmt.Errorf("the plain driver's own tests did not end:\n%s", c.plain.said)
	}
	if c.ours, err = ours.run(ctx, "", e.env(cluster, true)); err != nil {
		return nil, server, err
	}
	for _, name := range c.plain.with("pass") {
		if !offline.passed(name) {
			c.needServer++
		}
	}
	c.differ = differences(c.plain, c.ours)
	return c, server, c.retry(ctx, ours, e.env(cluster, true), l)
}
