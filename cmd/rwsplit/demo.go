package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/rwsplit/rwsplit/cmd/rwsplit/internal/demo"
	"github.com/rwsplit/rwsplit/cmd/rwsplit/internal/shop"
	"github.com/rwsplit/rwsplit/cmd/rwsplit/internal/terminal"
)

const demoHelp = `Usage: rwsplit demo [flags]

Demo starts a real primary and its replicas on this machine, of PostgreSQL or
with -engine of MySQL or MariaDB. It opens a small web shop on them that works
through rwsplit, and shows what happens while replicas stop applying changes,
are killed and started again. Every user of the shop compares the values that
he reads with what he wrote and what he saw before: "stale reads" is the count
of those that were older, and stays 0.

Servers are found on PATH and where packages put them, else installed from
Debian's packages when root, else run by Docker. Ctrl-C, at any time, stops
them and removes their data; a second Ctrl-C does not wait for that.

On a terminal there is a page, drawn in place, until Ctrl-C or the time of
-for. Without one, or with -json, there are lines of progress on the standard
error and at the end one JSON object on one line on the standard output:

	reads, reads_on_replicas   statements, and read-only transactions as one each
	writes                     statements, also those in transactions
	fallbacks                  reads that the primary answered as no replica could
	checks, stale_reads        values compared, and those found too old
	errors                     that users got; what was retried is none
	bounded_reads, …_late      reads that may be 1 s old, and those found older
	eventual_reads, …_old      reads that may be old, and those that were
	…                          and more of the kind, by reason and by server

With -dsn the shop opens on a cluster that exists: in a schema rwsplit_demo (on
MySQL and MariaDB that is a database), which must not be there yet and is
dropped at the end. Nothing is done to its servers then. The form of the DSN
tells the engine, or -driver does.

Exit status: 0; 1 after a stale or late read, or if the demo could not run; 2 for a
wrong command line.
`

func demonstrate(ctx context.Context, args []string, s streams) int {
	flags := flag.NewFlagSet("demo", flag.ContinueOnError)
	length := flags.Duration("for", 0, "how long the shop is open (default: until Ctrl-C on a terminal, else 20s)")
	asJSON := flags.Bool("json", false, "no page: progress on the standard error, the summary as JSON")
	engine := flags.String("engine", "postgres", "the `name` of the engine to start: postgres, mysql or mariadb")
	server := flags.String("server", "", "the major `version` of the servers to start (default: what is easiest to have)")
	replicas := flags.Int("replicas", 2, "how many replicas to start, 1 to 8")
	users := flags.Int("clients", 12, "how many users the shop has, 1 to 500")
	dsn := flags.String("dsn", "", "the `DSN` of a cluster to open the shop on, instead of starting one")
	asked := flags.String("driver", "", driverUsage)
	rest, status := parse(flags, demoHelp, args, s)
	if status >= 0 {
		return status
	}
	given := make(map[string]bool)
	flags.Visit(func(f *flag.Flag) { given[f.Name] = true })
	switch {
	case len(rest) > 0:
		return wrong(s, "demo", fmt.Errorf("it takes no arguments, and there is %q", rest[0]))
	case given["for"] && *length <= 0:
		return wrong(s, "demo", errors.New("-for is not positive"))
	case *replicas < 1 || *replicas > 8:
		return wrong(s, "demo", errors.New("-replicas is not between 1 and 8"))
	case *users < 1 || *users > 500:
		return wrong(s, "demo", errors.New("-clients is not between 1 and 500"))
	case given["dsn"] && *dsn == "":
		return wrong(s, "demo", errors.New("-dsn is empty"))
	case given["driver"] && !given["dsn"]:
		return wrong(s, "demo", errors.New("-driver is for the servers of -dsn; of those that it starts -engine tells"))
	}
	o := demo.Options{DSN: *dsn, Version: *server, Replicas: *replicas, Users: *users, For: *length, Progress: s.err}
	if given["dsn"] {
		for _, name := range []string{"engine", "server", "replicas"} {
			if given[name] {
				return wrong(s, "demo", fmt.Errorf("-%s is for servers that it starts, not for those of -dsn", name))
			}
		}
		var err error
		if o.Driver, err = driverOf(*dsn, *asked); err != nil {
			return wrong(s, "demo", err)
		}
	} else {
		dialect, err := dialectOf(*engine)
		if err != nil {
			return wrong(s, "demo", err)
		}
		o.Engine = dialect.String()
	}

	closing := func() {}
	if f, isFile := s.out.(*os.File); isFile && !*asJSON && terminal.IsTerminal(f) {
		screen := terminal.NewScreen(f)
		closing = screen.Close
		o.Display = &demo.Display{File: f, Screen: screen, Style: terminal.StyleOf(f)}
	} else if o.For == 0 {
		o.For = 20 * time.Second
	}
	ctx, release := interruptible(ctx, closing)
	defer release()
	summary, err := demo.Run(ctx, o)
	closing()

	switch {
	case o.Display == nil:
		json.NewEncoder(s.out).Encode(summary)
	case !errors.Is(err, demo.ErrNotOpened):
		summary.Print(s.out)
	}
	switch {
	case errors.Is(err, demo.ErrNotOpened) && ctx.Err() != nil:
		fmt.Fprintln(s.err, "rwsplit demo: interrupted before the shop was open")
		return failed
	case errors.Is(err, shop.ErrSchemaExists):
		fmt.Fprintln(s.err, "rwsplit demo:", shop.ErrSchemaExists)
		return failed
	case err != nil:
		fmt.Fprintln(s.err, "rwsplit demo:", err)
		return failed
	case summary.StaleReads > 0 || summary.BoundedLate > 0:
		fmt.Fprintf(s.err, "rwsplit demo: %d stale reads, %d staler than their bound\n", summary.StaleReads, summary.BoundedLate)
		return failed
	}
	return ok
}
