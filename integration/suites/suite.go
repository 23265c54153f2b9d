package main

import (
	"bytes"
	"context"
	"embed"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/rwsplit/rwsplit/integration/fixture"
)

// overlay holds what is compiled into the vendors' tests.
//
//go:embed testdata/overlay
var overlay embed.FS

// suite is a wrapped driver's own tests, and what it takes to run them over
// rwsplit.
type suite struct {
	module, pkg string
	external    string   // the package of its external tests
	added       []string // files of overlay
	rewrites    []rewrite
	skip        string // pattern of tests that are left out
	engines     []engine
}

// engine is a kind of server that a suite runs against.
type engine struct {
	name     string // as fixture has it
	settings map[string]string
	prepare  string // on the primary, by the superuser
	// env tells the tests where the servers are: all of them for ours, else
	// the primary alone. Without a cluster it names a server that is not there.
	env func(c *fixture.Cluster, ours bool) []string
}

// source copies the vendor's module below work and makes its tests use rwsplit.
func (s *suite) source(ctx context.Context, work string) (dir string, err error) {
	from, err := moduleDir(ctx, s.module)
	if err != nil {
		return "", err
	}
	dir = filepath.Join(work, "module")
	if err := copyTree(from, dir); err != nil {
		return "", err
	}
	pkg := s.in(dir)
	for _, w := range s.rewrites {
		if err := w.apply(pkg); err != nil {
			return "", err
		}
	}
	for _, name := range s.added {
		text, err := overlay.ReadFile("testdata/overlay/" + name)
		if err != nil {
			return "", err
		}
		text = bytes.Replace(text, []byte("package PACKAGE"), []byte("package "+s.external), 1)
		path := filepath.Join(pkg, "rwsplit_"+name)
		if _, err := os.Stat(path); err == nil {
			return "", fmt.Errorf("%w: there is a %s", errRewrite, path)
		}
		if err := os.WriteFile(path, text, 0o644); err != nil {
			return "", err
		}
	}
	return dir, nil
}

// in is where the package is, in its module's directory.
func (s *suite) in(module string) string {
	return filepath.Join(module, filepath.FromSlash(strings.TrimPrefix(s.pkg, s.module)))
}
