package cluster

import (
	"fmt"
	"strings"
	"time"
)

// Consistency is what a read asks of the server that answers it. The zero value
// asks for the configured default; a positive value is a bound on staleness.
type Consistency int64

// The levels beside [BoundedStaleness].
const (
	DefaultConsistency Consistency = 0
	Session            Consistency = -1
	Strong             Consistency = -2
	Eventual           Consistency = -3
)

const boundedPrefix = "bounded_staleness:"

// BoundedStaleness asks for what Session asks, and that the answer be no staler
// than d. A bound below a nanosecond is one nanosecond: only the primary meets it.
func BoundedStaleness(d time.Duration) Consistency {
	return Consistency(max(d, 1))
}

// Bound returns the bound of a BoundedStaleness and whether c is one.
func (c Consistency) Bound() (time.Duration, bool) { return time.Duration(c), c > 0 }

// String returns the text that [ParseConsistency] reads.
func (c Consistency) String() string {
	switch c {
	case DefaultConsistency:
		return "default"
	case Session:
		return "session"
	case Strong:
		return "strong"
	case Eventual:
		return "eventual"
	}
	if d, ok := c.Bound(); ok {
		return boundedPrefix + d.String()
	}
	return fmt.Sprintf("consistency(%d)", int64(c))
}

// ParseConsistency reads "session", "strong", "eventual" or
// "bounded_staleness:DURATION".
func ParseConsistency(text string) (Consistency, error) {
	switch text {
	case "session":
		return Session, nil
	case "strong":
		return Strong, nil
	case "eventual":
		return Eventual, nil
	}
	if rest, ok := strings.CutPrefix(text, boundedPrefix); ok {
		if d, err := time.ParseDuration(rest); err == nil && d > 0 {
			return BoundedStaleness(d), nil
		}
	}
	return 0, fmt.Errorf("%q is not session, strong, eventual or %s with a positive duration", text, boundedPrefix)
}
