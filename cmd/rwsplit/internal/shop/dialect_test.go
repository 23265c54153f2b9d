package shop

import "testing"

func TestText(t *testing.T) {
	const query = "UPDATE t SET a = ?, b = ? WHERE id = ?"
	for _, c := range []struct {
		dialect     *dialect
		query, want string
	}{
		{postgres, query, "UPDATE t SET a = $1, b = $2 WHERE id = $3"},
		{postgres, "SELECT 1", "SELECT 1"},
		{postgres, "?", "$1"},
		{mysql, query, query},
		{mariadb, query, query},
	} {
		if got := c.dialect.text(c.query); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}
