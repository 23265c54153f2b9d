// Package terminal draws text pages in place: colours, widths, and a screen
// that is given back as it was found. It uses plain escape sequences only.
package terminal

import (
	"os"
	"strings"
	"unicode/utf8"
)

// Style says what a terminal can show. The zero Style is plain ASCII.
type Style struct {
	Color   bool
	Unicode bool
}

// StyleOf returns what f's terminal can show, as the environment tells: NO_COLOR
// (https://no-color.org) and the locale are respected.
func StyleOf(f *os.File) Style {
	s := Style{Unicode: utf8Locale()}
	s.Color = IsTerminal(f) && os.Getenv("NO_COLOR") == ""
	return s
}

func utf8Locale() bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if v := os.Getenv(name); v != "" {
			v = strings.ToLower(v)
			return strings.Contains(v, "utf-8") || strings.Contains(v, "utf8")
		}
	}
	return false
}

// The colours carry no meaning that the words beside them do not.

func (s Style) Bold(text string) string   { return s.paint("1", text) }
func (s Style) Dim(text string) string    { return s.paint("2", text) }
func (s Style) Red(text string) string    { return s.paint("1;31", text) }
func (s Style) Green(text string) string  { return s.paint("32", text) }
func (s Style) Yellow(text string) string { return s.paint("33", text) }
func (s Style) Cyan(text string) string   { return s.paint("36", text) }

func (s Style) paint(code, text string) string {
	if !s.Color || text == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

// Bar draws a share of 0 to 1 as a bar of the width.
func (s Style) Bar(share float64, width int) string {
	share = max(0, min(1, share))
	if !s.Unicode {
		full := int(share*float64(width) + 0.5)
		return strings.Repeat("#", full) + strings.Repeat(".", width-full)
	}
	eighths := int(share*float64(8*width) + 0.5)
	if share > 0 && eighths == 0 && width > 0 {
		eighths = 1
	}
	bar := strings.Repeat("█", eighths/8)
	used := eighths / 8
	if rest := eighths % 8; rest > 0 {
		bar += string(rune('█' + 8 - rest)) // from full to an eighth, the code points ascend
		used++
	}
	return bar + strings.Repeat(" ", width-used)
}

// Arrow stands between what was and what is.
func (s Style) Arrow() string {
	if s.Unicode {
		return "→"
	}
	return "->"
}

// Width is the number of columns that text takes. All that is drawn here is one
// column wide.
func Width(text string) int {
	n := 0
	for i := 0; i < len(text); {
		if e := escape(text[i:]); e > 0 {
			i += e
			continue
		}
		_, size := utf8.DecodeRuneInString(text[i:])
		i += size
		n++
	}
	return n
}

// Cut shortens text to the width. Escape sequences take none, and are kept, so
// that no colour runs on.
func Cut(text string, width int) string {
	if Width(text) <= width {
		return text
	}
	var b strings.Builder
	n := 0
	for i := 0; i < len(text); {
		if e := escape(text[i:]); e > 0 {
			b.WriteString(text[i : i+e])
			i += e
			continue
		}
		_, size := utf8.DecodeRuneInString(text[i:])
		if n < width {
			b.WriteString(text[i : i+size])
		}
		i += size
		n++
	}
	return b.String()
}

// escape returns the length of the colour sequence that text begins with, or 0.
func escape(text string) int {
	if !strings.HasPrefix(text, "\x1b[") {
		return 0
	}
	if i := strings.IndexByte(text, 'm'); i > 0 {
		return i + 1
	}
	return 0
}

// Left pads text on the right to the width, and cuts it to it.
func Left(text string, width int) string {
	text = Cut(text, max(width, 0))
	return text + strings.Repeat(" ", max(0, width-Width(text)))
}

// Right pads text on the left to the width, and cuts it to it.
func Right(text string, width int) string {
	text = Cut(text, max(width, 0))
	return strings.Repeat(" ", max(0, width-Width(text))) + text
}

// Wrap breaks text between words into lines of the width.
func Wrap(text string, width int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		switch {
		case line == "":
			line = word
		case Width(line)+1+Width(word) <= width:
			line += " " + word
		default:
			lines = append(lines, line)
			line = word
		}
	}
	if line != "" {
		lines = append(lines, line)
	}
	return lines
}

// Plain replaces what is not printable, such as the line breaks of an error, by
// blanks.
func Plain(text string) string {
	return strings.Join(strings.FieldsFunc(text, func(r rune) bool { return r <= ' ' || r == 0x7f }), " ")
}
