package main

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
)

func version(_ context.Context, args []string, s streams) int {
	if len(args) > 0 {
		return wrong(s, "version", errors.New("it takes no arguments"))
	}
	info, known := debug.ReadBuildInfo()
	if !known {
		fmt.Fprintln(s.out, "rwsplit, of an unknown version")
		return ok
	}
	fmt.Fprintf(s.out, "rwsplit %s, built with %s\n", info.Main.Version, info.GoVersion)
	return ok
}
