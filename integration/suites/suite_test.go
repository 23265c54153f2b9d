package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The rewrites fit the vendors' tests in the versions that are required.
func TestSources(t *testing.T) {
	for _, s := range suites {
		dir, err := s.source(t.Context(), t.TempDir())
		if err != nil {
			t.Errorf("%s: %v", s.pkg, err)
			continue
		}
		for _, w := range s.rewrites {
			text, err := os.ReadFile(filepath.Join(s.in(dir), w.file))
			if err != nil || !strings.Contains(string(text), w.new) {
				t.Errorf("%s: %s has no %q, %v", s.pkg, w.file, w.new, err)
			}
		}
	}
}

func TestRewriteThatDoesNotFit(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a_test.go")
	if err := os.WriteFile(path, []byte("old, old"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, times := range []int{0, 1, 3} {
		if err := (rewrite{"a_test.go", times, "old", "new"}).apply(dir); !errors.Is(err, errRewrite) {
			t.Errorf("%d times: %v", times, err)
		}
	}
	if err := (rewrite{"a_test.go", 2, "old", "new"}).apply(dir); err != nil {
		t.Error(err)
	}
	if text, _ := os.ReadFile(path); string(text) != "new, new" {
		t.Errorf("got %s", text)
	}
}
