package main

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/rwsplit/rwsplit/cmd/rwsplit/internal/demo"
	"github.com/rwsplit/rwsplit/cmd/rwsplit/internal/shop"
	"github.com/rwsplit/rwsplit/cmd/rwsplit/internal/terminal"
	"github.com/rwsplit/rwsplit/integration/fixture"
)

func of[T any](v T) *T { return &v }

var sick = &health{
	At:      time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
	Primary: "db1:5432",
	Members: []member{
		{Name: "db1:5432", Role: "primary", State: "up", Position: "p", Lag: of(time.Duration(0)), Distance: of(int64(0)), Unit: "bytes", SampleAge: of(12 * time.Millisecond)},
		{Name: "db2:5432", Role: "replica", State: "lagging", Reason: "12s behind, the maximum is 10s", Lag: of(12 * time.Second), Distance: of(int64(3 << 20)), Unit: "bytes", SampleAge: of(time.Second)},
		{Name: "db3.example:5432", Role: "unknown", State: "down", Reason: "failed to connect:\n\tconnection refused", Unit: "bytes"},
	},
}

func TestTable(t *testing.T) {
	want := `
MEMBER            ROLE     STATE    LAG TIME  BEHIND  LAST ASKED  NOTE
db1:5432          primary  up              -       -   12 ms ago
db2:5432          replica  lagging      12 s    3 MB     1 s ago  12s behind, the maximum is 10s
db3.example:5432  unknown  down            -       -       never  failed to connect: connection refused
`
	if got := "\n" + sick.table(terminal.Style{}); got != want {
		t.Errorf("got%s\nwant%s", got, want)
	}
}

func TestStatusPage(t *testing.T) {
	want := `
rwsplit status  03:04:05

MEMBER            ROLE     STATE    LAG TIME  BEHIND  LAST ASKED  NOTE
db1:5432          primary  up              -       -   12 ms ago
db2:5432          replica  lagging      12 s    3 MB     1 s ago  12s behind, th
db3.example:5432  unknown  down            -       -       never  failed to conn

db2:5432: 12s behind, the maximum is 10s

db3.example:5432: failed to connect: connection refused
3 members; Ctrl-C ends`
	if got := "\n" + sick.page(80, 11, terminal.Style{}); got != want {
		t.Errorf("got%s\nwant%s", got, want)
	}
	for _, height := range []int{1, 2, 5, 30} {
		lines := strings.Split(sick.page(20, height, terminal.Style{Color: true}), "\n")
		if len(lines) != height {
			t.Errorf("%d lines, not %d", len(lines), height)
		}
		for _, l := range lines {
			if terminal.Width(l) > 20 {
				t.Errorf("too wide: %q", l)
			}
		}
	}
}

func TestStatusJSON(t *testing.T) {
	text, err := json.Marshal(sick)
	want := `{"healthy":false,"primary":"db1:5432","members":[` +
		`{"name":"db1:5432","role":"primary","state":"up","position":"p","lag_ns":0,"lag_distance":0,"lag_unit":"bytes","sample_age_ns":12000000},` +
		`{"name":"db2:5432","role":"replica","state":"lagging","reason":"12s behind, the maximum is 10s","lag_ns":12000000000,"lag_distance":3145728,"lag_unit":"bytes","sample_age_ns":1000000000},` +
		`{"name":"db3.example:5432","role":"unknown","state":"down","reason":"failed to connect:\n\tconnection refused","lag_ns":null,"lag_distance":null,"lag_unit":"bytes","sample_age_ns":null}]}`
	if err != nil || string(text) != want {
		t.Errorf("got\n%s\nwant\n%s", text, want)
	}
}

func TestStatusOfNobody(t *testing.T) {
	for _, dsn := range []string{
		"postgres://app:secret@127.0.0.1:1,127.0.0.1:2/shop",
		"app:secret@tcp(127.0.0.1:1,127.0.0.1:2)/shop",
	} {
		status, out, errors := call(t, nil, "status", dsn, "-timeout", "3s")
		if status != failed || errors != "" {
			t.Errorf("status %d, error %q", status, errors)
		}
		if strings.Count(out, " down ") != 2 || strings.Contains(out, "secret") {
			t.Errorf("output\n%s", out)
		}
	}
}

