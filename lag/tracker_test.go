package lag

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

const (
	testInterval = time.Second
	testTimeout  = 300 * time.Millisecond
	testLatency  = 100 * time.Microsecond
)

// server is a fake one that a tracker probes.
type server struct {
	latency time.Duration

	mu       sync.Mutex // guards all below
	position Position
	fails    error
	hangs    bool
	probes   []time.Time // when each one was sent
	inFlight int
	most     int // probes in flight at once
}

func (s *server) probe(ctx context.Context) (Sample, error) {
	s.mu.Lock()
	s.probes = append(s.probes, time.Now())
	s.inFlight++
	s.most = max(s.most, s.inFlight)
	position, fails, hangs := s.position, s.fails, s.hangs
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		s.inFlight--
		s.mu.Unlock()
	}()
	if hangs {
		<-ctx.Done()
		return Sample{}, ctx.Err()
	}
	time.Sleep(s.latency)
	return Sample{Run: 1, Position: position}, fails
}

func (s *server) set(change func(*server)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(s)
}

// count returns the probes since it was last called.
func (s *server) count() int { return len(s.times()) }

func (s *server) times() []time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	times := s.probes
	s.probes = nil
	return times
}

// outcomes collects what a tracker reports.
type outcomes struct {
	mu      sync.Mutex
	samples []Sample
	errors  []error
}

func (o *outcomes) report(s Sample, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.samples = append(o.samples, s)
	o.errors = append(o.errors, err)
}

func (o *outcomes) last() (Sample, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.samples[len(o.samples)-1], o.errors[len(o.errors)-1]
}

// track runs test in a bubble with a tracker that has probed once and is idle for
// half an interval. The bubble fails where a goroutine outlives the tracker.
func track(t *testing.T, test func(t *testing.T, tracker *Tracker, s *server, o *outcomes)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := &server{position: wal(1, 100), latency: testLatency}
		o := &outcomes{}
		tracker := NewTracker(TrackerConfig{Probe: s.probe, Interval: testInterval, Timeout: testTimeout, Report: o.report})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			tracker.Run(ctx)
		}()
		time.Sleep(testInterval / 2)
		if n := s.count(); n != 1 {
			t.Errorf("%d probes at the start, want 1", n)
		}
		test(t, tracker, s, o)
		cancel()
		<-done
		if s.most > 1 {
			t.Errorf("%d probes in flight at once", s.most)
		}
	})
}

func TestTrackerIdle(t *testing.T) {
	track(t, func(t *testing.T, _ *Tracker, s *server, o *outcomes) {
		time.Sleep(100 * testInterval)
		if n := s.count(); n != 100 {
			t.Errorf("%d probes in 100 idle intervals", n)
		}
		sample, err := o.last()
		if err != nil || sample.Position != wal(1, 100) {
			t.Errorf("reported %+v, %v", sample, err)
		}
		if took := sample.Answered.Sub(sample.Asked); took != testLatency {
			t.Errorf("answered %v after it was asked for, want %v", took, testLatency)
		}
	})
}

func TestTrackerAskIsImmediateWhenIdle(t *testing.T) {
	track(t, func(t *testing.T, tracker *Tracker, s *server, _ *outcomes) {
		asked := time.Now()
		tracker.Ask(asked)
		synctest.Wait()
		times := s.times()
		if len(times) != 1 || !times[0].Equal(asked) {
			t.Fatalf("probes at %v, want one at %v", times, asked)
		}
		// The next idle one comes an interval later, not at its old time.
		time.Sleep(testInterval - time.Nanosecond)
		if n := s.count(); n != 0 {
			t.Errorf("%d more probes within an interval", n)
		}
	})
}

func TestTrackerAskCoalesces(t *testing.T) {
	track(t, func(t *testing.T, tracker *Tracker, s *server, _ *outcomes) {
		var all sync.WaitGroup
		for range 200 {
			all.Go(func() { tracker.Ask(time.Now()) })
		}
		all.Wait()
		time.Sleep(testInterval / 2)
		if n := s.count(); n != 1 {
			t.Errorf("%d probes for 200 that asked at one time, want 1", n)
		}

		// Some come while a probe is in flight: that one tells them nothing.
		for i := range 200 {
			all.Go(func() {
				time.Sleep(time.Duration(i) * testLatency / 400)
				tracker.Ask(time.Now())
			})
		}
		all.Wait()
		time.Sleep(testInterval / 2)
		if n := s.count(); n != 2 {
			t.Errorf("%d probes for 200 that asked during half of one's time, want 2", n)
		}
	})
}

