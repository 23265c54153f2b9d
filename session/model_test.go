package session

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rwsplit/rwsplit/lag"
)

// The model: a primary and two replicas whose true positions are known, over fake
// time, with the true trackers, clocks and records between them and callers who
// read and write at random. A read is answered by any server that its Need
// allows. What each caller must see is kept apart from all that, in numbers.

// flaw is a rule of this package, or of those who use it, that the model breaks on
// purpose, to show that it would find out.
type flaw string

const (
	sound          flaw = ""
	staleSighting  flaw = "a sighting is resolved by the sample before the read"
	staleWrite     flaw = "a write is resolved by the sample before its end"
	earlySighting  flaw = "a read is noted with the time at which it began"
	earlyWrite     flaw = "a write is noted with the time at which it began"
	noSighting     flaw = "reads are not noted"
	eagerDominance flaw = "an eventual read stands for the sightings before it"
	anyRun         flaw = "a server's runs are not told apart"
	oldConnection  flaw = "a new run is read from on the word of the old one's sample"
	bareToken      flaw = "an unresolved token loses its mark"
)

const modelServers = 3 // the first is the primary

// modelServer is a server as it truly is.
type modelServer struct {
	lsn lag.LSN
	run uint64
}

type model struct {
	t       *testing.T
	flaw    flaw
	tick    time.Duration // of the clock: all that happens takes a multiple of it
	read    int
	replica int // reads on replicas
	stale   []string

	restarts int // a replica restarts once in so many steps

	mu       sync.Mutex // guards all below and the counts above
	random   *rand.Rand
	servers  [modelServers]modelServer
	samples  [modelServers]lag.Sample
	clock    *lag.Clock
	changed  chan struct{}
	trackers [modelServers]*lag.Tracker
}

// chance is true once in n times.
func (m *model) chance(n int) bool { return m.intN(n) == 0 }

func (m *model) intN(n int) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.random.IntN(n)
}

// pause lets up to most pass.
func (m *model) pause(most time.Duration) {
	d := time.Duration(m.intN(int(most))).Truncate(m.tick)
	if d > 0 {
		time.Sleep(d)
	}
}

const hop = 400 * time.Microsecond // the longest way to a server

// ask is a question to a server: what it says is true at some time between.
func (m *model) ask(node int) modelServer {
	m.pause(hop)
	m.mu.Lock()
	s := m.servers[node]
	m.mu.Unlock()
	m.pause(hop)
	return s
}

func (m *model) probe(node int) func(context.Context) (lag.Sample, error) {
	return func(context.Context) (lag.Sample, error) {
		s := m.ask(node)
		return lag.Sample{Run: s.run, Writable: node == 0, Position: wal(s.lsn)}, nil
	}
}

func (m *model) report(node int) func(lag.Sample, error) {
	return func(s lag.Sample, _ error) {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.samples[node] = s
		if node == 0 {
			m.clock = m.clock.Add(s.Asked, s.Position)
		}
		close(m.changed)
		m.changed = make(chan struct{})
	}
}

// replay makes a replica follow the primary, with pauses, and restart at times
// with an older state.
func (m *model) replay(ctx context.Context, node int) {
	for ctx.Err() == nil {
		m.mu.Lock()
		behind := m.servers[0].lsn - m.servers[node].lsn
		if behind > 0 {
			m.servers[node].lsn += lag.LSN(m.random.Uint64N(uint64(behind) + 1))
		}
		if m.random.IntN(m.restarts) == 0 {
			m.servers[node].run++
			m.servers[node].lsn -= min(m.servers[node].lsn, lag.LSN(m.random.IntN(50)))
		}
		m.mu.Unlock()
		if m.chance(40) {
			m.pause(200 * time.Millisecond)
		}
		m.pause(2 * time.Millisecond)
		time.Sleep(m.tick)
	}
}

// snapshot is what is known at one moment: the witness of the model.
type snapshot struct {
	m       *model
	samples [modelServers]lag.Sample
	clock   *lag.Clock
	changed chan struct{}
}

func (m *model) snapshot() *snapshot {
	m.mu.Lock()
	defer m.mu.Unlock()
	return &snapshot{m, m.samples, m.clock, m.changed}
}

