package driver

import (
	"github.com/rwsplit/rwsplit/internal/cluster"
	"github.com/rwsplit/rwsplit/internal/statement"
)

// holding is a physical connection that a checkout has leased. The zero holding is
// none.
type holding struct {
	cluster.Lease
	dirty    bool // state is left on it that nobody can undo
	settings int  // the newest of the checkout's settings that it has; 0: none
	touched  bool // code of the database ran on it, which may have set something
}

// resting reports whether nothing runs on the connection, and no rows are open.
func (h *holding) resting() bool {
	return h.Valid() && h.Node.Member.Server.Reusable(h.Conn().Driver)
}

// handBack ends a holding. The connection goes to another caller when keep is true
// and nothing is left on it, once the checkout's settings are undone; otherwise it
// is closed.
func (c *conn) handBack(h *holding, keep bool) {
	switch {
	case !keep || h.dirty:
		h.Release(false)
	case h.settings > 0 || h.touched:
		c.forgetPrepared(h)
		h.Forget(c.settings.names())
	default:
		h.Release(true)
	}
	*h = holding{}
}

// forgetPrepared is for a connection whose settings change.
func (c *conn) forgetPrepared(h *holding) {
	if c.db.engine.Dialect().KeepsSettings() {
		h.Conn().ForgetPrepared()
	}
}

// meet is told what is about to run. A function or a procedure of the database may
// set what is seen by nobody: other callers are kept from it where that can be undone,
// and a checkout that has settings of its own stays with the connection, as those
// could not be told from its.
func (c *conn) meet(h *holding, st *statement.Statement) {
	_, reason, _ := st.Resolve(c.db.catalog.known())
	switch reason {
	case statement.Procedure, statement.UnknownFunction, statement.VolatileFunction, statement.ExecutesText, statement.ReplicaRefused:
	default:
		return
	}
	engine := c.db.engine
	h.touched = engine.Dialect().ResetsAll() && !engine.Pooled(h.Conn().Driver)
	if c.settings.newest > 0 || len(c.tx.sets) > 0 {
		h.dirty, c.settings.bound = true, true
	}
}
