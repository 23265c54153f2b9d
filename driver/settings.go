package driver

import (
	"bytes"
	"context"
	"database/sql/driver"
	"fmt"
	"slices"
)

// settings are what a checkout has set for its session: SET, set_config, USE and
// their like. They ran on one connection and are run again on each other one that
// the checkout comes to use, so that its reads may leave the primary.
type settings struct {
	made   []setting // in their order, without those that later ones made void
	newest int       // number of the newest; they count from 1
	bound  bool      // all stays on the primary: a replica does not take them, or they are not all that is set
}

type setting struct {
	number int
	names  []string
	call   call
}

// maxSettings bounds what is run again. A checkout with more stays where it is.
const maxSettings = 64

// repeatable reports whether a call can be made again later, with the arguments
// that it has now.
func repeatable(k *call) bool {
	for _, a := range k.args {
		switch a.Value.(type) {
		case nil, string, []byte, bool, int, int64, float64:
		default:
			return false
		}
	}
	return k.method == exec || k.method == query
}

// newSetting is what a call has set, to be made again: with copies of what the
// caller may change.
func newSetting(k *call, names []string) setting {
	again := call{method: exec, text: k.text, args: slices.Clone(k.args), prepared: k.prepared}
	for i := range again.args {
		if b, ok := again.args[i].Value.([]byte); ok {
			again.args[i].Value = bytes.Clone(b)
		}
	}
	return setting{names: names, call: again}
}

// add is false where there are too many.
func (s *settings) add(made setting) bool {
	s.made = slices.DeleteFunc(s.made, func(old setting) bool {
		return !slices.ContainsFunc(old.names, func(n string) bool { return !slices.Contains(made.names, n) })
	})
	if len(s.made) == maxSettings {
		return false
	}
	s.newest++
	made.number = s.newest
	s.made = append(s.made, made)
	return true
}

// names returns what is set.
func (s *settings) names() (names []string) {
	for i := range s.made {
		names = append(names, s.made[i].names...)
	}
	return names
}

// end forgets all: the checkout has ended.
func (s *settings) end() {
	if s.newest > 0 {
		*s = settings{}
	}
}

// unplayed is the error of a setting that could not be set again on a connection.
type unplayed struct {
	member string
	name   string
	cause  error
}

func (e *unplayed) Error() string {
	return fmt.Sprintf("rwsplit: %s: setting %s again on a connection that had not been used before: %v", e.member, e.name, e.cause)
}

func (e *unplayed) Unwrap() error { return e.cause }

// replay sets on a connection what the checkout has set on others.
func (c *conn) replay(ctx context.Context, h *holding) error {
	if h.settings == c.settings.newest {
		return nil
	}
	for i := range c.settings.made {
		s := &c.settings.made[i]
		if s.number <= h.settings {
			continue
		}
		if _, err := s.call.on(ctx, h.Conn()); err != nil {
			if err == driver.ErrBadConn {
				return err // nothing was sent
			}
			h.dirty = true
			return &unplayed{h.Node.Member.Name, s.names[0], err}
		}
		h.settings = s.number
		c.db.Counters.Replays.Add(1)
	}
	h.settings = c.settings.newest
	c.forgetPrepared(h)
	return nil
}

// set notes what was set on the connection, which had all that was set before.
// What cannot be set again makes it dirty.
func (c *conn) set(h *holding, made setting) {
	if !c.settings.add(made) {
		h.dirty = true
		return
	}
	h.settings = c.settings.newest
}

// bind keeps a checkout whose settings a replica does not take on the primary, and
// runs the call there.
func (c *conn) bind(ctx context.Context, k *call) (reply, place, error) {
	c.handBack(&c.replica, false)
	c.settings.bound = true
	if k.method != prepare {
		c.db.Counters.Pinned.Add(1)
	}
	r, err := c.write(ctx, k, beginStatement, false)
	return r, place{lease: &c.primary}, err
}
