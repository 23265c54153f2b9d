package driver

import (
	"fmt"

	"github.com/rwsplit/rwsplit/internal/statement"
)

// checkPooler refuses what makes or uses the state of a session where a pooler keeps
// none. In a transaction there is one, and what ends with it may be had.
func (c *conn) checkPooler(h *holding, st *statement.Statement, inTransaction bool) error {
	if st.Kind != statement.Session || !c.db.engine.Pooled(h.Conn().Driver) {
		return nil
	}
	harmless := inTransaction || st.Reason == statement.TransactionControl || st.Reason == statement.Setting
	if harmless && !st.Dirty {
		return nil
	}
	return fmt.Errorf("%w: %s", ErrPooler, st.Reason)
}
