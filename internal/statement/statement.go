package statement

import (
	"fmt"
	"strings"
)

// Dialect is the language that a text is written in.
type Dialect uint8

// Postgres is PostgreSQL 13 and later. The text is taken to be UTF-8, which is
// what pgx sends: in the client encodings where a backslash may be the second
// byte of a character, a string could end elsewhere.
const Postgres Dialect = 0

func (d Dialect) String() string {
	if d == Postgres {
		return "postgres"
	}
	return fmt.Sprintf("Dialect(%d)", uint8(d))
}

// ParseDialect is the inverse of String.
func ParseDialect(name string) (Dialect, error) {
	if strings.EqualFold(name, Postgres.String()) {
		return Postgres, nil
	}
	return 0, fmt.Errorf("statement: unknown dialect %q", name)
}

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
	// Begin is BEGIN, START TRANSACTION, and COMMIT or ROLLBACK with AND
	// CHAIN: a transaction is open when the text has run.
	Begin
	// Commit is COMMIT, END and PREPARE TRANSACTION.
	Commit
	// Rollback is ROLLBACK and ABORT. ROLLBACK TO leaves the transaction open
	// and is not among them.
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
	// Dirty: the text leaves something on its server connection that outlives
	// the transaction, so the connection must not go to another user.
	Dirty bool
	// SilentOnReplica: a replica would run the text without an error, and that
	// would be wrong. The net of error 25006 is not there for it.
	SilentOnReplica bool
	Hint            Hint
}

// Call is a function that a text calls.
type Call struct {
	// Name is in lower case unless it was quoted, and "schema.name" when
	// qualified. A quoted name with a dot or a quote in it keeps its quotes,
	// so that it is never taken for a qualified one.
	Name string
	// Builtin: the server's own function of that name is harmless.
	Builtin bool
}

// Classify says what kind of statement a text is. It never fails: what is not
// understood is a Write. Its time is linear in the length of the text.
func Classify(d Dialect, sql string) *Statement {
	if d != Postgres {
		return &Statement{Reason: Unknown, Detail: d.String(), Dirty: true}
	}
	return classifyPostgres(sql)
}

// Resolve is the final verdict: the statement, its hint and what is known of
// the functions. The string is the word that decided.
//
// A hint towards a replica vouches for functions that are unknown or volatile
// and for nothing else.
func (s *Statement) Resolve(c *Catalog) (Kind, Reason, string) {
	if s.Kind != Read {
		return s.Kind, s.Reason, s.Detail
	}
	if s.Hint == HintPrimary {
		return Write, PrimaryHint, ""
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
	return Read, s.Reason, s.Detail
}
