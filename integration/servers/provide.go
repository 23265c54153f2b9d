package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/rwsplit/rwsplit/integration/fixture"
)

// outcome is what came of a target.
type outcome struct {
	target target
	server string // such as "PostgreSQL 15.18 (processes)"
	err    error
}

func (o *outcome) unavailable() bool { return errors.Is(o.err, fixture.ErrNoServer) }

// provide starts a server of each target. For those that need an image and have
// none it does what can be done: an engine to run it, then the image itself.
func provide(ctx context.Context, targets []target) []outcome {
	all := make([]outcome, len(targets))
	for i, t := range targets {
		all[i].target = t
		all[i].try(ctx)
	}
	steps := []func(ctx context.Context, images []string) error{
		func(ctx context.Context, _ []string) error {
			if os.Geteuid() != 0 || exec.CommandContext(ctx, "docker", "version").Run() == nil {
				return nil // not ours to start, or there
			}
			return script(ctx, "docker.sh")
		},
		func(ctx context.Context, images []string) error { return script(ctx, "build.sh", images...) },
	}
	for _, step := range steps {
		var images []string
		for i := range all {
			if all[i].unavailable() && !all[i].target.optional {
				image, _ := fixture.Image(all[i].target.options())
				images = append(images, image)
			}
		}
		if len(images) == 0 || os.Getenv("RWSPLIT_FIXTURE") == "process" || ctx.Err() != nil {
			break
		}
		// What a script made before it failed may do for some.
		failed := step(ctx, images)
		for i := range all {
			if all[i].unavailable() {
				if all[i].try(ctx); all[i].err != nil {
					all[i].err = errors.Join(all[i].err, failed)
				}
			}
		}
	}
	return all
}

// try starts a server, and ends it.
func (o *outcome) try(ctx context.Context) {
	var c *fixture.Cluster
	if c, o.err = fixture.Start(ctx, o.target.options()); o.err != nil {
		return
	}
	how := "processes"
	if c.Runtime() == "docker" {
		how = "container"
	}
	o.server = fmt.Sprintf("%s (%s)", c.Version(), how)
	o.err = c.Close()
}

// script runs one of the scripts of integration/images, with its progress on our
// standard error.
func script(ctx context.Context, name string, args ...string) error {
	path := filepath.Join("integration", "images", name)
	if _, err := os.Stat(path); err != nil {
		return fmt.Errorf("servers: %w (run this in the directory of the module)", err)
	}
	fmt.Fprintln(os.Stderr, "servers: running", path, args)
	cmd := exec.CommandContext(ctx, "bash", append([]string{path}, args...)...)
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("servers: %s: %w", path, errors.Join(ctx.Err(), err))
	}
	return nil
}
