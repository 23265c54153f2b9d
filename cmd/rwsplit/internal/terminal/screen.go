package terminal

import (
	"io"
	"os"
	"strings"
	"sync"
)

// IsTerminal reports whether f is a terminal that pages can be drawn on.
func IsTerminal(f *os.File) bool {
	if os.Getenv("TERM") == "dumb" {
		return false
	}
	_, _, ok := size(f)
	return ok
}

// Size returns the columns and lines of f's terminal, 80 and 24 if it does not
// tell.
func Size(f *os.File) (width, height int) {
	width, height, _ = size(f)
	if width <= 0 || height <= 0 {
		return 80, 24
	}
	return width, height
}

// Screen is a terminal's other screen, on which a page is drawn again and again.
// It is taken with the first page, and given up by Close: what the user had on
// his own screen is there again. It is safe for concurrent use.
type Screen struct {
	w io.Writer

	mu            sync.Mutex // guards the rest, and one page at a time
	taken, closed bool
}

// The other screen, no cursor, and no wrapping: a page is cut, and one that was
// cut for a width that has just changed must not scroll.
const (
	enter = "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[2J"
	leave = "\x1b[?7h\x1b[?25h\x1b[?1049l"
)

// NewScreen returns a screen of the terminal.
func NewScreen(w io.Writer) *Screen { return &Screen{w: w} }

// Draw replaces the page, of as many lines as the terminal has. It goes out in one write, so that no half of it is
// seen.
func (s *Screen) Draw(page string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	if !s.taken {
		s.taken = true
		io.WriteString(s.w, enter)
	}
	// Each line is cleared before it is written: after it, on a full line, the
	// cursor is still on the last column.
	page = strings.ReplaceAll(strings.TrimSuffix(page, "\n"), "\n", "\r\n\x1b[K")
	io.WriteString(s.w, "\x1b[H\x1b[K"+page)
}

// Close gives the terminal back. It may be called more than once.
func (s *Screen) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.taken && !s.closed {
		io.WriteString(s.w, leave)
	}
	s.closed = true
}
