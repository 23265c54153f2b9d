package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// interruptible returns a context that the first Ctrl-C, or another wish that we
// end, cancels. The second ends the program at once, after closing has given the
// terminal back.
func interruptible(ctx context.Context, closing func()) (context.Context, func()) {
	ctx, cancel := context.WithCancel(ctx)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	done := make(chan struct{})
	go func() {
		for n := 1; ; n++ {
			select {
			case <-done:
				return
			case sig := <-signals:
				if n == 1 {
					cancel()
					continue
				}
				closing()
				status := 1
				if number, isNumber := sig.(syscall.Signal); isNumber {
					status = 128 + int(number)
				}
				os.Exit(status)
			}
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		close(done)
		cancel()
	}
}
