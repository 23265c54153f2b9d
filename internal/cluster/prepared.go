package cluster

import (
	"container/list"
	"context"
	"database/sql/driver"
)

// maxPrepared bounds the prepared statements of one connection. The least
// recently used one is closed on the server.
const maxPrepared = 128

// prepared holds a connection's prepared statements.
type prepared struct {
	byKey  map[statementKey]*list.Element // of *preparedStmt
	recent list.List                      // front: most recently used
	void   []driver.Stmt                  // not to be used any more; closed when nothing runs
}

// statementKey is a text, and the variant of it that the arguments ask for; 0: not
// run yet.
type statementKey struct {
	text    string
	variant uint64
}

type preparedStmt struct {
	key  statementKey
	stmt driver.Stmt
}

// Preparer is a connection whose server is particular about prepared statements.
type Preparer interface {
	// Variant tells the arguments apart for which one statement of a text does
	// not do. It is not 0 where there are any.
	Variant(args []driver.NamedValue) uint64

	// StatementLimit reports whether the error says that the server holds as
	// many statements as it may, of all its connections together.
	StatementLimit(error) bool

	// StatementStale reports whether the error says that the statement has to
	// be prepared anew. Nothing ran.
	StatementStale(error) bool
}

// Prepare returns the statement prepared on this connection, for arguments that
// are not known yet. It belongs to the connection: callers do not close it.
func (c *Conn) Prepare(ctx context.Context, text string) (driver.Stmt, error) {
	return c.statement(ctx, statementKey{text: text})
}

// PrepareFor is Prepare for these arguments.
func (c *Conn) PrepareFor(ctx context.Context, text string, args []driver.NamedValue) (driver.Stmt, error) {
	return c.statement(ctx, c.keyFor(text, args))
}

func (c *Conn) keyFor(text string, args []driver.NamedValue) statementKey {
	key := statementKey{text: text}
	if p, ok := c.Driver.(Preparer); ok && len(args) > 0 {
		key.variant = p.Variant(args)
	}
	return key
}

func (c *Conn) statement(ctx context.Context, key statementKey) (driver.Stmt, error) {
	p := &c.prepared
	if s := p.find(key); s != nil {
		return s.stmt, nil
	}
	stmt, err := prepare(ctx, c.Driver, key.text)
	if err != nil && p.recent.Len()+len(p.void) > 0 {
		if d, ok := c.Driver.(Preparer); ok && d.StatementLimit(err) {
			p.clear()
			p.closeVoid()
			stmt, err = prepare(ctx, c.Driver, key.text)
		}
	}
	if err != nil {
		return nil, err
	}
	p.closeVoid()
	if p.byKey == nil {
		p.byKey = make(map[statementKey]*list.Element)
	}
	p.byKey[key] = p.recent.PushFront(&preparedStmt{key, stmt})
	if p.recent.Len() > maxPrepared {
		p.drop(p.recent.Back())
	}
	return stmt, nil
}

// Stale reports whether the error says that the statement has to be prepared anew,
// which it will be when it is next asked for. Nothing ran.
func (c *Conn) Stale(text string, args []driver.NamedValue, err error) bool {
	d, ok := c.Driver.(Preparer)
	if !ok || !d.StatementStale(err) {
		return false
	}
	if e, ok := c.prepared.byKey[c.keyFor(text, args)]; ok {
		c.prepared.drop(e)
	}
	return true
}

// ForgetPrepared has the connection's statements prepared anew. Rows may be open.
func (c *Conn) ForgetPrepared() { c.prepared.clear() }

// find returns the statement, which may be one that was prepared before it was
// known what for.
func (p *prepared) find(key statementKey) *preparedStmt {
	e, ok := p.byKey[key]
	if !ok && key.variant != 0 {
		fresh := statementKey{text: key.text}
		if e, ok = p.byKey[fresh]; ok {
			delete(p.byKey, fresh)
			e.Value.(*preparedStmt).key, p.byKey[key] = key, e
		}
	}
	if !ok {
		return nil
	}
	p.recent.MoveToFront(e)
	return e.Value.(*preparedStmt)
}

// drop closes a statement; its failure shows with the next one.
func (p *prepared) drop(e *list.Element) {
	s := p.recent.Remove(e).(*preparedStmt)
	delete(p.byKey, s.key)
	s.stmt.Close()
}

// clear makes all statements void: while rows are open nothing can be sent, not
// even that a statement is to be closed.
func (p *prepared) clear() {
	for e := p.recent.Front(); e != nil; e = e.Next() {
		p.void = append(p.void, e.Value.(*preparedStmt).stmt)
	}
	p.recent.Init()
	clear(p.byKey)
}

// closeVoid is called when the server has just answered to the last statement.
func (p *prepared) closeVoid() {
	for _, s := range p.void {
		s.Close() // its failure shows with the next statement
	}
	p.void = nil
}

func prepare(ctx context.Context, conn driver.Conn, text string) (driver.Stmt, error) {
	if c, ok := conn.(driver.ConnPrepareContext); ok {
		return c.PrepareContext(ctx, text)
	}
	return conn.Prepare(text)
}
