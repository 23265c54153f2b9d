package session

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/rwsplit/rwsplit/lag"
)

// ErrToken is wrapped by every error of [Parse].
var ErrToken = errors.New("rwsplit: not a session token")

// The text of a token: version, then for each position "!KEY*POSITION", where
// the key is escaped as in a URL query. A "?" at the end of an entry says that
// the caller wrote or saw more than the position tells; an entry may be just
// "!KEY*?". All bytes but the comma, which a GTID set has, may stand in a cookie
// or header without quoting.
const (
	tokenVersion    = "rws1"
	tokenEntry      = "!"
	tokenValue      = "*"
	tokenUnresolved = "?"

	// MaxToken is the longest token that Parse takes, in bytes.
	MaxToken = 8192

	// tokenWait bounds how long Token waits for positions, where its context
	// does not: a token is asked for while a user waits.
	tokenWait = 100 * time.Millisecond
)

// Token returns the session as text, for another process to [Parse]. It waits,
// for no longer than ctx or 100 ms, until positions stand for all that was
// written and seen. Where that takes longer, as when the primary is down, the
// token says so, and who parses it reads from the primary until a newer position
// is known there: the guarantees hold either way. So it is with a token that would
// be longer than [MaxToken]: it goes without positions, as [Session.ShortToken].
// The only error is [ErrNoSession].
func (s *Session) Token(ctx context.Context) (string, error) {
	if s == nil {
		return "", ErrNoSession
	}
	ctx, cancel := context.WithTimeout(ctx, tokenWait)
	defer cancel()
	var text strings.Builder
	text.WriteString(tokenVersion)
	for _, k := range s.snapshot() {
		positions, unresolved := k.record.settle(ctx)
		for i, p := range positions {
			writeEntry(&text, k.key, p.String(), unresolved && i == len(positions)-1)
		}
		if unresolved && len(positions) == 0 {
			writeEntry(&text, k.key, "", true)
		}
	}
	if text.Len() > MaxToken {
		return s.ShortToken()
	}
	return text.String(), nil
}

// ShortToken returns the session as a token without positions, for a place where
// the whole one does not fit. Who parses it reads from the primary until a newer
// position is known there. It does not wait; the only error is [ErrNoSession].
func (s *Session) ShortToken() (string, error) {
	if s == nil {
		return "", ErrNoSession
	}
	var text strings.Builder
	text.WriteString(tokenVersion)
	for _, k := range s.snapshot() {
		if k.record.used() {
			writeEntry(&text, k.key, "", true)
		}
	}
	return text.String(), nil
}

// used reports whether r holds its caller to anything.
func (r *Record) used() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.pending > 0 || !r.written.IsZero() || len(r.positions)+len(r.sightings) > 0
}

func writeEntry(text *strings.Builder, key, position string, unresolved bool) {
	text.WriteString(tokenEntry)
	text.WriteString(url.QueryEscape(key))
	text.WriteString(tokenValue)
	text.WriteString(position)
	if unresolved {
		text.WriteString(tokenUnresolved)
	}
}

// settle resolves what can be resolved while ctx lives, and returns the
// positions and whether they leave something out.
func (r *Record) settle(ctx context.Context) ([]lag.Position, bool) {
	for {
		r.mu.Lock()
		source := r.source
		if source != nil {
			r.resolveLocked(source.Witness())
		}
		positions := append([]lag.Position(nil), r.positions...)
		since := r.written
		for _, s := range r.sightings {
			since = later(since, s.At)
		}
		pending := r.pending > 0
		r.mu.Unlock()

		if since.IsZero() {
			return positions, pending
		}
		if source == nil || source.AwaitPrimary(ctx, since) != nil || ctx.Err() != nil {
			return positions, true
		}
	}
}

// Parse returns the session of a token made by [Session.Token], in this process
// or another. Text that is not a token, is longer than [MaxToken] or names more
// clusters than a session may have is an error that wraps [ErrToken].
//
// Who can write a token can make reads go to the primary: take tokens from users
// only when they are signed, as package sessionhttp does.
func Parse(token string) (*Session, error) {
	if len(token) > MaxToken {
		return nil, fmt.Errorf("%w: %d bytes, more than %d", ErrToken, len(token), MaxToken)
	}
	entries := strings.Split(token, tokenEntry)
	if entries[0] != tokenVersion {
		return nil, fmt.Errorf("%w: it does not begin with %q", ErrToken, tokenVersion)
	}
	if len(entries)-1 > maxClusters*maxLineages {
		return nil, fmt.Errorf("%w: %d positions", ErrToken, len(entries)-1)
	}
	s := New()
	now := time.Now()
	for _, entry := range entries[1:] {
		if err := s.parseEntry(entry, now); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (s *Session) parseEntry(entry string, now time.Time) error {
	escaped, value, ok := strings.Cut(entry, tokenValue)
	if !ok {
		return fmt.Errorf("%w: entry without %q", ErrToken, tokenValue)
	}
	key, err := url.QueryUnescape(escaped)
	if err != nil {
		return fmt.Errorf("%w: malformed session key", ErrToken)
	}
	position, unresolved := strings.CutSuffix(value, tokenUnresolved)
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.records) == maxClusters && !s.hasLocked(key) {
		return fmt.Errorf("%w: more than %d clusters", ErrToken, maxClusters)
	}
	r := s.recordLocked(key)
	r.mu.Lock()
	defer r.mu.Unlock()
	if unresolved {
		// What the token leaves out had ended before it was written, hence
		// before now: a position asked for from now on covers it.
		r.written = past(now)
		if position == "" {
			return nil
		}
	}
	p, err := lag.ParsePosition(position)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrToken, err)
	}
	// All that a token tells had ended before it came.
	r.joinLocked(p, past(now))
	return nil
}

func (s *Session) hasLocked(key string) bool {
	for _, k := range s.records {
		if k.key == key {
			return true
		}
	}
	return false
}
