package demo

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/rwsplit/rwsplit/cmd/rwsplit/internal/human"
	"github.com/rwsplit/rwsplit/cmd/rwsplit/internal/shop"
	"github.com/rwsplit/rwsplit/cmd/rwsplit/internal/terminal"
	"github.com/rwsplit/rwsplit/integration/fixture"
)

// Display is a terminal for the page.
type Display struct {
	File   *os.File
	Screen *terminal.Screen // on File
	Style  terminal.Style
}

const (
	frame  = 200 * time.Millisecond // between two pages
	window = 2 * time.Second        // over which rates are told
	lines  = 2 * time.Second        // between two lines of progress
	kept   = 100                    // lines of the log
)

// show is the time in which the shop is open.
type show struct {
	options Options
	shop    *shop.Shop
	names   map[string]string
	servers *fixture.Cluster // nil: somebody else's
	began   time.Time
	samples []sample // of the window, the oldest first

	mu   sync.Mutex // guards page
	page page
}

// run opens the shop, plays the script and shows both until the time is up or
// ctx is done.
func (s *show) run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if s.options.For > 0 {
		ctx, cancel = context.WithTimeout(ctx, s.options.For)
		defer cancel()
	}
	s.began = time.Now()
	s.open()

	var all sync.WaitGroup
	var failure error
	all.Go(func() { s.shop.Run(ctx) })
	if s.servers != nil {
		all.Go(func() {
			if failure = perform(ctx, s.servers, s.options.For, s.say); failure != nil {
				cancel()
			}
		})
	}
	s.watch(ctx)
	all.Wait()
	s.look()
	return failure
}

// open sets the page up.
func (s *show) open() {
	s.page = page{
		title:  fmt.Sprintf("%s in a web shop", human.Plural(uint64(s.options.Users), "user")),
		length: s.options.For,
		names:  s.names,
		hint:   "Ctrl-C ends the demo and drops its schema",
		said:   "Each user compares what he reads with what he wrote and saw before.",
	}
	if s.servers != nil {
		s.page.title = s.servers.Version() + ", " + s.page.title
		s.page.hint = "Ctrl-C stops the servers and removes their data"
		s.say(opening(s.servers.Primary().Name(), len(s.servers.Replicas())))
	}
	s.look()
}

// watch shows what goes on until ctx is done.
func (s *show) watch(ctx context.Context) {
	ticker := time.NewTicker(frame)
	defer ticker.Stop()
	next := s.began.Add(lines)
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-ticker.C:
			s.look()
			s.draw()
			if s.options.Display == nil && !now.Before(next) {
				next = next.Add(lines)
				s.progress()
			}
		}
	}
}

// look takes a sample and notes what has changed.
func (s *show) look() {
	now := sample{at: time.Since(s.began), stats: together(s.shop.Stats()), shop: s.shop.Figures()}
	s.samples = append(s.samples, now)
	for len(s.samples) > 2 && now.at-s.samples[1].at >= window {
		s.samples = s.samples[1:]
	}
	s.mu.Lock()
	old := s.page.now
	s.page.before, s.page.now = s.samples[0], now
	s.mu.Unlock()
	for i := range old.stats.Members {
		was, is := &old.stats.Members[i], &now.stats.Members[i]
		if was.State == is.State && was.Role == is.Role {
			continue
		}
		news := fmt.Sprintf("%s is %s, was %s", nameOf(s.names, is.Name), is.State, was.State)
		if was.Role != is.Role {
			news = fmt.Sprintf("%s is %s %s, was %s %s", nameOf(s.names, is.Name), is.Role, is.State, was.Role, was.State)
		}
		if is.Reason != "" {
			news += ": " + brief(is.Reason)
		}
		s.note(news)
	}
}

// say announces what is done.
func (s *show) say(text string) {
	s.mu.Lock()
	s.page.said = text
	s.mu.Unlock()
	if s.options.Display == nil {
		s.print(text)
	}
}

// note logs what was seen.
func (s *show) note(text string) {
	s.mu.Lock()
	s.page.log = append(s.page.log, fmt.Sprintf("%s  %s", human.Clock(time.Since(s.began)), text))
	if len(s.page.log) > kept {
		s.page.log = s.page.log[1:]
	}
	s.mu.Unlock()
	if s.options.Display == nil {
		s.print(text)
	}
}

func (s *show) draw() {
	d := s.options.Display
	if d == nil {
		return
	}
	width, height := terminal.Size(d.File)
	s.mu.Lock()
	defer s.mu.Unlock()
	d.Screen.Draw(s.page.draw(width, height, d.Style))
}

// progress prints where things stand.
func (s *show) progress() {
	s.mu.Lock()
	now := s.page.now
	s.mu.Unlock()
	reads := total(now.stats.Reads)
	s.print(fmt.Sprintf("%s (%s on replicas), %s, %s, %s in %s, %s",
		human.Plural(reads, "read"), human.Percent(float64(onReplicas(&now.stats)), float64(reads)),
		human.Plural(written(&now.stats), "write"), human.Plural(total(now.stats.Fallbacks), "fallback"),
		human.Plural(now.shop.Stale(), "stale read"), human.Plural(now.shop.Checks, "comparison"),
		human.Plural(now.shop.Errors, "error")))
}

func (s *show) print(text string) {
	fmt.Fprintf(s.options.Progress, "%s  %s\n", human.Clock(time.Since(s.began)), text)
}

// withoutSource takes off who says it: here nobody else does.
func withoutSource(line []byte) []byte { return bytes.TrimPrefix(line, []byte("fixture: ")) }
