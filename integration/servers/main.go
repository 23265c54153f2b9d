// Command servers has ready what the tests run against, and says what that is.
// Its targets are arguments such as "postgres:15" or "mysql:9.7", else those of
// the variable RWSPLIT_SERVERS, else all that the project is tested against. It
// installs packages, starts a Docker engine, pulls images or builds them, where
// that can be done, and starts a server of each target. For what cannot be had it says
// so, loudly, as the tests with it will be skipped; with CI set it fails. A target
// with a question mark, "mysql:8.4?", is one that nobody misses: its image is pulled
// or not.
//
// With -list it does nothing of the kind, and prints those targets that can be
// had at once.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"

	"github.com/rwsplit/rwsplit/integration/fixture"
)

// everything is what the project is tested against.
const everything = "postgres:15 mariadb:10.11 mysql:9.7 postgres:17 postgres:18 mariadb:11.8 mysql:8.4?"

// target is an engine in a version, or in any.
type target struct {
	engine, version string
	optional        bool
}

func (t target) String() string {
	if t.version == "" {
		return t.engine
	}
	return t.engine + ":" + t.version
}

func (t target) options() fixture.Options {
	return fixture.Options{Engine: t.engine, Version: t.version, Replicas: -1, Log: os.Stderr}
}

// targetsOf reads a list of targets, with spaces or commas between them.
func targetsOf(list string) []target {
	var all []target
	for _, word := range strings.FieldsFunc(list, func(r rune) bool { return r == ' ' || r == ',' || r == '\n' }) {
		word, optional := strings.CutSuffix(word, "?")
		engine, version, _ := strings.Cut(word, ":")
		all = append(all, target{engine, version, optional})
	}
	return all
}

func main() {
	list := flag.Bool("list", false, "print the targets that can be had at once, and do nothing")
	flag.Parse()
	words := strings.Join(flag.Args(), " ")
	for _, other := range []string{os.Getenv("RWSPLIT_SERVERS"), everything} {
		if strings.TrimSpace(words) == "" {
			words = other
		}
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	os.Exit(run(ctx, targetsOf(words), *list))
}

func run(ctx context.Context, targets []target, list bool) int {
	for _, t := range targets {
		if _, err := fixture.Image(t.options()); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 2
		}
	}
	if list {
		var had []string
		for _, t := range targets {
			if fixture.Available(ctx, t.options()) == nil {
				had = append(had, t.String())
			}
		}
		fmt.Println(strings.Join(had, " "))
		return 0
	}

	outcomes := provide(ctx, targets)
	if ctx.Err() != nil {
		fmt.Fprintln(os.Stderr, "servers: interrupted")
		return 1
	}
	var had []string
	var missing []outcome
	for _, o := range outcomes {
		if o.err != nil {
			missing = append(missing, o)
		} else {
			had = append(had, o.server)
		}
	}
	if len(missing) > 0 {
		fmt.Println("\n*** LEFT OUT: tests against these servers will be SKIPPED ***")
		for _, o := range missing {
			fmt.Printf("%s: %v\n", o.target, o.err)
		}
		fmt.Println()
	}
	if len(had) == 0 {
		had = []string{"none"}
	}
	fmt.Printf("servers for the tests: %s\n", strings.Join(had, ", "))
	for _, o := range missing {
		if !o.target.optional && os.Getenv("CI") != "" || !o.unavailable() {
			return 1
		}
	}
	return 0
}
