// Command servers says which servers the tests of this machine run against,
// after installing them where that can be done. Where there are none it says so,
// loudly, as the tests will be skipped; with CI set it fails.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"

	"github.com/rwsplit/rwsplit/integration/fixture"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	c, err := fixture.Start(ctx, fixture.Options{Replicas: -1, Log: os.Stderr})
	switch {
	case err == nil:
		fmt.Printf("servers for the tests: %s\n", c.Version())
		err = c.Close()
	}
	switch {
	case err == nil:
	case errors.Is(err, fixture.ErrNoServer) && os.Getenv("CI") == "":
		fmt.Printf("\n*** NO SERVER: the tests against real servers will be SKIPPED ***\n%v\n\n", err)
	default:
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
