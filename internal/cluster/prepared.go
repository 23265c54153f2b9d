package cluster

import (
	"container/list"
	"context"
	"database/sql/driver"
)

// maxPrepared bounds the prepared statements of one connection. The least
// recently used one is closed on the server.
const maxPrepared = 128

// prepared holds a connection's prepared statements by their text.
type prepared struct {
	byText map[string]*list.Element // of *preparedStmt
	recent list.List                // front: most recently used
}

type preparedStmt struct {
	text string
	stmt driver.Stmt
}

// Prepare returns the statement prepared on this connection. It belongs to the
// connection: callers do not close it.
func (c *Conn) Prepare(ctx context.Context, text string) (driver.Stmt, error) {
	p := &c.prepared
	if e, ok := p.byText[text]; ok {
		p.recent.MoveToFront(e)
		return e.Value.(*preparedStmt).stmt, nil
	}
	stmt, err := prepare(ctx, c.Driver, text)
	if err != nil && p.recent.Len() > 0 && tooMany(c.Driver, err) {
		p.clear()
		stmt, err = prepare(ctx, c.Driver, text)
	}
	if err != nil {
		return nil, err
	}
	if p.byText == nil {
		p.byText = make(map[string]*list.Element)
	}
	p.byText[text] = p.recent.PushFront(&preparedStmt{text, stmt})
	if p.recent.Len() > maxPrepared {
		oldest := p.recent.Remove(p.recent.Back()).(*preparedStmt)
		delete(p.byText, oldest.text)
		oldest.stmt.Close() // its failure shows with the next statement
	}
	return stmt, nil
}

// ForgetPrepared closes the connection's prepared statements. Callers prepare them
// anew.
func (c *Conn) ForgetPrepared() { c.prepared.clear() }

// clear closes all statements.
func (p *prepared) clear() {
	for e := p.recent.Front(); e != nil; e = e.Next() {
		e.Value.(*preparedStmt).stmt.Close()
	}
	p.recent.Init()
	clear(p.byText)
}

// StatementLimiter is a connection to a server that bounds the prepared statements
// of all its connections together.
type StatementLimiter interface {
	// StatementLimit reports whether the error says that there are as many as
	// may be.
	StatementLimit(error) bool
}

func tooMany(conn driver.Conn, err error) bool {
	l, ok := conn.(StatementLimiter)
	return ok && l.StatementLimit(err)
}

func prepare(ctx context.Context, conn driver.Conn, text string) (driver.Stmt, error) {
	if c, ok := conn.(driver.ConnPrepareContext); ok {
		return c.PrepareContext(ctx, text)
	}
	return conn.Prepare(text)
}
