package mysql

import (
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"reflect"
)

// convert makes of an argument what go-sql-driver's connections make of it in
// their CheckNamedValue, which asks for a connection, when there is none yet: as
// database/sql does by default, but for unsigned numbers, which are kept whole,
// and JSON.
func convert(v any) (driver.Value, error) {
	if driver.IsValue(v) {
		return v, nil
	}
	rv := reflect.ValueOf(v)
	if valuer, ok := v.(driver.Valuer); ok {
		if rv.Kind() == reflect.Pointer && rv.IsNil() && rv.Type().Elem().Implements(reflect.TypeFor[driver.Valuer]()) {
			return nil, nil // a method of the value type would panic
		}
		value, err := valuer.Value()
		if err != nil {
			return nil, err
		}
		if _, unsigned := value.(uint64); !unsigned && !driver.IsValue(value) {
			return nil, fmt.Errorf("non-Value type %T returned from Value", value)
		}
		return value, nil
	}
	switch rv.Kind() {
	case reflect.Pointer:
		if rv.IsNil() {
			return nil, nil
		}
		return convert(rv.Elem().Interface())
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return rv.Int(), nil
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return rv.Uint(), nil
	case reflect.Float32, reflect.Float64:
		return rv.Float(), nil
	case reflect.Bool:
		return rv.Bool(), nil
	case reflect.String:
		return rv.String(), nil
	case reflect.Slice:
		if _, ok := v.(json.RawMessage); ok {
			return v, nil
		}
		if rv.Type().Elem().Kind() == reflect.Uint8 {
			return rv.Bytes(), nil
		}
		return nil, fmt.Errorf("unsupported type %T, a slice of %s", v, rv.Type().Elem().Kind())
	}
	return nil, fmt.Errorf("unsupported type %T, a %s", v, rv.Kind())
}
