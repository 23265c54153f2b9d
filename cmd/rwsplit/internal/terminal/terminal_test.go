package terminal

import (
	"os"
	"slices"
	"strings"
	"testing"
)

func TestCut(t *testing.T) {
	color := Style{Color: true}
	for _, c := range []struct {
		text  string
		width int
		want  string
	}{
		{"", 3, ""},
		{"abc", 3, "abc"},
		{"abcd", 3, "abc"},
		{"äöü→", 3, "äöü"},
		{"abc", 0, ""},
		{color.Green("abcd") + "e", 3, "\x1b[32mabc\x1b[0m"},
		{"ab" + color.Red("cd"), 2, "ab\x1b[1;31m\x1b[0m"},
	} {
		if got := Cut(c.text, c.width); got != c.want {
			t.Errorf("Cut(%q, %d) = %q, want %q", c.text, c.width, got, c.want)
		}
		if got := Width(Cut(c.text, c.width)); got > c.width {
			t.Errorf("Cut(%q, %d) is %d wide", c.text, c.width, got)
		}
	}
}

func TestBarKeepsItsWidth(t *testing.T) {
	for _, s := range []Style{{}, {Unicode: true}} {
		for share := -0.1; share < 1.2; share += 0.01 {
			for _, width := range []int{0, 1, 7} {
				if bar := s.Bar(share, width); Width(bar) != width {
					t.Fatalf("%+v: the bar of %.2f is %q", s, share, bar)
				}
			}
		}
	}
	if got := (Style{Unicode: true}).Bar(0.5, 3); got != "█▌ " {
		t.Errorf("half of 3 is %q", got)
	}
	if got := (Style{}).Bar(0.5, 4); got != "##.." {
		t.Errorf("half of 4 is %q", got)
	}
}

func TestWrap(t *testing.T) {
	got := Wrap("one  two three\nfour", 9)
	if want := []string{"one two", "three", "four"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestScreenGivesTheTerminalBack(t *testing.T) {
	var out strings.Builder
	s := NewScreen(&out)
	s.Draw("one\ntwo\n")
	s.Close()
	s.Close()
	s.Draw("late")
	want := enter + "\x1b[H\x1b[Kone\r\n\x1b[Ktwo" + leave
	if out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
}

func TestNullDeviceIsNoTerminal(t *testing.T) {
	f, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if IsTerminal(f) {
		t.Error("the null device is taken for a terminal")
	}
	if w, h := Size(f); w != 80 || h != 24 {
		t.Errorf("its size is %d x %d", w, h)
	}
}

func TestScreenWithoutPage(t *testing.T) {
	var out strings.Builder
	NewScreen(&out).Close()
	if out.Len() != 0 {
		t.Errorf("a screen that was never drawn on wrote %q", out.String())
	}
}
