package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/rwsplit/rwsplit/cmd/rwsplit/internal/terminal"
	"github.com/rwsplit/rwsplit/splitter"
)

const statusHelp = `Usage: rwsplit status [flags] DSN

Status asks every member of a cluster, and prints a line for each: its role, its
state and the reason if that is not "up", and how far a replica is behind the
primary, in time and in bytes of the log (PostgreSQL) or in transactions, "tx"
(MySQL and MariaDB). The DSN is that of the program, such as
"postgres://app@db1,db2,db3/shop?rwsplit_max_lag=2s" or
"app:password@tcp(db1:3306,db2:3306)/shop"; what rwsplit_max_lag says decides
who is lagging. The form of the DSN tells the engine, or -driver does.

Lag in time is an upper bound: what the replica lacks is no older. It is told by
positions of the primary that were seen from here, so a replica that is far
behind has none at first: status watches for up to two seconds, -watch for longer.

States: up, lagging (behind more than the maximum lag), delayed (set up to stay
behind), stopped (does not get on), failed (does not, because of an error), down
(does not answer), unknown (nothing is proven of it). Why a replica of MySQL or
MariaDB does not get on is known to a user with the privilege to see it,
REPLICATION CLIENT or SLAVE MONITOR.

With -watch it goes on, drawn in place on a terminal and a block each time
elsewhere, until Ctrl-C. With -json each time gives one line:
{"healthy": true, "primary": "db1:5432", "members": [{"name": …, "role": …,
"state": …, "reason": …, "position": …, "lag_ns": …, "lag_distance": …,
"lag_unit": "bytes" or "transactions", "sample_age_ns": …}, …]}, with null for
what is not known.

Exit status: 0 if there is a primary and every member is up; 1 if not; 2 for a
wrong command line or DSN; with -watch 0 at Ctrl-C.
`

func status(ctx context.Context, args []string, s streams) int {
	flags := flag.NewFlagSet("status", flag.ContinueOnError)
	watch := flags.Bool("watch", false, "go on until Ctrl-C")
	interval := flags.Duration("interval", time.Second, "time between two looks with -watch")
	asJSON := flags.Bool("json", false, "print JSON, one line each time")
	asked := flags.String("driver", "", driverUsage)
	timeout := flags.Duration("timeout", 5*time.Second, "how long a look may take")
	dsn, end := statusArguments(flags, args, s)
	if end >= 0 {
		return end
	}
	switch {
	case *interval <= 0:
		return wrong(s, "status", errors.New("-interval is not positive"))
	case *timeout <= 0:
		return wrong(s, "status", errors.New("-timeout is not positive"))
	}
	driver, err := driverOf(dsn, *asked)
	if err != nil {
		return wrong(s, "status", err)
	}
	db, err := splitter.Open(splitter.Config{Driver: driver, DSN: dsn})
	if err != nil {
		return wrong(s, "status", err)
	}
	defer db.Close()
	cluster, err := splitter.ClusterOf(db)
	if err != nil {
		return wrong(s, "status", err)
	}

	closing := func() {}
	print := func(h *health) { fmt.Fprint(s.out, h.table(terminal.Style{})) }
	if f, isFile := s.out.(*os.File); isFile && terminal.IsTerminal(f) {
		style := terminal.StyleOf(f)
		print = func(h *health) { fmt.Fprint(s.out, h.table(style)) }
		if *watch && !*asJSON {
			screen := terminal.NewScreen(f)
			closing = screen.Close
			print = func(h *health) {
				width, height := terminal.Size(f)
				screen.Draw(h.page(width, height, style))
			}
		}
	} else if *watch {
		print = func(h *health) { fmt.Fprintf(s.out, "%s\n%s\n", h.At.Format(time.RFC3339), h.table(terminal.Style{})) }
	}
	if *asJSON {
		print = func(h *health) { json.NewEncoder(s.out).Encode(h) }
	}
	ctx, release := interruptible(ctx, closing)
	defer release()
	defer closing()

	h := look(ctx, cluster, *timeout, min(*timeout, settling))
	if !*watch {
		if ctx.Err() != nil {
			return failed
		}
		print(h)
		if !h.Healthy {
			return failed
		}
		return ok
	}
	ticker := time.NewTicker(*interval)
	defer ticker.Stop()
	for ctx.Err() == nil {
		print(h)
		select {
		case <-ctx.Done():
		case <-ticker.C:
			h = look(ctx, cluster, *timeout, 0)
		}
	}
	return ok
}

// statusArguments returns the DSN. Flags may also follow it.
func statusArguments(flags *flag.FlagSet, args []string, s streams) (dsn string, end int) {
	var found []string
	for {
		rest, end := parse(flags, statusHelp, args, s)
		if end >= 0 {
			return "", end
		}
		if len(rest) == 0 {
			break
		}
		found, args = append(found, rest[0]), rest[1:]
	}
	switch len(found) {
	case 0:
		return "", wrong(s, "status", errors.New("the DSN is missing"))
	case 1:
		return found[0], -1
	}
	// It is not repeated: it may be the rest of a DSN, with a password.
	return "", wrong(s, "status", errors.New("there is more than one DSN; quote one with blanks"))
}
