package splitter

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// isolate clears what pgx reads of the environment and the home directory, and
// returns the latter.
func isolate(t testing.TB) string {
	t.Helper()
	for _, pair := range os.Environ() {
		if name, _, _ := strings.Cut(pair, "="); strings.HasPrefix(name, "PG") {
			t.Setenv(name, "")
			// An empty PGSSLCERTMODE is one that pgx refuses.
			if err := os.Unsetenv(name); err != nil {
				t.Fatal(err)
			}
		}
	}
	home := t.TempDir()
	t.Setenv("HOME", home)
	return home
}

// unwrapped returns the texts of an error and of all that it wraps.
func unwrapped(err error) []string {
	if err == nil {
		return nil
	}
	texts := []string{err.Error(), fmt.Sprintf("%+v", err)}
	switch e := err.(type) {
	case interface{ Unwrap() error }:
		texts = append(texts, unwrapped(e.Unwrap())...)
	case interface{ Unwrap() []error }:
		for _, inner := range e.Unwrap() {
			texts = append(texts, unwrapped(inner)...)
		}
	}
	return texts
}

// checkLine wants an error that is one line of ours and says all of want.
func checkLine(t *testing.T, err error, want ...string) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	text := err.Error()
	if !strings.HasPrefix(text, "rwsplit: ") || strings.Contains(text, "\n") || strings.Contains(text, "%!") {
		t.Errorf("the error is not one line of ours: %s", text)
	}
	for _, w := range want {
		if !strings.Contains(text, w) {
			t.Errorf("error %q does not say %q", text, w)
		}
	}
}
