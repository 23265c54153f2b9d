//go:build linux

package integration

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rwsplit/rwsplit/splitter"
)

// streamRows is how many rows TestStream reads at a time.
var streamRows = flag.Int("stream-rows", 100_000, "rows of a result that TestStream reads")

// tolerated is how much of the plain driver's memory a read over rwsplit may take at
// its peak. In either case the process has both databases open: what rwsplit needs
// to follow three members, some 1.5 MB, is no matter of rows, and is a tenth of so
// small a process.
const tolerated = 1.10

// stream is what a child process reads.
type stream struct {
	Driver, DSN, Text string
	Beside            []string // driver and DSN of another database that is open
	Buffer            bool     // keep all rows, as nothing of ours may
}

// streamed is what it says of that.
type streamed struct {
	Peak              int // KiB of memory
	Rows              int
	Bytes             int
	Primary, Replicas uint64 // statements, over rwsplit
}

// streamVariable is an environment variable with a stream as JSON, which makes the
// test program read that and nothing else.
const streamVariable = "RWSPLIT_TEST_STREAM"

func init() {
	asked := os.Getenv(streamVariable)
	if asked == "" {
		return
	}
	var s stream
	err := json.Unmarshal([]byte(asked), &s)
	if err == nil {
		var got streamed
		if got, err = s.read(); err == nil {
			err = json.NewEncoder(os.Stdout).Encode(got)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func (s stream) read() (got streamed, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	db, err := opened(ctx, s.Driver, s.DSN)
	if err != nil {
		return got, err
	}
	defer db.Close()
	if s.Beside != nil {
		other, err := opened(ctx, s.Beside[0], s.Beside[1])
		if err != nil {
			return got, err
		}
		defer other.Close()
	}
	rows, err := db.QueryContext(ctx, s.Text)
	if err != nil {
		return got, err
	}
	defer rows.Close()
	var kept []string
	for rows.Next() {
		var n int
		var text string
		if err := rows.Scan(&n, &text); err != nil {
			return got, err
		}
		got.Rows++
		got.Bytes += len(text)
		if s.Buffer {
			kept = append(kept, text)
		}
	}
	if err := rows.Err(); err != nil {
		return got, err
	}
	if s.Buffer && len(kept) != got.Rows {
		return got, fmt.Errorf("kept %d rows of %d", len(kept), got.Rows)
	}
	if c, err := splitter.ClusterOf(db); err == nil {
		got.Primary, got.Replicas = sums(c.Stats())
	}
	got.Peak, err = peak()
	return got, err
}

// opened returns a database that has answered.
func opened(ctx context.Context, driver, dsn string) (*sql.DB, error) {
	db, err := sql.Open(driver, dsn)
	if err != nil {
		return nil, err
	}
	return db, db.PingContext(ctx)
}

// peak returns the most memory that this process has had, in KiB.
func peak() (int, error) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, err
	}
	_, after, _ := strings.Cut(string(status), "VmHWM:")
	number, _, _ := strings.Cut(strings.TrimSpace(after), " ")
	return strconv.Atoi(number)
}

// measured runs a stream in a process of its own. The least of some runs is taken:
// what is above it is the garbage collector's, which is kept on its toes.
func measured(t *testing.T, s stream, runs int) (least streamed) {
	t.Helper()
	asked, err := json.Marshal(s)
	must(t, err)
	for range runs {
		cmd := exec.CommandContext(ctxFor(t), os.Args[0])
		cmd.Env = append(os.Environ(), streamVariable+"="+string(asked), "GOGC=50", "GORACE=atexit_sleep_ms=0")
		var failure bytes.Buffer
		cmd.Stderr = &failure
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%v: %s", err, &failure)
		}
		var got streamed
		must(t, json.Unmarshal(out, &got))
		if got.Rows != *streamRows {
			t.Fatalf("%d rows were read, want %d", got.Rows, *streamRows)
		}
		if least.Peak == 0 || got.Peak < least.Peak {
			least = got
		}
	}
	return least
}

// TestStream: a large result is handed on row by row, whichever way it goes: the
// memory for it is the plain driver's.
func TestStream(t *testing.T) { eachEngine(t, testStream) }

func testStream(t *testing.T, e *engine) {
	c := e.shared(t)
	ready(t, e.open(t, c))
	text := streamOf[e.kind](*streamRows)
	plain := stream{Driver: strings.TrimPrefix(e.driver, "rwsplit-"), DSN: c.Primary().DSN(), Text: text}
	read := stream{Driver: e.driver, DSN: c.DSN(patient), Text: text, Beside: []string{plain.Driver, plain.DSN}}
	t.Logf("the plain driver alone in its process: at most %.1f MB", float64(measured(t, plain, 1).Peak)/1024)
	plain.Beside = []string{read.Driver, read.DSN}
	written, buffered := read, read
	written.Text = primaryComment + text
	buffered.Buffer = true

	const runs = 3
	want := measured(t, plain, runs)
	over := func(got streamed) float64 { return float64(got.Peak) / float64(want.Peak) }
	for _, test := range []struct {
		name string
		got  streamed
		bad  bool
		goes string
	}{
		{"a read on a replica", measured(t, read, runs), false, replica},
		{"on the way of writes", measured(t, written, runs), false, primary},
		{"a reader that keeps all rows, for comparison", measured(t, buffered, 1), true, replica},
	} {
		t.Logf("%s: %d rows of %d bytes: at most %.1f MB, the plain driver %.1f MB", test.name, test.got.Rows, test.got.Bytes, float64(test.got.Peak)/1024, float64(want.Peak)/1024)
		if test.got.Bytes != want.Bytes {
			t.Errorf("%s: %d bytes, the plain driver reads %d", test.name, test.got.Bytes, want.Bytes)
		}
		if r := over(test.got); r > tolerated != test.bad {
			t.Errorf("%s: %.2f times the plain driver's memory, tolerated are %.2f", test.name, r, tolerated)
		}
		if where := map[bool]string{true: replica, false: primary}[test.got.Replicas == 1 && test.got.Primary == 0]; where != test.goes {
			t.Errorf("%s: it went to a %s, want a %s", test.name, where, test.goes)
		}
	}
}
