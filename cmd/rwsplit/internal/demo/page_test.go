package demo

import (
	"strings"
	"testing"
	"time"

	"github.com/rwsplit/rwsplit/cmd/rwsplit/internal/shop"
	"github.com/rwsplit/rwsplit/cmd/rwsplit/internal/terminal"
	"github.com/rwsplit/rwsplit/splitter"
)

func of[T any](v T) *T { return &v }

// example is a page with one replica of three that lags and one that is down.
func example() *page {
	members := func(reads, writes uint64) []splitter.MemberStats {
		return []splitter.MemberStats{
			{Name: "127.0.0.1:1", Role: "primary", State: "up", Lag: of(time.Duration(0)), LagDistance: of(int64(0)),
				InFlight: 3, Latency: 640 * time.Microsecond, Reads: reads / 10, Writes: writes},
			{Name: "127.0.0.1:2", Role: "replica", State: "up", Lag: of(1200 * time.Microsecond), LagDistance: of(int64(376)), LagUnit: "bytes",
				InFlight: 1, Latency: 410 * time.Microsecond, Reads: reads},
			{Name: "127.0.0.1:3", Role: "replica", State: "lagging", Reason: "5.1s behind, the maximum is 2s",
				Lag: of(5100 * time.Millisecond), LagDistance: of(int64(162 << 10)), LagUnit: "bytes", Latency: 2 * time.Millisecond, Reads: reads / 4},
			{Name: "127.0.0.1:4", Role: "replica", State: "down", Reason: "failed to connect to `user=app`:\n\tdial error: connection refused",
				Lag: of(time.Millisecond), LagDistance: of(int64(0)), Latency: time.Millisecond},
		}
	}
	return &page{
		title:  "PostgreSQL 15.18, 12 users in a web shop",
		length: 20 * time.Second,
		names:  map[string]string{"127.0.0.1:1": "pg1", "127.0.0.1:2": "pg2", "127.0.0.1:3": "pg3", "127.0.0.1:4": "pg4"},
		before: sample{at: 12 * time.Second, stats: splitter.Stats{Members: members(1000, 200)}},
		now: sample{at: 14 * time.Second,
			stats: splitter.Stats{
				Members:   members(1800, 420),
				Reads:     map[string]uint64{"replica": 2250, "lag": 3, "session": 12, "strong": 5},
				Fallbacks: map[string]uint64{"lag": 3, "session": 12},
				Waits:     231, Waited: 219, Retries: 2,
			},
			shop: shop.Figures{Checks: 11500, Eventual: 44, EventualOld: 8},
		},
		said: "pg3 stops applying: it gets the primary's changes and does not show them, so its lag grows. Users who wrote are served by pg2 at once.",
		log:  []string{"0:03  pg3 is lagging, was up", "0:05  one", "0:06  two", "0:13  pg4 is down, was up: connection refused"},
		hint: "Ctrl-C stops the servers and removes their data",
	}
}

func TestPage(t *testing.T) {
	want := `
rwsplit demo  PostgreSQL 15.18, 12 users in a web shop              0:14 of 0:20
SERVER  ROLE     STATE    LAG TIME     BEHIND  NOTE
pg1     primary  up              -          -
pg2     replica  up         1.2 ms      376 B
pg3     replica  lagging     5.1 s     162 kB  5.1s behind, the maximum is 2s
pg4     replica  down            -          -  connection refused
SERVER  SHARE OF READS    READS/S  SHARE OF WRITES  WRITES/S  IN FLIGHT  LATENCY
pg1     #..........   7%       40             100%       110          3   0.6 ms
pg2     ########...  74%      400               0%         0          1   0.4 ms
pg3     ##.........  19%      100               0%         0          0     2 ms
pg4     ...........   0%        0               0%         0          0        -
since start  2,270 reads, 99% of them on replicas; 420 writes, on the primary
fallbacks    15 reads on the primary, as replicas were: 12 behind the reader, 3
             too far behind
waits        231 reads waited for a replica to catch up, 219 got it in time
retries      2 reads tried again elsewhere, 0 refused by a replica
errors       0 seen by users
STALE READS  0 in 11,500 comparisons with what the reader wrote or saw before
             (8 of 44 reads with eventual consistency were old, as they may be)
now  pg3 stops applying: it gets the primary's changes and does not show them,
     so its lag grows. Users who wrote are served by pg2 at once.
0:06  two
0:13  pg4 is down, was up: connection refused
Ctrl-C stops the servers and removes their data`
	got := example().draw(80, 24, terminal.Style{})
	if got = "\n" + got; got != want {
		t.Errorf("got%s\n\nwant%s", got, want)
	}
}

