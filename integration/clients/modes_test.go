package clients

import (
	"testing"

	"github.com/rwsplit/rwsplit/integration/clients/clienttest"
)

// eachMode runs a test with each way in which the wrapped driver sends a
// statement with arguments. params are those of the DSN, also for columns of
// times.
func eachMode(t *testing.T, e *clienttest.Engine, test func(t *testing.T, params ...string)) {
	t.Helper()
	if e.Kind == "postgres" {
		for _, mode := range []string{"cache_statement", "cache_describe", "describe_exec", "exec", "simple_protocol"} {
			t.Run(mode, func(t *testing.T) { test(t, "default_query_exec_mode="+mode) })
		}
		return
	}
	t.Run("prepared", func(t *testing.T) { test(t, "parseTime=true") })
	t.Run("interpolated", func(t *testing.T) { test(t, "parseTime=true", "interpolateParams=true") })
}
