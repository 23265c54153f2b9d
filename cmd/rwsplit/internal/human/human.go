// Package human prints figures for people: short, in one unit, of a width that
// hardly changes while they do.
package human

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Bytes prints a size in the units of pg_size_pretty: multiples of 1024.
func Bytes(n int64) string {
	if n < 1024 {
		return strconv.FormatInt(n, 10) + " B"
	}
	f := float64(n)
	for _, unit := range []string{"kB", "MB", "GB"} {
		f /= 1024
		if f < 1000 || unit == "GB" {
			return threeDigits(f) + " " + unit
		}
	}
	return "" // not reached
}

// Distance prints how far apart two positions are, in the unit that
// splitter.MemberStats names: bytes, or transactions, "tx" for short.
func Distance(n int64, unit string) string {
	switch {
	case unit != "transactions":
		return Bytes(n)
	case n < 1e6:
		return Count(uint64(max(n, 0))) + " tx"
	case n < 1e9:
		return threeDigits(float64(n)/1e6) + "M tx"
	}
	return threeDigits(float64(n)/1e9) + "G tx"
}

// Duration prints a duration from microseconds to days with two or three
// digits.
func Duration(d time.Duration) string {
	switch {
	case d < 0:
		return "0 ms"
	case d < 100*time.Millisecond:
		return threeDigits(float64(d)/float64(time.Millisecond)) + " ms"
	case d < time.Second:
		return strconv.FormatInt(d.Milliseconds(), 10) + " ms"
	case d < 2*time.Minute:
		return threeDigits(d.Seconds()) + " s"
	case d < 2*time.Hour:
		return strconv.Itoa(int(d.Minutes())) + " min"
	case d < 48*time.Hour:
		return strconv.Itoa(int(d.Hours())) + " h"
	}
	return strconv.Itoa(int(d.Hours()/24)) + " days"
}

// Clock prints a time since the start as minutes and seconds.
func Clock(d time.Duration) string {
	s := int(d.Round(100 * time.Millisecond).Seconds())
	return fmt.Sprintf("%d:%02d", s/60, s%60)
}

// Count prints a number with a comma between its thousands.
func Count(n uint64) string {
	digits := strconv.FormatUint(n, 10)
	var b strings.Builder
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(d)
	}
	return b.String()
}

// Plural prints a number with its noun.
func Plural(n uint64, noun string) string {
	switch {
	case n == 1:
		return "1 " + noun
	case strings.HasSuffix(noun, "y"):
		return Count(n) + " " + strings.TrimSuffix(noun, "y") + "ies"
	}
	return Count(n) + " " + noun + "s"
}

// Percent prints a share; what is little but not nothing is not 0%, and what is
// not quite all is not 100%.
func Percent(part, whole float64) string {
	if whole <= 0 {
		return "-"
	}
	switch p := 100 * part / whole; {
	case p > 0 && p < 1:
		return "<1%"
	case p > 99 && p < 100:
		return "99%"
	default:
		return strconv.Itoa(int(p+0.5)) + "%"
	}
}

func threeDigits(f float64) string {
	if f < 9.95 && f != float64(int(f)) {
		return strconv.FormatFloat(f, 'f', 1, 64)
	}
	return strconv.FormatFloat(f, 'f', 0, 64)
}
