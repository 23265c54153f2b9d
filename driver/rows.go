package driver

import (
	"database/sql/driver"
	"io"
	"reflect"
	"slices"
	"time"

	"github.com/rwsplit/rwsplit/internal/cluster"
	"github.com/rwsplit/rwsplit/session"
)

// writeRows are the rows of a write, INSERT … RETURNING say, which has ended when
// they are closed: on a *sql.Conn that is long before the checkout ends. What the
// wrapped driver does not implement is answered as database/sql would.
type writeRows struct {
	driver.Rows
	conn   *conn
	node   *cluster.Node
	record *session.Record // nil: without session
	ended  bool
}

var (
	_ driver.RowsColumnTypeDatabaseTypeName = (*writeRows)(nil)
	_ driver.RowsColumnTypeLength           = (*writeRows)(nil)
	_ driver.RowsColumnTypeNullable         = (*writeRows)(nil)
	_ driver.RowsColumnTypePrecisionScale   = (*writeRows)(nil)
	_ driver.RowsColumnTypeScanType         = (*writeRows)(nil)
	_ driver.RowsNextResultSet              = (*writeRows)(nil)
)

// Next implements driver.Rows.
func (r *writeRows) Next(dest []driver.Value) error { return r.failed(r.Rows.Next(dest)) }

// failed is for an error while the rows are read: the write is not known to be
// committed before their end.
func (r *writeRows) failed(err error) error {
	if err == nil || err == io.EOF {
		return err
	}
	return r.conn.failed(r.node, err, true)
}

// Close implements driver.Rows.
func (r *writeRows) Close() error {
	err := r.failed(r.Rows.Close())
	r.end()
	r.conn.writing = slices.DeleteFunc(r.conn.writing, func(o *writeRows) bool { return o == r })
	return err
}

func (r *writeRows) end() {
	if !r.ended {
		r.ended = true
		r.conn.endWrite(r.record, time.Now())
	}
}

// HasNextResultSet implements driver.RowsNextResultSet.
func (r *writeRows) HasNextResultSet() bool {
	rows, ok := r.Rows.(driver.RowsNextResultSet)
	return ok && rows.HasNextResultSet()
}

// NextResultSet implements driver.RowsNextResultSet.
func (r *writeRows) NextResultSet() error {
	if rows, ok := r.Rows.(driver.RowsNextResultSet); ok {
		return r.failed(rows.NextResultSet())
	}
	return io.EOF
}

// ColumnTypeDatabaseTypeName implements driver.RowsColumnTypeDatabaseTypeName.
func (r *writeRows) ColumnTypeDatabaseTypeName(index int) string {
	if rows, ok := r.Rows.(driver.RowsColumnTypeDatabaseTypeName); ok {
		return rows.ColumnTypeDatabaseTypeName(index)
	}
	return ""
}

// ColumnTypeLength implements driver.RowsColumnTypeLength.
func (r *writeRows) ColumnTypeLength(index int) (int64, bool) {
	if rows, ok := r.Rows.(driver.RowsColumnTypeLength); ok {
		return rows.ColumnTypeLength(index)
	}
	return 0, false
}

// ColumnTypeNullable implements driver.RowsColumnTypeNullable.
func (r *writeRows) ColumnTypeNullable(index int) (nullable, ok bool) {
	if rows, ok := r.Rows.(driver.RowsColumnTypeNullable); ok {
		return rows.ColumnTypeNullable(index)
	}
	return false, false
}

// ColumnTypePrecisionScale implements driver.RowsColumnTypePrecisionScale.
func (r *writeRows) ColumnTypePrecisionScale(index int) (precision, scale int64, ok bool) {
	if rows, ok := r.Rows.(driver.RowsColumnTypePrecisionScale); ok {
		return rows.ColumnTypePrecisionScale(index)
	}
	return 0, 0, false
}

// ColumnTypeScanType implements driver.RowsColumnTypeScanType.
func (r *writeRows) ColumnTypeScanType(index int) reflect.Type {
	if rows, ok := r.Rows.(driver.RowsColumnTypeScanType); ok {
		return rows.ColumnTypeScanType(index)
	}
	return reflect.TypeFor[any]()
}