func (s *snapshot) Known() (lag.Position, bool) {
	p, _, ok := s.clock.Last()
	return p, ok
}

func (s *snapshot) PrimaryAfter(t time.Time) (lag.Position, bool) {
	if s.m.flaw == staleWrite {
		p, _, ok := s.clock.Last()
		return p, ok
	}
	return s.clock.After(t)
}

func (s *snapshot) InstanceAfter(i lag.Instance, t time.Time) (lag.Position, bool) {
	v := s.samples[i.Node]
	if v.Position == nil || v.Run != i.Run && s.m.flaw != anyRun {
		return nil, false
	}
	if v.Asked.Before(t) && s.m.flaw != staleSighting {
		return nil, false
	}
	return v.Position, true
}

func (m *model) Witness() Witness { return m.snapshot() }

func (m *model) AwaitPrimary(ctx context.Context, t time.Time) error {
	for {
		s := m.snapshot()
		if _, ok := s.PrimaryAfter(t); ok {
			return nil
		}
		m.trackers[0].Ask(t)
		select {
		case <-s.changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// pick chooses among the servers that the need allows, replicas before the primary.
func (m *model) pick(s *snapshot, n *Need) int {
	var replicas []int
	for node := 1; node < modelServers; node++ {
		v := s.samples[node]
		i := lag.Instance{Node: node, Run: v.Run}
		if m.flaw == anyRun {
			i.Run = 0
		}
		if v.Position != nil && allows(n, i, v.Position) {
			replicas = append(replicas, node)
		}
	}
	if len(replicas) == 0 || m.chance(10) {
		return 0
	}
	return replicas[m.intN(len(replicas))]
}

// caller is one session, with what it must see.
type caller struct {
	m       *model
	session *Session
	own     bool // sightings are not noted: the record of a *sql.DB

	mu   sync.Mutex // guards must
	must lag.LSN
}

func (c *caller) owed() lag.LSN {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.must
}

func (c *caller) saw(lsn lag.LSN) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.must = max(c.must, lsn)
}

func (c *caller) write() {
	m := c.m
	r := c.session.Record("shop", m)
	begun := time.Now()
	r.BeginWrite()
	m.pause(hop)
	m.mu.Lock()
	m.servers[0].lsn += lag.LSN(1 + m.random.IntN(20))
	lsn := m.servers[0].lsn
	m.mu.Unlock()
	m.pause(hop)
	ended := time.Now()
	if m.flaw == earlyWrite {
		ended = begun
	}
	if m.chance(5) {
		r.EndWrite(ended, wal(lsn)) // it came with the reply
	} else {
		r.EndWrite(ended, nil)
	}
	c.saw(lsn)
}

func (c *caller) read() {
	m := c.m
	must := c.owed()
	r := c.session.Record("shop", m)
	s := m.snapshot()
	need := r.Need(s)
	if need.Unresolved() && m.chance(4) {
		m.trackers[0].Ask(need.Since())
	}
	eventual := !c.own && m.chance(8)
	node := m.pick(s, &need)
	if eventual {
		node = m.intN(modelServers)
	}
	begun := time.Now()
	if m.flaw == earlySighting {
		m.trackers[node].Ask(begun) // it takes a sample amid the read
	}
	answer := m.ask(node)
	if answer.run != s.samples[node].Run && m.flaw != oldConnection {
		node = 0 // the connection is lost
		answer = m.ask(node)
	}
	ended := time.Now()

	if !eventual && answer.lsn < must {
		m.mu.Lock()
		m.stale = append(m.stale, fmt.Sprintf("node %d showed %v, the caller had seen %v", node, answer.lsn, must))
		m.mu.Unlock()
	}
	m.mu.Lock()
	m.read++
	if node > 0 {
		m.replica++
	}
	m.mu.Unlock()
	if c.own {
		return // held to its writes alone
	}
	if m.flaw == earlySighting {
		ended = begun
	}
	chosen := &need
	if eventual && m.flaw != eagerDominance {
		chosen = nil
	}
	if m.flaw != noSighting {
		i := lag.Instance{Node: node, Run: answer.run}
		if m.flaw == anyRun {
			i.Run = 0
		}
		r.Saw(chosen, i, ended)
	}
	c.saw(answer.lsn)
}

// carry goes on with what another process makes of the token.
func (c *caller) carry() *caller {
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(c.m.intN(int(20*time.Millisecond)))+1)
	defer cancel()
	next := &caller{m: c.m, own: c.own, must: c.owed()}
	token, err := c.session.Token(ctx)
	if err == nil && c.m.flaw == bareToken && token[len(token)-1] == '?' {
		token = "rws1"
	}
	if err == nil {
		next.session, err = Parse(token)
	}
	if err != nil {
		c.m.t.Error(err)
		next.session = New()
	}
	return next
}

func (c *caller) merge(other *caller) {
	must := other.owed()
	c.session.Merge(other.session)
	c.saw(must)
}

// live is what one of a session's users does. Two of them share it.
func (c *caller) live(others []*caller) {
	m := c.m
	for range 80 {
		switch m.intN(40) {
		case 0, 1:
			c.write()
		case 2:
			if !c.own {
				c.merge(others[m.intN(len(others))])
			}
		case 3:
			c = c.carry()
		case 4, 5, 6, 7:
			m.trackers[m.intN(modelServers)].Ask(time.Now())
		default:
			c.read()
		}
		if m.chance(4) {
			m.pause(30 * time.Millisecond)
		}
	}
}

// run plays the model once and returns it for its counts.
func run(t *testing.T, seed uint64, tick time.Duration, broken flaw) *model {
	m := &model{t: t, flaw: broken, tick: tick, random: rand.New(rand.NewPCG(seed, 1)), changed: make(chan struct{})}
	m.restarts = 100
	if broken == anyRun {
		m.restarts = 10 // it takes a restart at the right moment
	}
	synctest.Test(t, func(*testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		var servers, callers sync.WaitGroup
		for node := range modelServers {
			m.servers[node] = modelServer{lsn: 1000, run: 1}
			m.trackers[node] = lag.NewTracker(lag.TrackerConfig{
				Probe: m.probe(node), Report: m.report(node), Interval: 50 * time.Millisecond, Timeout: time.Second,
			})
			servers.Go(func() { m.trackers[node].Run(ctx) })
			if node > 0 {
				servers.Go(func() { m.replay(ctx, node) })
			}
		}
		time.Sleep(time.Millisecond)
		all := make([]*caller, 6)
		for i := range all {
			all[i] = &caller{m: m, session: New(), own: i == 0}
		}
		for _, c := range all {
			callers.Go(func() { c.live(all[1:]) })
			callers.Go(func() { c.live(all[1:]) })
		}
		callers.Wait()
		cancel()
		servers.Wait()
	})
	return m
}

// ticks are a fine clock and one as coarse as Windows' may be.
var ticks = map[string]time.Duration{"fine": 1, "coarse": 500 * time.Microsecond}

// Whatever the servers do, no caller who keeps the rules reads what is older than
// what he has written or seen.
func TestModel(t *testing.T) {
	for name, tick := range ticks {
		t.Run(name, func(t *testing.T) {
			var reads, replicas int
			for seed := range uint64(40) {
				m := run(t, seed, tick, sound)
				reads += m.read
				replicas += m.replica
				for _, s := range m.stale {
					t.Errorf("seed %d: %s", seed, s)
				}
				if t.Failed() {
					return
				}
			}
			t.Logf("%d reads, %d of them on replicas", reads, replicas)
			if replicas*5 < reads {
				t.Errorf("%d of %d reads on replicas: the model shows little", replicas, reads)
			}
		})
	}
}

// The model is worth something only if it finds each rule that is broken.
func TestModelFindsFlaws(t *testing.T) {
	for _, broken := range []flaw{
		staleSighting, staleWrite, earlySighting, earlyWrite, noSighting, eagerDominance, anyRun, oldConnection, bareToken,
	} {
		t.Run(string(broken), func(t *testing.T) {
			for seed := range uint64(3000) {
				if m := run(t, seed, 1, broken); len(m.stale) > 0 {
					t.Logf("seed %d, %d reads: %s", seed, m.read, m.stale[0])
					return
				}
			}
			t.Error("not found")
		})
	}
}
