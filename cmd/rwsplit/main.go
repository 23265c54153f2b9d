// Command rwsplit shows what rwsplit does: where statements go and why, how the
// members of a cluster are, and all of it at work on real servers.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/go-sql-driver/mysql"
)

const help = `rwsplit sends writes to the primary and proven reads to fresh replicas.

Usage:

	rwsplit demo      start a primary and replicas here, run a web shop on them, and watch
	rwsplit status    roles, lag and health of the members of a cluster
	rwsplit explain   where statements go, and why
	rwsplit version   the version of this program

"rwsplit COMMAND -h" tells more of each.
`

// Exit statuses.
const (
	ok     = 0
	failed = 1 // at run time; what failed was said on stderr
	misuse = 2 // the command line is wrong
)

// streams are where a command reads and writes.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

// command is one of the words after "rwsplit".
type command struct {
	name string
	run  func(ctx context.Context, args []string, s streams) int
}

func main() {
	// What it says, such as "unexpected EOF" of a server that is killed, comes back
	// as an error too; on the standard error it would stand in the page.
	mysql.SetLogger(&mysql.NopLogger{})
	os.Exit(run(context.Background(), os.Args[1:], streams{os.Stdin, os.Stdout, os.Stderr}))
}

func run(ctx context.Context, args []string, s streams) int {
	if len(args) == 0 {
		fmt.Fprint(s.out, help)
		return ok
	}
	switch args[0] {
	case "-h", "-help", "--help", "help":
		fmt.Fprint(s.out, help)
		return ok
	}
	commands := []command{{"demo", demonstrate}, {"status", status}, {"explain", explain}, {"version", version}}
	for _, c := range commands {
		if c.name == args[0] {
			return c.run(ctx, args[1:], s)
		}
	}
	var names []string
	for _, c := range commands {
		names = append(names, c.name)
	}
	fmt.Fprintf(s.err, "rwsplit: unknown command %q; there are %s\n", args[0], strings.Join(names, ", "))
	return misuse
}

// parse reads flags and returns the other arguments. When the second result is
// not negative the command ends with it: help was asked for, or an error said.
func parse(flags *flag.FlagSet, text string, args []string, s streams) ([]string, int) {
	flags.SetOutput(io.Discard) // flag would print the error and all of the help
	err := flags.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		flags.SetOutput(s.out)
		fmt.Fprint(s.out, text, "\nFlags:\n\n")
		flags.PrintDefaults()
		return nil, ok
	case err != nil:
		return nil, wrong(s, flags.Name(), err)
	}
	return flags.Args(), -1
}

// wrong says what is wrong with the command line.
func wrong(s streams, name string, err error) int {
	text := strings.TrimPrefix(err.Error(), "rwsplit: ")
	fmt.Fprintf(s.err, "rwsplit %s: %s (rwsplit %s -h tells more)\n", name, text, name)
	return misuse
}