func TestTrackerAskForThePastIsFree(t *testing.T) {
	track(t, func(t *testing.T, tracker *Tracker, s *server, _ *outcomes) {
		tracker.Ask(time.Now().Add(-testInterval))
		tracker.Ask(time.Time{})
		time.Sleep(testInterval / 4)
		if n := s.count(); n != 0 {
			t.Errorf("%d probes for samples that are there", n)
		}
	})
}

func TestTrackerPauseUnderDemand(t *testing.T) {
	track(t, func(t *testing.T, tracker *Tracker, s *server, _ *outcomes) {
		const spell = 200 * time.Millisecond
		for end := time.Now().Add(spell); time.Now().Before(end); {
			tracker.Ask(time.Now())
			time.Sleep(10 * time.Microsecond)
		}
		times := s.times()
		for i := 1; i < len(times); i++ {
			if pause := times[i].Sub(times[i-1]); pause < minPause || pause > minPause+testLatency {
				t.Fatalf("probe %d came after %v, want %v", i, pause, minPause)
			}
		}
		if want := int(spell / minPause); len(times) < want-2 || len(times) > want+2 {
			t.Errorf("%d probes in %v", len(times), spell)
		}
	})
}

// A demand outlives a probe that fails: somebody still waits for the sample.
func TestTrackerAskSurvivesFailure(t *testing.T) {
	track(t, func(t *testing.T, tracker *Tracker, s *server, o *outcomes) {
		s.set(func(s *server) { s.fails = errors.New("connection reset") })
		asked := time.Now()
		tracker.Ask(asked)
		time.Sleep(10 * time.Millisecond)
		s.set(func(s *server) { s.fails = nil })
		time.Sleep(errorPause)
		sample, err := o.last()
		if err != nil || sample.Asked.Before(asked) {
			t.Errorf("%v after a failed probe the last outcome is of %v, %v", errorPause+10*time.Millisecond, sample.Asked.Sub(asked), err)
		}
		if n := s.count(); n != 2 {
			t.Errorf("%d probes, want the failed one and one more", n)
		}
		time.Sleep(testInterval / 2)
		if n := s.count(); n != 0 {
			t.Errorf("%d probes after the demand was met", n)
		}
	})
}

// A probe that failed after the time in question is not a sample of it.
func TestTrackerAskAfterFailure(t *testing.T) {
	track(t, func(t *testing.T, tracker *Tracker, s *server, o *outcomes) {
		s.set(func(s *server) { s.fails = errors.New("connection reset") })
		ended := time.Now()
		time.Sleep(testInterval/2 + time.Millisecond) // the idle probe fails
		s.set(func(s *server) { s.fails = nil })
		tracker.Ask(ended)
		time.Sleep(errorPause)
		if sample, err := o.last(); err != nil || sample.Asked.Before(ended) {
			t.Errorf("%v later the last outcome is of %v, %v", errorPause, sample.Asked.Sub(ended), err)
		}
	})
}

func TestTrackerBacksOffUnderDemand(t *testing.T) {
	track(t, func(t *testing.T, tracker *Tracker, s *server, _ *outcomes) {
		s.set(func(s *server) { s.fails = errors.New("connection refused") })
		go func() {
			ctx, cancel := context.WithTimeout(t.Context(), 20*testInterval)
			defer cancel()
			tracker.Wait(ctx, wal(1, 200))
		}()
		for range 20_000 {
			tracker.Ask(time.Now())
			time.Sleep(time.Millisecond)
		}
		times := s.times()
		want := errorPause
		for i := 1; i < len(times); i++ {
			if pause := times[i].Sub(times[i-1]); pause < want || pause > want+2*time.Millisecond {
				t.Errorf("failure %d was followed by a pause of %v, want %v", i, pause, want)
			}
			want = min(2*want, testInterval)
		}
		if len(times) < 20 {
			t.Errorf("%d probes in 20 intervals: it gave up", len(times))
		}

		s.set(func(s *server) { s.fails = nil })
		time.Sleep(testInterval)
		s.count()
		tracker.Ask(time.Now())
		synctest.Wait()
		if n := s.count(); n != 1 {
			t.Errorf("%d probes at once after it came back, want 1", n)
		}
	})
}

