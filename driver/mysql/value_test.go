package mysql

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net"
	"reflect"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
)

// greeting is the first packet of a server that lets everybody in.
const greeting = "\x0a8.0.0\x00" + "\x01\x00\x00\x00" + "12345678\x00" + "\xff\xf7" + "\x2d" + "\x02\x00" + "\x0f\x80" + "\x15" +
	"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" + "123456789012\x00" + "mysql_native_password\x00"

// wrapped returns a connection of go-sql-driver's to nobody.
func wrapped(t *testing.T) driver.NamedValueChecker {
	t.Helper()
	config := mysql.NewConfig()
	config.Net, config.Addr = "pipe", "nobody"
	config.DialFunc = func(context.Context, string, string) (net.Conn, error) {
		ours, theirs := net.Pipe()
		t.Cleanup(func() { theirs.Close() })
		go func() {
			packet := func(sequence byte, payload string) {
				theirs.Write(append([]byte{byte(len(payload)), 0, 0, sequence}, payload...))
			}
			packet(0, greeting)
			theirs.Read(make([]byte, 4096))
			packet(2, "\x00\x00\x00\x02\x00\x00\x00")
		}()
		return ours, nil
	}
	connector, err := mysql.NewConnector(config)
	if err != nil {
		t.Fatal(err)
	}
	c, err := connector.Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return c.(driver.NamedValueChecker)
}

type (
	number   int
	word     string
	octets   []byte
	valuer   struct{ v any }
	onValue  struct{}
	strayErr struct{}
)

func (v valuer) Value() (driver.Value, error) { return v.v, nil }
func (onValue) Value() (driver.Value, error)  { return "x", nil }
func (strayErr) Value() (driver.Value, error) { return nil, errors.New("no") }

// Arguments are what they would be with the wrapped driver alone.
func TestConvert(t *testing.T) {
	vendor := wrapped(t)
	seven, text := 7, "x"
	p := &seven
	for _, v := range []any{
		nil, true, 7, int8(-7), int64(math.MinInt64), uint(7), uint8(7), uint64(math.MaxUint64), float32(0.5), math.Inf(1),
		"x", []byte("x"), []byte(nil), time.Unix(1, 2), number(7), word("x"), octets("x"), json.RawMessage(`{}`), json.RawMessage(nil),
		p, &p, (*int)(nil), &text, valuer{7}, valuer{int64(7)}, valuer{uint64(math.MaxUint64)}, valuer{nil}, valuer{[]byte("x")}, valuer{[]int{1}},
		&valuer{"x"}, (*onValue)(nil), onValue{}, strayErr{}, sql.NullString{String: "x", Valid: true}, sql.NullInt64{}, sql.Null[uint64]{V: 7, Valid: true},
		[]int{1}, [2]byte{1, 2}, map[string]int{}, struct{}{}, func() {}, 1i, make(chan int),
	} {
		theirs := driver.NamedValue{Value: v}
		wantErr := vendor.CheckNamedValue(&theirs)
		ours := driver.NamedValue{Value: v}
		err := (&Engine{}).CheckNamedValue(&ours)
		name := fmt.Sprintf("%T", v)
		switch {
		case (err == nil) != (wantErr == nil), err != nil && err.Error() != wantErr.Error():
			t.Errorf("%s: error %v, theirs %v", name, err, wantErr)
		case err == nil && !reflect.DeepEqual(ours.Value, theirs.Value):
			t.Errorf("%s: %T %v, theirs %T %v", name, ours.Value, ours.Value, theirs.Value, theirs.Value)
		}
	}
}
