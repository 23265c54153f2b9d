package demo

import (
	"context"
	"fmt"
	"time"

	"github.com/rwsplit/rwsplit/cmd/rwsplit/internal/human"
	"github.com/rwsplit/rwsplit/integration/fixture"
)

// maxLag is the demonstration's: small, so that a replica that does not get on
// leaves within seconds.
const maxLag = 2 * time.Second

// cycle is how long the script takes when the demonstration is longer.
const cycle = 40 * time.Second

// act is a change of a server.
type act int

const (
	pause act = iota
	resume
	kill
	start
)

// event is one line of the script.
type event struct {
	at     time.Duration // since the start of the cycle
	act    act
	victim int // of the replicas
}

// script returns the events of one cycle. Cycles of which there are more take
// turns at the replicas.
func script(length time.Duration, turn, replicas int) []event {
	part := func(percent time.Duration) time.Duration { return length * percent / 100 }
	// The last is paused, the one before is killed; then the other way round.
	slow, dead := (replicas-1+turn)%replicas, (2*replicas-2+turn)%replicas
	return []event{
		{part(15), pause, slow},
		{part(45), resume, slow},
		{part(60), kill, dead},
		{part(78), start, dead},
	}
}

// opening is said before the first event.
func opening(primary string, replicas int) string {
	where := "reads are spread over those replicas that have"
	if replicas == 1 {
		where = "reads go to the replica if it has"
	}
	return fmt.Sprintf("All servers are up. Writes go to the primary, %s; %s what the reader wrote and saw. "+
		"Each user compares what he reads with what he knows.", primary, where)
}

// say tells what is done to the server, and what one sees of it and why.
func (a act) say(name string, others []string) string {
	elsewhere := "the other replicas"
	switch len(others) {
	case 0: // nobody else
		elsewhere = "the primary"
	case 1:
		elsewhere = others[0]
	}
	switch a {
	case pause:
		return fmt.Sprintf("%s stops applying: it gets the primary's changes and does not show them, so its lag grows. "+
			"Users who wrote are served by %s at once; all others as soon as that is noticed, with %s of lag, the maximum, at the latest.",
			name, elsewhere, human.Duration(maxLag))
	case resume:
		return fmt.Sprintf("%s applies again what it gets. It takes reads as soon as it has caught up.", name)
	case kill:
		return fmt.Sprintf("%s is killed, as by a crash. Reads that it does not answer any more are tried again on %s: retries are counted, and no user sees an error.", name, elsewhere)
	default:
		return fmt.Sprintf("%s is started again. It takes no reads before it has shown that it has caught up.", name)
	}
}

func (a act) do(ctx context.Context, s *fixture.Server) error {
	switch a {
	case pause:
		return s.PauseReplay(ctx)
	case resume:
		return s.ResumeReplay(ctx)
	case kill:
		return s.Kill()
	default:
		return s.Start(ctx)
	}
}

// perform plays the script until ctx is done. Length 0 is without end.
func perform(ctx context.Context, c *fixture.Cluster, length time.Duration, say func(string)) error {
	replicas := c.Replicas()
	round := cycle
	if length > 0 && length < 2*cycle {
		round = length
	}
	for began, turn := time.Now(), 0; ; turn++ {
		for _, e := range script(round, turn, len(replicas)) {
			if !sleep(ctx, time.Until(began.Add(e.at))) {
				return nil
			}
			victim := replicas[e.victim]
			var others []string
			for _, r := range replicas {
				if r != victim {
					others = append(others, r.Name())
				}
			}
			say(e.act.say(victim.Name(), others))
			if err := e.act.do(ctx, victim); err != nil && ctx.Err() == nil {
				return err
			}
		}
		began = began.Add(round)
		if !sleep(ctx, time.Until(began)) {
			return nil
		}
	}
}

// sleep reports whether it was not disturbed.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
