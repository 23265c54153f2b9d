package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rwsplit/rwsplit/cmd/rwsplit/internal/demo"
	"github.com/rwsplit/rwsplit/integration/fixture"
)

// asCommand makes the test binary be the command.
const asCommand = "RWSPLIT_TEST_AS_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// child is the command as a process of its own, with a directory of its own for
// what it starts.
type child struct {
	t    *testing.T
	cmd  *exec.Cmd
	tmp  string
	out  bytes.Buffer
	done chan struct{} // closed when stderr has ended

	mu  sync.Mutex // guards err
	err bytes.Buffer
}

func startChild(t *testing.T, args ...string) *child {
	t.Helper()
	if testing.Short() {
		t.Skip("starts servers")
	}
	// Not t.TempDir(): the servers' user must be able to enter it.
	tmp, err := os.MkdirTemp("", "rwsplit-demo-")
	if err == nil {
		err = os.Chmod(tmp, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(tmp) })
	c := &child{t: t, tmp: tmp, done: make(chan struct{})}
	c.cmd = exec.Command(os.Args[0], args...)
	c.cmd.Env = append(os.Environ(), asCommand+"=1", "TMPDIR="+tmp)
	c.cmd.Stdout = &c.out
	stderr, err := c.cmd.StderrPipe()
	if err == nil {
		err = c.cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.cmd.Process.Kill() }) // which fails after wait
	go func() {
		defer close(c.done)
		for r := bufio.NewScanner(stderr); r.Scan(); {
			c.mu.Lock()
			c.err.WriteString(r.Text() + "\n")
			c.mu.Unlock()
		}
	}()
	return c
}

func (c *child) said() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err.String()
}

// await returns when the child has said something, or has ended.
func (c *child) await(text string) {
	c.t.Helper()
	for deadline := time.Now().Add(3 * time.Minute); !strings.Contains(c.said(), text); {
		select {
		case <-c.done:
			return
		case <-time.After(20 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			c.t.Fatalf("it never said %q:\n%s", text, c.said())
		}
	}
}

// homes are the directories of the servers that it has started.
func (c *child) homes() []string {
	homes, _ := filepath.Glob(filepath.Join(c.tmp, "rwsplit-fixture-*"))
	return homes
}

// wait returns the exit status and the summary.
func (c *child) wait() (status int, summary demo.Summary) {
	c.t.Helper()
	<-c.done
	c.cmd.Wait()
	if strings.Contains(c.said(), fixture.ErrNoServer.Error()) {
		fixture.Unavailable(c.t, fmt.Errorf("%w: %s", fixture.ErrNoServer, c.said()))
	}
	lines := strings.Split(strings.TrimSpace(c.out.String()), "\n")
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &summary); err != nil {
		c.t.Fatalf("%v in the last line of\n%s\non stderr:\n%s", err, c.out.String(), c.said())
	}
	c.t.Logf("%s\n%s", c.said(), c.out.String())
	return c.cmd.ProcessState.ExitCode(), summary
}

// checkGone looks for what may be left of servers in these directories.
func (c *child) checkGone(homes []string) {
	c.t.Helper()
	for _, home := range append(homes, c.homes()...) {
		if _, err := os.Stat(home); err == nil {
			c.t.Errorf("%s is left", home)
		}
		processes, err := exec.Command("ps", "-A", "-o", "pid=,args=").Output()
		if err != nil {
			c.t.Fatal(err)
		}
		for line := range strings.Lines(string(processes)) {
			if strings.Contains(line, filepath.Base(home)) {
				c.t.Errorf("a process is left: %s", line)
			}
		}
	}
}

// eachEngine runs a test for each engine.
func eachEngine(t *testing.T, test func(t *testing.T, engine string)) {
	for _, engine := range engines {
		t.Run(engine, func(t *testing.T) { test(t, engine) })
	}
}

func TestDemo(t *testing.T) { eachEngine(t, testDemo) }

