package session

import (
	"context"
	"errors"
	"sync"
	"time"
)

// ErrNoSession is returned by [Session.Token] on a nil Session, which is what
// [FromContext] returns for a context that carries none.
var ErrNoSession = errors.New("rwsplit: the context carries no session")

// maxClusters bounds the clusters of one session.
const maxClusters = 16

// Session is what one caller has written and seen, in all clusters that he
// used. It is safe for concurrent use. Make one with [New] or [Parse].
type Session struct {
	mu      sync.Mutex
	records []keyed // few: a program rarely uses more than one cluster
	forgot  bool    // a record had to go
}

type keyed struct {
	key    string
	record *Record
}

// New returns a session that has written and seen nothing yet.
func New() *Session { return &Session{} }

type contextKey struct{}

// NewContext returns a context that carries s. Statements that run under it are
// held to what s has written and seen, and add to it.
func NewContext(ctx context.Context, s *Session) context.Context {
	return context.WithValue(ctx, contextKey{}, s)
}

// FromContext returns the session that ctx carries, or nil.
func FromContext(ctx context.Context) *Session {
	s, _ := ctx.Value(contextKey{}).(*Session)
	return s
}

// Record returns the session's record of the cluster with this key, made on
// first use. The source tells what is known of that cluster's positions; it
// replaces an earlier one. Record is for the router, not for programs.
func (s *Session) Record(key string, source Source) *Record {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.recordLocked(key)
	r.attach(source)
	return r
}

func (s *Session) recordLocked(key string) *Record {
	for _, k := range s.records {
		if k.key == key {
			return k.record
		}
	}
	if len(s.records) == maxClusters {
		// A caller with so many clusters has left the first one long ago.
		s.records = append(s.records[:0], s.records[1:]...)
		s.forgot = true
	}
	r := &Record{}
	if s.forgot {
		// This may be its cluster: what was written and seen there has ended.
		r.written = past(time.Now())
	}
	s.records = append(s.records, keyed{key, r})
	return r
}

// Merge adds to s all that other has written and seen, such as the session of a
// token that came back from another service. Other is left as it is.
func (s *Session) Merge(other *Session) {
	if other == nil || other == s {
		return
	}
	for _, k := range other.snapshot() {
		// One lock at a time: two sessions may be merged into each other.
		s.mu.Lock()
		r := s.recordLocked(k.key)
		s.mu.Unlock()
		r.merge(k.record)
	}
}

func (s *Session) snapshot() []keyed {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]keyed(nil), s.records...)
}
