package human

import (
	"testing"
	"time"
)

func TestFigures(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{Bytes(0), "0 B"},
		{Bytes(1023), "1023 B"},
		{Bytes(1024), "1 kB"},
		{Bytes(1100), "1.1 kB"},
		{Bytes(214 * 1024), "214 kB"},
		{Bytes(1023 * 1024), "1.0 MB"},
		{Bytes(5 << 40), "5120 GB"},
		{Distance(1023*1024, "bytes"), "1.0 MB"},
		{Distance(0, "transactions"), "0 tx"},
		{Distance(12, "transactions"), "12 tx"},
		{Distance(999999, "transactions"), "999,999 tx"},
		{Distance(1000000, "transactions"), "1M tx"},
		{Distance(2340000, "transactions"), "2.3M tx"},
		{Distance(567e6, "transactions"), "567M tx"},
		{Distance(12e12, "transactions"), "12000G tx"},
		{Duration(-1), "0 ms"},
		{Duration(640 * time.Microsecond), "0.6 ms"},
		{Duration(12 * time.Millisecond), "12 ms"},
		{Duration(999 * time.Millisecond), "999 ms"},
		{Duration(3140 * time.Millisecond), "3.1 s"},
		{Duration(119 * time.Second), "119 s"},
		{Duration(10 * time.Minute), "10 min"},
		{Duration(10 * time.Hour), "10 h"},
		{Duration(72 * time.Hour), "3 days"},
		{Clock(0), "0:00"},
		{Clock(19999 * time.Millisecond), "0:20"},
		{Clock(75 * time.Second), "1:15"},
		{Count(0), "0"},
		{Count(999), "999"},
		{Count(1000), "1,000"},
		{Count(1234567), "1,234,567"},
		{Plural(1, "read"), "1 read"},
		{Plural(2000, "read"), "2,000 reads"},
		{Plural(0, "retry"), "0 retries"},
		{Percent(0, 0), "-"},
		{Percent(0, 10), "0%"},
		{Percent(1, 1000), "<1%"},
		{Percent(999, 1000), "99%"},
		{Percent(1, 2), "50%"},
		{Percent(2, 2), "100%"},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}
