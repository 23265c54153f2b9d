package mysql

import (
	"database/sql/driver"
	"encoding/json"
	"testing"
	"time"
)

// Each combination of types that arguments can have is a variant of its own.
func TestVariantsDiffer(t *testing.T) {
	values := []driver.Value{nil, int64(1), uint64(1), 1.5, true, "a", []byte("a"), time.Time{}}
	seen := make(map[uint64][]driver.Value)
	add := func(chosen ...driver.Value) {
		args := make([]driver.NamedValue, len(chosen))
		for i, v := range chosen {
			args[i].Value = v
		}
		variant := (*conn)(nil).Variant(args)
		if old, twice := seen[variant]; twice || variant == 0 {
			t.Errorf("%d %v: variant %d, as of %d %v", len(chosen), chosen, variant, len(old), old)
		}
		seen[variant] = chosen
	}
	for _, a := range values {
		add(a)
		for _, b := range values {
			add(a, b)
			for _, n := range []int{14, 15, 16, 17, 40} { // around the end of the exact part
				long := make([]driver.Value, n)
				for i := range long {
					long[i] = int64(i)
				}
				add(append(long, a, b)...)
			}
		}
	}
	one := (*conn)(nil).Variant([]driver.NamedValue{{Value: []byte("a")}})
	if other := (*conn)(nil).Variant([]driver.NamedValue{{Value: json.RawMessage("b")}}); one != other {
		t.Error("JSON is sent as bytes are")
	}
}