func TestPageWithLongNames(t *testing.T) {
	p := example()
	p.names = nil
	p.now.stats.Members = p.now.stats.Members[:2]
	want := `
SERVER       OF READS           READS/S  OF WRITES  WRITES/S  IN FLIGHT  LATENCY
127.0.0.1:1  #...........   9%       40       100%       110          3   0.6 ms
`
	if got := p.draw(80, 24, terminal.Style{}); !strings.Contains(got, want) {
		t.Errorf("got\n%s", got)
	}
}

func TestPageInTransactions(t *testing.T) {
	p := example()
	for i := range p.now.stats.Members {
		p.now.stats.Members[i].LagUnit = "transactions"
	}
	failed := &p.now.stats.Members[2]
	failed.State, failed.Reason, failed.LagDistance = "failed", "the applier has stopped: error 1062", of(int64(1234))
	got := p.draw(80, 24, terminal.Style{Color: true})
	for _, want := range []string{"1.2 ms     376 tx", terminal.Style{Color: true}.Red("failed  ") + "    5.1 s   1,234 tx  error 1062"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in\n%s", want, got)
		}
	}
}

func TestPageHasRoom(t *testing.T) {
	got := example().draw(120, 40, terminal.Style{})
	for _, want := range []string{"\n\nSERVER", "0:03  pg3 is lagging, was up\n0:05  one\n0:06  two\n0:13  pg4 is down"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in\n%s", want, got)
		}
	}
}

// Whatever the size of the terminal, the page fits it.
func TestPageFits(t *testing.T) {
	for _, style := range []terminal.Style{{}, {Color: true, Unicode: true}} {
		for _, p := range []*page{example(), {}} {
			for _, width := range []int{1, 20, 79, 80, 81, 120, 300} {
				for _, height := range []int{1, 2, 5, 23, 24, 25, 60} {
					page := p.draw(width, height, style)
					lines := strings.Split(page, "\n")
					if len(lines) != height {
						t.Fatalf("%d x %d: %d lines", width, height, len(lines))
					}
					for _, l := range lines {
						if w := terminal.Width(l); w > width {
							t.Fatalf("%d x %d: a line of %d: %q", width, height, w, l)
						}
					}
					if !style.Color && strings.Contains(page, "\x1b") {
						t.Fatal("colour without a wish for it")
					}
				}
			}
		}
	}
}

func TestStaleReadsAreRed(t *testing.T) {
	p := example()
	p.now.shop.Backwards = 7
	page := p.draw(80, 24, terminal.Style{Color: true})
	if !strings.Contains(page, terminal.Style{Color: true}.Red("STALE READS  7")) {
		t.Error(page)
	}
}

func TestTogether(t *testing.T) {
	one := splitter.Stats{
		Members:   []splitter.MemberStats{{Name: "a", State: "up", Reads: 10, Writes: 0, InFlight: 1, Latency: 2 * time.Millisecond, Errors: 1}},
		Reads:     map[string]uint64{"replica": 9, "lag": 1},
		Fallbacks: map[string]uint64{"lag": 1},
		Waits:     3, Waited: 2, Retries: 1,
	}
	two := splitter.Stats{
		Members: []splitter.MemberStats{{Name: "a", State: "down", Reads: 20, Writes: 10, InFlight: 2, Latency: 6 * time.Millisecond}},
		Reads:   map[string]uint64{"replica": 20},
		Waits:   4, Waited: 4,
	}
	sum := together([]splitter.Stats{one, two})
	m := sum.Members[0]
	if m.State != "up" || m.Reads != 30 || m.Writes != 10 || m.InFlight != 3 || m.Errors != 1 || m.Latency != 5*time.Millisecond {
		t.Errorf("%+v", m)
	}
	if total(sum.Reads) != 30 || onReplicas(&sum) != 29 || sum.Fallbacks["lag"] != 1 || sum.Waits != 7 || sum.Waited != 6 || sum.Retries != 1 {
		t.Errorf("%+v", sum)
	}
	if one.Members[0].Reads != 10 {
		t.Error("the sum was made in the first")
	}
}

func TestScript(t *testing.T) {
	for _, replicas := range []int{1, 2, 3} {
		for turn := range 4 {
			last := time.Duration(0)
			events := script(20*time.Second, turn, replicas)
			for _, e := range events {
				if e.at <= last || e.at >= 20*time.Second {
					t.Errorf("%+v after %s", e, last)
				}
				if e.victim < 0 || e.victim >= replicas {
					t.Errorf("replica %d of %d", e.victim, replicas)
				}
				last = e.at
			}
			if events[0].victim != events[1].victim || events[2].victim != events[3].victim {
				t.Errorf("what is taken away is not given back: %+v", events)
			}
			if replicas > 1 && events[0].victim == events[2].victim {
				t.Errorf("one replica has all the trouble: %+v", events)
			}
		}
	}
}