// What needs servers of its own kind, and not to start them itself.
func TestOnCluster(t *testing.T) {
	if testing.Short() {
		t.Skip("starts servers")
	}
	eachEngine(t, testOnCluster)
}

func testOnCluster(t *testing.T, engine string) {
	c := fixture.ForTest(t, fixture.Options{Engine: engine})
	dsn := c.DSN("rwsplit_max_lag=1s")
	unit := "transactions"
	if engine == "postgres" {
		unit = "bytes"
	}

	t.Run("healthy", func(t *testing.T) {
		status, out, errors := call(t, nil, "status", dsn)
		if status != ok || errors != "" || strings.Count(out, " up ") != 3 || strings.Count(out, " replica ") != 2 {
			t.Errorf("status %d, error %q, output\n%s", status, errors, out)
		}
		if strings.Contains(out, c.Password()) {
			t.Error("the password is in the output")
		}
	})
	t.Run("watch", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
		defer cancel()
		var out strings.Builder
		status := run(ctx, []string{"status", "--watch", "-json", "-interval", "100ms", dsn}, streams{out: &out, err: &out})
		lines := strings.Split(strings.TrimSpace(out.String()), "\n")
		var h health
		err := json.Unmarshal([]byte(lines[len(lines)-1]), &h)
		if status != ok || len(lines) < 5 || err != nil || !h.Healthy || h.Primary != c.Primary().Addr() {
			t.Errorf("status %d, %v, %d lines, the last\n%s", status, err, len(lines), lines[len(lines)-1])
		}
	})
	t.Run("one is stopped", func(t *testing.T) {
		stopped := c.Replicas()[0]
		if err := stopped.PauseReplay(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := c.Primary().Exec(t.Context(), "CREATE TABLE missing (id bigint PRIMARY KEY)"); err != nil {
			t.Fatal(err)
		}
		status, out, _ := call(t, nil, "status", "-json", c.MonitorDSN())
		var h health
		if err := json.Unmarshal([]byte(out), &h); err != nil || status != failed || h.Healthy || h.Primary == "" {
			t.Errorf("status %d, %v, output\n%s", status, err, out)
		}
		for _, m := range h.Members {
			if m.Name == stopped.Addr() && (m.State != "stopped" || m.Reason == "" || m.Distance == nil || *m.Distance == 0 || m.Unit != unit) {
				t.Errorf("%+v", m)
			}
		}
		if err := stopped.ResumeReplay(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
	t.Run("one is down", func(t *testing.T) {
		down := c.Replicas()[1]
		if err := down.Kill(); err != nil {
			t.Fatal(err)
		}
		status, out, _ := call(t, nil, "status", "-json", dsn)
		var h health
		if err := json.Unmarshal([]byte(out), &h); err != nil || status != failed || h.Healthy || h.Primary == "" {
			t.Errorf("status %d, %v, output\n%s", status, err, out)
		}
		for _, m := range h.Members {
			if m.Name == down.Addr() && (m.State != "down" || m.Reason == "") {
				t.Errorf("%+v", m)
			}
		}
		if strings.Contains(out, c.Password()) {
			t.Error("the password is in the output")
		}
		if err := down.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := c.WaitReplicas(t.Context()); err != nil {
			t.Fatal(err)
		}
		if status, out, _ := call(t, nil, "status", dsn); status != ok {
			t.Errorf("when it is back: status %d, output\n%s", status, out)
		}
	})
	t.Run("demo", func(t *testing.T) {
		var out, errors strings.Builder
		status := run(t.Context(), []string{"demo", "-dsn", dsn, "-for", "2s", "-clients", "4"}, streams{out: &out, err: &errors})
		var s demo.Summary
		if err := json.Unmarshal([]byte(out.String()), &s); err != nil || status != ok || s.Errors+s.StaleReads > 0 || s.Reads == 0 {
			t.Errorf("status %d, %v, output\n%s%s", status, err, out.String(), errors.String())
		}
		n, err := c.Primary().QueryText(t.Context(), "SELECT count(*) FROM information_schema.schemata WHERE schema_name = '"+shop.Schema+"'")
		if n != "0" || err != nil {
			t.Errorf("%s schemas are left, %v", n, err)
		}
		if strings.Contains(out.String()+errors.String(), c.Password()) {
			t.Error("the password is in the output")
		}
	})
}
