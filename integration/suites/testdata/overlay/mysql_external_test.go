package mysql_test

import (
	"database/sql"
	"database/sql/driver"
	"os"

	"github.com/go-sql-driver/mysql"

	"github.com/rwsplit/rwsplit/splitter"
)

func init() {
	mysql.SQLOpen = func(_, dsn string) (*sql.DB, error) {
		db, err := sql.Open(splitter.MySQL, dsn)
		if err == nil {
			note(db)
		}
		return db, err
	}
	mysql.Open = func(dsn string) (driver.Conn, error) {
		db, err := sql.Open(splitter.MySQL, dsn)
		if err != nil {
			return nil, err
		}
		defer db.Close()
		return db.Driver().Open(dsn)
	}
	mysql.OpenWithConfig = func(config *mysql.Config) (*sql.DB, error) {
		all := config.Clone()
		all.Addr += "," + os.Getenv("RWSPLIT_SUITE_REPLICAS")
		db, err := splitter.Open(splitter.Config{
			Driver: splitter.MySQL,
			DSN:    all.FormatDSN(),
			ConfigureMySQL: func(member *mysql.Config) error {
				addr := member.Addr
				*member = *config.Clone()
				member.Addr = addr
				return nil
			},
		})
		if err == nil {
			note(db)
		}
		return db, err
	}
}
