package main

import (
	"errors"
	"testing"

	"github.com/rwsplit/rwsplit/splitter"
)

func TestDriverOf(t *testing.T) {
	for _, c := range []struct{ dsn, asked, want string }{
		{"postgres://app:secret@db1,db2/shop", "", splitter.PGX},
		{"postgresql://db1/shop?password=a@tcp(b)/c", "", splitter.PGX},
		{"postgres://app:a(b)/c@db1/shop", "", splitter.PGX},
		{"host=db1 dbname=shop", "", splitter.PGX},
		{" host = /var/run/postgresql,/tmp dbname=shop", "", splitter.PGX},
		{"host=db1 password='a@tcp(b)/c'", "", splitter.PGX},
		{"password=@/ host=db1", "", splitter.PGX},
		{"service=shop", "", splitter.PGX},
		{"rwsplit_max_lag=2s host=db1", "", splitter.PGX},

		{"app:secret@tcp(db1:3306,db2:3306)/shop", "", splitter.MySQL},
		{"app:secret@tcp(db1:3306)/shop?rwsplit_replicas=db2:3306&x=/", "mysql", splitter.MySQL},
		{"app:secret@unix(/run/mysqld/mysqld.sock)/shop", "", splitter.MySQL},
		{"app@tcp([::1]:3306)/shop?tls=true", "", splitter.MySQL},
		{"app@tunnel-1(anywhere)/", "", splitter.MySQL},
		{"tcp(db1)/shop", "", splitter.MySQL},
		{"app:secret@tcp/shop", "", splitter.MySQL},
		{"root@/shop", "", splitter.MySQL},
		{"/shop?charset=utf8mb4", "", splitter.MySQL},
		{"app:a=b c=d@tcp(db1)/shop", "", splitter.MySQL},
		{"app:p@ss/w:rd?&=%(@tcp(db1)/shop", "", splitter.MySQL},
		{"app:postgres://x@tcp(db1)/shop", "", splitter.MySQL},
		{"postgres:secret@tcp(db1)/shop", "", splitter.MySQL},
		{"app://secret@tcp(db1)/shop", "", splitter.MySQL},
		{"a=b:secret@tcp(db1)/shop", "mysql", splitter.MySQL}, // a user a=b

		{"anything", "pgx", splitter.PGX},
		{"anything", "rwsplit-pgx", splitter.PGX},
		{"postgres://db1/shop", "MySQL", splitter.MySQL},
		{"", "rwsplit-mysql", splitter.MySQL},
	} {
		if got, err := driverOf(c.dsn, c.asked); got != c.want || err != nil {
			t.Errorf("driverOf(%q, %q) = %q, %v; want %q", c.dsn, c.asked, got, err, c.want)
		}
	}
	for _, dsn := range []string{
		"", "shop", "app:secret@tcp(db1)", "db1:5432/shop", "app:secret@db1:3306/shop",
		"mysql://app:secret@db1/shop", "mariadb://db1/shop", "Postgres://db1/shop", "app:secret@tcp(db1/shop",
	} {
		if got, err := driverOf(dsn, ""); !errors.Is(err, errForm) {
			t.Errorf("driverOf(%q) = %q, %v", dsn, got, err)
		}
	}
	if got, err := driverOf("postgres://db1/shop", "app:secret@tcp(db1)/shop"); !errors.Is(err, errDriver) {
		t.Errorf("an unknown driver is %q, %v", got, err)
	}
}
