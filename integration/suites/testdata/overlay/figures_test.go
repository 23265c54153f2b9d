package PACKAGE

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"os"
	"sync"
	"testing"

	"github.com/rwsplit/rwsplit/splitter"
)

// opened has all databases of the tests: closed ones still have their figures.
var opened struct {
	sync.Mutex
	dbs []*sql.DB
}

func note(db *sql.DB) *sql.DB {
	opened.Lock()
	defer opened.Unlock()
	opened.dbs = append(opened.dbs, db)
	return db
}

// TestMain prints, at the end, how many statements the primary ran, which is the
// first member, and how many the replicas.
func TestMain(m *testing.M) {
	code := m.Run()
	var figures struct{ Primary, Replicas uint64 }
	for _, db := range opened.dbs {
		c, err := splitter.ClusterOf(db)
		if err != nil {
			panic(err)
		}
		for i, member := range c.Stats().Members {
			if n := member.Reads + member.Writes; i == 0 {
				figures.Primary += n
			} else {
				figures.Replicas += n
			}
		}
	}
	text, _ := json.Marshal(figures)
	fmt.Printf("\nrwsplit: %s\n", text)
	os.Exit(code)
}
