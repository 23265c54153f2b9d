package statement

import (
	"fmt"
	"slices"
)

// Kind says where a text may run. The zero value is the safe one.
type Kind uint8

const (
	// Write is for the primary: it writes, its answer is only right there, or
	// it was not understood.
	Write Kind = iota
	// Session makes or uses the state of one server connection. What follows
	// it on the same checkout belongs on that connection, on the primary.
	Session
	// Read may be answered by any node, if Resolve agrees.
	Read
)

func (k Kind) String() string {
	switch k {
	case Write:
		return "write"
	case Session:
		return "session"
	case Read:
		return "read"
	}
	return fmt.Sprintf("Kind(%d)", uint8(k))
}

// over reports whether k decides against l when one text holds both.
func (k Kind) over(l Kind) bool { return rank[k] > rank[l] }

var rank = [...]uint8{Read: 0, Write: 1, Session: 2}

// Transaction is the last transaction control found in a text.
type Transaction uint8

const (
	NoTransaction Transaction = iota
	// Begin is BEGIN, START TRANSACTION, XA START, autocommit switched off, and
	// COMMIT or ROLLBACK with AND CHAIN: a transaction is open when the text
	// has run.
	Begin
	// Commit is COMMIT, END, PREPARE TRANSACTION, XA COMMIT and autocommit
	// switched on.
	Commit
	// Rollback is ROLLBACK, ABORT and XA ROLLBACK. ROLLBACK TO leaves the
	// transaction open and is not among them.
	Rollback
)

func (t Transaction) String() string {
	switch t {
	case NoTransaction:
		return "none"
	case Begin:
		return "begin"
	case Commit:
		return "commit"
	case Rollback:
		return "rollback"
	}
	return fmt.Sprintf("Transaction(%d)", uint8(t))
}

// Statement is what a text is. It is immutable once returned, so that a cache
// can hand the same one to everybody.
type Statement struct {
	// Kind is Read for a text that is a read if its functions allow it, which
	// only a catalog knows: Resolve has the final word.
	Kind   Kind
	Reason Reason
	// Detail is the word that decided, a function or a keyword, "" if none.
	Detail string
	// Calls are the functions that a Read calls, each once; nil for the other
	// kinds. Their names may be parts of the text that was classified.
	Calls       []Call
	Transaction Transaction
	// Controls: the text controls transactions somewhere, be it by a savepoint.
	// It is told for PostgreSQL, where that undoes settings.
	Controls bool
	// MayBegin: the text may leave a transaction open that it does not show,
	// as a procedure can.
	MayBegin bool
	// Previous: the text asks about the statement before it on the same
	// connection, as SHOW WARNINGS does.
	Previous bool
	// Dirty: the text leaves something on its server connection that outlives
	// the transaction, so the connection must not go to another user.
	Dirty bool
	// SilentOnReplica: a replica would run the text without an error, even in a
	// read-only transaction, and that would be wrong. Error 25006 of PostgreSQL
	// and 1792 of MySQL are no net for it.
	SilentOnReplica bool
	// Settings are what the text sets for its session, by name, if it does
	// nothing else and can be run again on another server's connection to the
	// same effect. Dirty is set as well.
	Settings []string
	Hint     Hint
}

// Call is a function that a text calls.
type Call struct {
	// Name is in lower case unless it was quoted, and "schema.name" when
	// qualified. A quoted name with a dot or a quote in it keeps its quotes,
	// so that it is never taken for a qualified one.
	Name string
	// Builtin: the server's own function of that name is harmless, but one of
	// the database may stand before it.
	Builtin bool
}

// Classify says what kind of statement a text is. It never fails: what is not
// understood is a Write. Its time is linear in the length of the text.
func Classify(d Dialect, sql string) *Statement {
	st := classify(d, sql)
	if st.Kind == Session && st.Reason == Setting && st.Dirty && !st.MayBegin && st.Transaction == NoTransaction {
		st.Settings = settingsOf(d, sql)
	}
	return st
}

func classify(d Dialect, sql string) *Statement {
	switch d {
	case Postgres:
		return classifyPostgres(sql)
	case MySQL, MariaDB:
		return classifyMySQL(d, sql)
	case MySQLFamily:
		return classifyMySQL(MySQL, sql).stricter(classifyMySQL(MariaDB, sql))
	}
	return &Statement{Reason: Unknown, Detail: d.String(), Dirty: true, SilentOnReplica: true, MayBegin: true}
}

// Resolve is the final verdict: the statement, its hint and what is known of
// the functions. The string is the word that decided. What is a Write for
// PrimaryHint alone changes nothing.
//
// A hint towards a replica vouches for functions that are unknown or volatile
// and for nothing else.
func (s *Statement) Resolve(c *Catalog) (Kind, Reason, string) {
	if s.Kind != Read {
		return s.Kind, s.Reason, s.Detail
	}
	for i := range s.Calls {
		call := &s.Calls[i]
		reason := c.check(call)
		if reason == Plain {
			continue
		}
		if s.Hint == HintReplica {
			return Read, ReplicaHint, call.Name
		}
		return Write, reason, call.Name
	}
	if s.Hint == HintPrimary {
		return Write, PrimaryHint, ""
	}
	return Read, s.Reason, s.Detail
}

func (s *Statement) equal(t *Statement) bool {
	return s.Kind == t.Kind && s.Transaction == t.Transaction && s.Controls == t.Controls && s.MayBegin == t.MayBegin &&
		s.Previous == t.Previous && s.Dirty == t.Dirty && s.SilentOnReplica == t.SilentOnReplica &&
		s.Hint == t.Hint && slices.Equal(s.Calls, t.Calls)
}

// stricter is what holds for a text that is s or t and nobody knows which.
func (s *Statement) stricter(t *Statement) *Statement {
	if s.equal(t) {
		return s
	}
	if t.Kind.over(s.Kind) {
		s, t = t, s
	}
	merged := *s
	if s.Transaction != t.Transaction {
		merged.Transaction = max(s.Transaction, t.Transaction)
		merged.MayBegin = true
	}
	merged.MayBegin = merged.MayBegin || t.MayBegin
	merged.Previous = s.Previous || t.Previous
	merged.Dirty = s.Dirty || t.Dirty
	merged.SilentOnReplica = s.SilentOnReplica || t.SilentOnReplica
	merged.Hint = max(s.Hint, t.Hint)
	if s.Kind == t.Kind {
		merged.Calls = slices.Clip(s.Calls)
		for _, c := range t.Calls {
			if !slices.Contains(merged.Calls, c) {
				merged.Calls = append(merged.Calls, c)
			}
		}
	}
	return &merged
}