func testDemo(t *testing.T, engine string) {
	c := startChild(t, "demo", "-for", "10s", "-json", "-engine", engine)
	c.await("All servers are up.")
	homes := c.homes()
	status, s := c.wait()
	c.checkGone(homes)
	if len(homes) != 1 && status == ok {
		t.Errorf("the servers are not where they are looked for: %q", homes)
	}
	if status != ok {
		t.Errorf("exit status %d", status)
	}
	if s.StaleReads != 0 || s.BoundedLate != 0 || s.Errors != 0 {
		t.Errorf("%d stale reads, %d staler than their bound, %d errors", s.StaleReads, s.BoundedLate, s.Errors)
	}
	// The replicas of a busy machine lag.
	if s.ReadsOnReplicas*3 <= s.Reads || s.Reads < 100 || s.Writes < 20 || s.Checks < 100 || s.Handovers == 0 {
		t.Error("too little was done, or too little of it on replicas")
	}
	if strings.Contains(c.said(), "[mysql]") {
		t.Error("the wrapped driver writes to the standard error")
	}
	if len(s.Servers) != 3 || s.Interrupted || s.Seconds < 10 || s.Seconds > 15 {
		t.Fatalf("%d servers, interrupted %t, %.1f s", len(s.Servers), s.Interrupted, s.Seconds)
	}
	killed, paused := s.Servers[1].Name, s.Servers[2].Name
	// How long a server takes to start is the machine's affair: that one which
	// was killed comes back is for TestOnCluster.
	for _, seen := range []string{
		paused + " stops applying", paused + " applies again",
		killed + " is killed", killed + " is down, was up", killed + " is started again",
	} {
		if !strings.Contains(c.said(), seen) {
			t.Errorf("it did not say %q", seen)
		}
	}
}

func TestInterruptedDemo(t *testing.T) {
	c := startChild(t, "demo", "-for", "10m", "-json", "-replicas", "1")
	c.await("All servers are up.")
	time.Sleep(time.Second)
	homes := c.homes()
	c.cmd.Process.Signal(syscall.SIGINT)
	status, s := c.wait()
	c.checkGone(homes)
	if status != ok || !s.Interrupted || s.Reads == 0 || s.Seconds > 60 {
		t.Errorf("exit status %d, interrupted %t, %d reads in %.1f s", status, s.Interrupted, s.Reads, s.Seconds)
	}
	if s.StaleReads != 0 || s.Errors != 0 {
		t.Errorf("%d stale reads, %d errors", s.StaleReads, s.Errors)
	}
}

func TestDemoInterruptedAtStart(t *testing.T) {
	c := startChild(t, "demo", "-json")
	c.await("is the primary") // its replicas are being made
	homes := c.homes()
	c.cmd.Process.Signal(syscall.SIGTERM)
	status, s := c.wait()
	c.checkGone(homes)
	if status != failed || !s.Interrupted || s.Reads != 0 {
		t.Errorf("exit status %d, interrupted %t, %d reads", status, s.Interrupted, s.Reads)
	}
	if !strings.HasSuffix(c.said(), "rwsplit demo: interrupted before the shop was open\n") {
		t.Errorf("its last words are not there")
	}
}

func TestDemoInterruptedTwice(t *testing.T) {
	c := startChild(t, "demo", "-json", "-replicas", "1")
	c.await("is the primary")
	homes := c.homes()
	c.cmd.Process.Signal(syscall.SIGINT)
	c.cmd.Process.Signal(syscall.SIGTERM)
	<-c.done
	c.cmd.Wait()
	if strings.Contains(c.said(), fixture.ErrNoServer.Error()) {
		fixture.Unavailable(t, fmt.Errorf("%w: %s", fixture.ErrNoServer, c.said()))
	}
	// The servers are gone a moment later: their watchdog sees to that.
	for range 300 {
		if len(c.homes()) == 0 {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	c.checkGone(homes)
}
