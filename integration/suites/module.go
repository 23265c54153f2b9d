package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// goTool runs the go command and returns what it prints.
func goTool(ctx context.Context, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "go", args...)
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go %s: %w\n%s", strings.Join(args, " "), err, complaint.Bytes())
	}
	return out, nil
}

// moduleDir downloads a module, in the version that this one requires, and
// returns where it is.
func moduleDir(ctx context.Context, path string) (string, error) {
	out, err := goTool(ctx, "mod", "download", "-json", path)
	if err != nil {
		return "", err
	}
	var m struct{ Dir string }
	if err := json.Unmarshal(out, &m); err != nil {
		return "", err
	}
	if m.Dir == "" {
		return "", fmt.Errorf("go mod download %s: no directory", path)
	}
	return m.Dir, nil
}

// copyTree copies a module's files; those of the module cache are read-only.
func copyTree(from, to string) error {
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		if d.IsDir() {
			return os.MkdirAll(filepath.Join(to, rel), 0o755)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, rel), text, 0o644)
	})
}

// modfileWith writes a go.mod like ours, with a module replaced, and a go.sum
// beside it. It returns its path, for -modfile.
func modfileWith(ctx context.Context, module, dir, work string) (string, error) {
	out, err := goTool(ctx, "env", "GOMOD")
	if err != nil {
		return "", err
	}
	own := strings.TrimSpace(string(out))
	modfile := filepath.Join(work, "go.mod")
	for _, name := range []string{"go.mod", "go.sum"} {
		text, err := os.ReadFile(filepath.Join(filepath.Dir(own), name))
		if err != nil {
			return "", err
		}
		if err := os.WriteFile(filepath.Join(work, name), text, 0o644); err != nil {
			return "", err
		}
	}
	_, err = goTool(ctx, "mod", "edit", "-replace="+module+"="+dir, modfile)
	return modfile, err
}

// rewrite changes a vendor's test file: each occurrence of old, of which there
// are so many.
type rewrite struct {
	file     string
	times    int
	old, new string
}

// errRewrite says that a vendor's tests are not what the rewrites were made for.
var errRewrite = errors.New("the vendor's tests have changed, and the rewrites have to follow")

func (w rewrite) apply(dir string) error {
	path := filepath.Join(dir, w.file)
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if n := bytes.Count(text, []byte(w.old)); n != w.times {
		return fmt.Errorf("%w: %s has %d times, not %d: %s", errRewrite, w.file, n, w.times, w.old)
	}
	return os.WriteFile(path, bytes.ReplaceAll(text, []byte(w.old), []byte(w.new)), 0o644)
}
