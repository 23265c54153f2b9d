package statement

import "testing"

const (
	shortText = "SELECT id, name FROM users WHERE id = $1"
	longText  = `WITH recent(id, total) AS (
	SELECT o.customer_id, sum(o.amount)::numeric(12,2)
	FROM orders o JOIN lines l USING (order_id) -- the last month
	WHERE o.created_at > now() - interval '30 days' AND o.state <> 'cancelled'
	GROUP BY o.customer_id HAVING sum(o.amount) > $1
)
SELECT c.id, c.name, coalesce(r.total, 0), rank() OVER (PARTITION BY c.region ORDER BY r.total DESC),
	json_agg(jsonb_build_object('id', a.id, 'city', a.city)) FILTER (WHERE a.id IS NOT NULL) AS addresses
FROM customers c LEFT JOIN recent r ON r.id = c.id LEFT JOIN addresses a ON a.customer_id = c.id
WHERE c.name ILIKE '%' || $2 || '%' AND c.id IN (SELECT customer_id FROM flags WHERE kind = 'active')
GROUP BY c.id, r.total ORDER BY r.total DESC NULLS LAST LIMIT $3 OFFSET $4`

	mysqlShortText = "SELECT id, name FROM users WHERE id = ?"
	mysqlLongText  = `WITH recent (id, total) AS (
	SELECT o.customer_id, CAST(SUM(o.amount) AS DECIMAL(12,2))
	FROM orders o JOIN ` + "`lines`" + ` l USING (order_id) -- the last month
	WHERE o.created_at > NOW() - INTERVAL 30 DAY AND o.state <> 'cancelled'
	GROUP BY o.customer_id HAVING SUM(o.amount) > ?
)
SELECT c.id, c.name, COALESCE(r.total, 0), RANK() OVER (PARTITION BY c.region ORDER BY r.total DESC),
	JSON_ARRAYAGG(JSON_OBJECT('id', a.id, 'city', a.city)) AS addresses
FROM customers c LEFT JOIN recent r ON r.id = c.id LEFT JOIN addresses a ON a.customer_id = c.id
WHERE c.name LIKE CONCAT('%', ?, '%') AND c.id IN (SELECT customer_id FROM flags WHERE kind = 'active')
GROUP BY c.id, r.total ORDER BY r.total DESC LIMIT ? OFFSET ?`
)

func BenchmarkClassifyShort(b *testing.B) { benchmarkClassify(b, shortText) }
func BenchmarkClassifyLong(b *testing.B)  { benchmarkClassify(b, longText) }
func BenchmarkClassifyWrite(b *testing.B) {
	benchmarkClassify(b, "INSERT INTO t (a, b, c) VALUES ($1, $2, now()) RETURNING id")
}

func BenchmarkClassifyMySQLShort(b *testing.B)  { benchmarkDialect(b, MySQL, mysqlShortText) }
func BenchmarkClassifyMySQLLong(b *testing.B)   { benchmarkDialect(b, MySQL, mysqlLongText) }
func BenchmarkClassifyMariaDBLong(b *testing.B) { benchmarkDialect(b, MariaDB, mysqlLongText) }
func BenchmarkClassifyFamilyLong(b *testing.B)  { benchmarkDialect(b, MySQLFamily, mysqlLongText) }
func BenchmarkClassifyMySQLWrite(b *testing.B) {
	benchmarkDialect(b, MySQL, "INSERT INTO t (a, b, c) VALUES (?, ?, now())")
}

// A text that must be read in several ways.
func BenchmarkClassifyMySQLEscapes(b *testing.B) {
	benchmarkDialect(b, MySQL, `SELECT id, name FROM users WHERE name = 'it\'s'`)
}

func benchmarkClassify(b *testing.B, sql string) { benchmarkDialect(b, Postgres, sql) }

func benchmarkDialect(b *testing.B, d Dialect, sql string) {
	b.ReportAllocs()
	b.SetBytes(int64(len(sql)))
	for b.Loop() {
		Classify(d, sql)
	}
}

func BenchmarkCacheShort(b *testing.B) { benchmarkCache(b, shortText) }
func BenchmarkCacheLong(b *testing.B)  { benchmarkCache(b, longText) }

func benchmarkCache(b *testing.B, sql string) {
	c := NewCache(Postgres, 1024)
	b.ReportAllocs()
	for b.Loop() {
		c.Classify(sql)
	}
}

func BenchmarkCacheParallel(b *testing.B) {
	c := NewCache(Postgres, 1024)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			c.Classify(shortText)
		}
	})
}

// Texts with the values in them: every one is new.
func BenchmarkCacheMiss(b *testing.B) {
	c := NewCache(Postgres, 1024)
	text := []byte("SELECT id, name FROM users WHERE id = 0000000000")
	b.ReportAllocs()
	for b.Loop() {
		for i := len(text) - 1; ; i-- {
			if text[i]++; text[i] <= '9' {
				break
			}
			text[i] = '0'
		}
		c.Classify(string(text))
	}
}

func BenchmarkResolve(b *testing.B) {
	catalog := Postgres.NewCatalog([]Function{{"public", "f", false}, {"public", "upper", true}})
	s := Classify(Postgres, longText)
	b.ReportAllocs()
	for b.Loop() {
		s.Resolve(catalog)
	}
}