func TestTrackerPursueSlowsDown(t *testing.T) {
	track(t, func(t *testing.T, tracker *Tracker, s *server, _ *outcomes) {
		tracker.Pursue(wal(1, 200))
		time.Sleep(10 * testInterval)
		times := s.times()
		if len(times) < 15 {
			t.Fatalf("%d probes in 10 intervals", len(times))
		}
		want := 2 * minPause
		for i := 1; i < len(times); i++ {
			if pause := times[i].Sub(times[i-1]); pause != want {
				t.Errorf("pause %d is %v, want %v", i, pause, want)
			}
			want = min(2*want, testInterval)
		}
		// The same wish again, by whomever, is no reason to hurry.
		for range 100 {
			tracker.Pursue(wal(1, 150))
			tracker.Pursue(wal(1, 200))
		}
		time.Sleep(testInterval / 2)
		if n := s.count(); n > 1 {
			t.Errorf("%d probes for the same wish", n)
		}
	})
}

func TestTrackerPursueEndsWhenReached(t *testing.T) {
	track(t, func(t *testing.T, tracker *Tracker, s *server, _ *outcomes) {
		tracker.Pursue(wal(1, 100))
		time.Sleep(testInterval / 4)
		if n := s.count(); n != 0 {
			t.Errorf("%d probes for what is reached", n)
		}
		s.set(func(s *server) { s.position = wal(1, 200) })
		tracker.Pursue(wal(1, 200))
		time.Sleep(testInterval / 2)
		if n := s.count(); n != 1 {
			t.Errorf("%d probes, want 1", n)
		}
	})
}

func TestTrackerWait(t *testing.T) {
	track(t, func(t *testing.T, tracker *Tracker, s *server, _ *outcomes) {
		if err := tracker.Wait(t.Context(), wal(1, 100)); err != nil {
			t.Errorf("for what is reached: %v", err)
		}
		begun := time.Now()
		var all sync.WaitGroup
		for i := range 200 {
			all.Go(func() {
				if err := tracker.Wait(t.Context(), wal(1, LSN(101+i%100))); err != nil {
					t.Error(err)
				}
			})
		}
		time.Sleep(20 * time.Millisecond)
		s.set(func(s *server) { s.position = wal(1, 200) })
		all.Wait()
		if took := time.Since(begun); took > 60*time.Millisecond {
			t.Errorf("waited %v for what was there after 20 ms", took)
		}
		if n := s.count(); n > 10 {
			t.Errorf("%d probes for 200 that wait", n)
		}
	})
}

func TestTrackerWaitEndsWithContext(t *testing.T) {
	track(t, func(t *testing.T, tracker *Tracker, s *server, _ *outcomes) {
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
		defer cancel()
		begun := time.Now()
		err := tracker.Wait(ctx, wal(1, 200))
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(begun) != 30*time.Millisecond {
			t.Errorf("Wait = %v after %v", err, time.Since(begun))
		}
		if err := tracker.Wait(ctx, wal(1, 100)); err != nil {
			t.Errorf("for what is reached, context or not: %v", err)
		}
	})
}

func TestTrackerWaitIsNotMetByAnotherHistory(t *testing.T) {
	track(t, func(t *testing.T, tracker *Tracker, s *server, _ *outcomes) {
		s.set(func(s *server) { s.position = wal(2, 5000) })
		ctx, cancel := context.WithTimeout(t.Context(), 3*testInterval)
		defer cancel()
		if err := tracker.Wait(ctx, wal(1, 200)); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Wait = %v", err)
		}
		// The old wish does not keep a new one from being met.
		if err := tracker.Wait(t.Context(), wal(2, 5000)); err != nil {
			t.Error(err)
		}
	})
}

func TestTrackerClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{position: wal(1, 100), hangs: true}
		reported := false
		tracker := NewTracker(TrackerConfig{
			Probe: s.probe, Interval: testInterval, Timeout: time.Hour,
			Report: func(Sample, error) { reported = true },
		})
		ctx, cancel := context.WithCancel(t.Context())
		var done atomic.Bool
		go func() {
			tracker.Run(ctx)
			done.Store(true)
		}()
		waited := make(chan error, 10)
		for range cap(waited) {
			go func() { waited <- tracker.Wait(context.Background(), wal(1, 200)) }()
		}
		synctest.Wait()
		cancel() // amid a probe
		for range cap(waited) {
			if err := <-waited; !errors.Is(err, ErrClosed) {
				t.Errorf("Wait = %v, want ErrClosed", err)
			}
		}
		synctest.Wait()
		if !done.Load() {
			t.Error("Run goes on")
		}
		if reported {
			t.Error("a probe that was told to end is held against the server")
		}
		if err := tracker.Wait(context.Background(), wal(1, 200)); !errors.Is(err, ErrClosed) {
			t.Errorf("Wait after the end = %v, want ErrClosed", err)
		}
		if _, err := tracker.Sample(context.Background(), time.Now()); !errors.Is(err, ErrClosed) {
			t.Errorf("Sample after the end = %v, want ErrClosed", err)
		}
		tracker.Ask(time.Now()) // must not block
		tracker.Pursue(wal(1, 300))
	})
}

func TestTrackerSample(t *testing.T) {
	track(t, func(t *testing.T, tracker *Tracker, s *server, _ *outcomes) {
		s.set(func(s *server) { s.position = wal(1, 200) })
		after := time.Now()
		var all sync.WaitGroup
		for range 200 {
			all.Go(func() {
				sample, err := tracker.Sample(t.Context(), after)
				if err != nil || sample.Position != wal(1, 200) || sample.Asked.Before(after) {
					t.Errorf("Sample = %+v, %v", sample, err)
				}
			})
		}
		all.Wait()
		if n := s.count(); n != 1 {
			t.Errorf("%d probes for 200 that share one", n)
		}
		if _, err := tracker.Sample(t.Context(), after); err != nil || s.count() != 0 {
			t.Errorf("for a sample that is there: %v, or one more probe", err)
		}

		broken := errors.New("connection reset")
		s.set(func(s *server) { s.fails = broken })
		if _, err := tracker.Sample(t.Context(), time.Now()); !errors.Is(err, broken) {
			t.Errorf("Sample of a probe that fails: %v", err)
		}
		s.set(func(s *server) { s.hangs = true })
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		if _, err := tracker.Sample(ctx, time.Now()); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Sample past its context: %v", err)
		}
	})
}

func TestTrackerTimeout(t *testing.T) {
	track(t, func(t *testing.T, tracker *Tracker, s *server, o *outcomes) {
		s.set(func(s *server) { s.hangs = true })
		tracker.Ask(time.Now())
		time.Sleep(testTimeout + time.Millisecond)
		if _, err := o.last(); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a probe that hangs is reported as %v after %v", err, testTimeout)
		}
		s.set(func(s *server) { s.hangs = false })
		if err := tracker.Wait(t.Context(), wal(1, 100)); err != nil {
			t.Errorf("the last sample that succeeded is gone: %v", err)
		}
		time.Sleep(2 * testInterval)
		if _, err := o.last(); err != nil {
			t.Errorf("it does not recover: %v", err)
		}
	})
}

// Whoever waits is woken after the report, so that what he then looks at has it.
func TestTrackerReportsBeforeItWakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{position: wal(1, 100), latency: testLatency}
		var published atomic.Value
		tracker := NewTracker(TrackerConfig{Probe: s.probe, Interval: testInterval, Timeout: testTimeout,
			Report: func(s Sample, _ error) {
				time.Sleep(time.Millisecond)
				published.Store(s)
			}})
		ctx, cancel := context.WithCancel(t.Context())
		go tracker.Run(ctx)
		if err := tracker.Wait(t.Context(), wal(1, 100)); err != nil {
			t.Fatal(err)
		}
		if s, _ := published.Load().(Sample); s.Position != wal(1, 100) {
			t.Errorf("woken with %+v published", s)
		}
		cancel()
	})
}
