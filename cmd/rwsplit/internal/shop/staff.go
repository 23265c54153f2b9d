package shop

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/rwsplit/rwsplit/splitter"
)

// editions remembers when each edition of the front page had been written.
type editions struct {
	mu  sync.Mutex  // guards all
	all []published // the last thousand, which is more than a minute
}

type published struct {
	edition int64
	ended   time.Time // of the write
}

func (e *editions) add(p published) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.all) == 1000 {
		e.all = append(e.all[:0], e.all[500:]...)
	}
	e.all = append(e.all, p)
}

// at returns the edition that everyone could see at time t; 1 was there from the
// start.
func (e *editions) at(t time.Time) int64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	for i := len(e.all) - 1; i >= 0; i-- {
		if !e.all[i].ended.After(t) {
			return e.all[i].edition
		}
	}
	return 1
}

// edit is the editor's work: he publishes a front page, and looks at it. He uses
// no session: what his *sql.DB wrote, he must read.
func (s *Shop) edit(open, ctx context.Context) {
	ctx = splitter.WithConsistency(ctx, s.config.Consistency)
	db := s.processes[0].db
	edition := int64(1)
	for open.Err() == nil {
		next := edition + 1
		_, err := db.ExecContext(ctx, s.sql.text("UPDATE rwsplit_demo.front_page SET edition = ?, headline = ? WHERE id = 1"), next, fmt.Sprintf("Edition %d", next))
		if err == nil {
			edition = next
			s.editions.add(published{edition, time.Now()})
			var seen int64
			if seen, err = readEdition(ctx, db); err == nil {
				s.ledger.wrote(seen == edition, "the editor read edition %d and had published %d", seen, edition)
			}
		}
		if err != nil {
			s.ledger.failed(ctx, "the editor", "publish a front page", err)
			think(open, 100*time.Millisecond, 200*time.Millisecond)
			// It may have been published: then the next is no step back.
			edition++
			continue
		}
		think(open, 50*time.Millisecond, 150*time.Millisecond)
	}
}

// reportBound is how stale the analyst's figures may be when he says so.
const reportBound = time.Second

// analyse is the analyst's work: reports that need not show the newest state.
func (s *Shop) analyse(open, ctx context.Context) {
	for turn := 0; open.Err() == nil; turn++ {
		var err error
		p := s.processes[turn/2%len(s.processes)]
		if turn%2 == 0 {
			err = s.boundedReport(ctx, p.db)
		} else {
			err = s.eventualReport(ctx, p.db)
		}
		if err != nil {
			s.ledger.failed(ctx, "the analyst", "read a report", err)
		}
		think(open, 60*time.Millisecond, 140*time.Millisecond)
	}
}

// boundedReport is a report of several statements on one state of the database.
func (s *Shop) boundedReport(ctx context.Context, db *sql.DB) error {
	ctx = splitter.WithConsistency(ctx, splitter.BoundedStaleness(reportBound))
	for attempt := 1; ; attempt++ {
		asked := time.Now()
		edition, err := report(ctx, db)
		if err == nil {
			s.ledger.add(func(f *Figures) {
				f.Bounded++
				if edition < s.editions.at(asked.Add(-reportBound)) {
					f.BoundedLate++
				}
			})
			return nil
		}
		if attempt == 3 || ctx.Err() != nil || errors.Is(err, errReport) {
			return err
		}
		s.ledger.add(func(f *Figures) { f.Repeated++ })
	}
}

var errReport = errors.New("the report does not add up")

func report(ctx context.Context, db *sql.DB) (edition int64, err error) {
	tx, err := db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true, Isolation: sql.LevelRepeatableRead})
	if err != nil {
		return 0, err
	}
	defer tx.Rollback()
	if edition, err = readEdition(ctx, tx); err != nil {
		return 0, err
	}
	var ordered, sold int64
	if err := tx.QueryRowContext(ctx, "SELECT coalesce(sum(quantity), 0) FROM rwsplit_demo.order_items").Scan(&ordered); err != nil {
		return 0, err
	}
	if err := tx.QueryRowContext(ctx, "SELECT sum(sold) FROM rwsplit_demo.stock").Scan(&sold); err != nil {
		return 0, err
	}
	if ordered != sold {
		return 0, fmt.Errorf("%w: %d pieces ordered, %d sold", errReport, ordered, sold)
	}
	return edition, tx.Commit()
}

// eventualReport takes any answer; how often it is an old one shows what the
// others are spared.
func (s *Shop) eventualReport(ctx context.Context, db *sql.DB) error {
	current := s.editions.at(time.Now())
	edition, err := readEdition(splitter.WithConsistency(ctx, splitter.Eventual), db)
	if err != nil {
		return err
	}
	s.ledger.add(func(f *Figures) {
		f.Eventual++
		if edition < current {
			f.EventualOld++
		}
	})
	return nil
}
