package mysql

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"hash/fnv"
	"strings"
	"time"

	"github.com/rwsplit/rwsplit/lag"
)

var errNotMySQL = errors.New("the server did not answer as MySQL or MariaDB does")

// flavor is which of the two kinds a server is.
type flavor uint8

const (
	mySQL flavor = iota
	mariaDB
)

// identity is what a connection knows of its server.
type identity struct {
	flavor flavor
	run    uint64
	uuid   string // of MySQL

	// The position is parsed once for each text of it.
	told     string
	position lag.Position

	// Replication is asked for no more often than replicationAge.
	replication replication
	checked     time.Time
	readOnly    bool // the server was seen to be
}

const replicationAge = 500 * time.Millisecond

// Runs of a server are told apart by the second of its start, which is exact:
// both times of the difference are those of the statement. The row of MySQL needs
// no privilege, nor does that of MariaDB.
const (
	versionQuery    = `SELECT VERSION(), @@SESSION.autocommit`
	mySQLRunQuery   = `SELECT @@GLOBAL.server_uuid, UNIX_TIMESTAMP() - VARIABLE_VALUE FROM performance_schema.global_status WHERE VARIABLE_NAME = 'Uptime'`
	mariaDBRunQuery = `SELECT @@GLOBAL.server_id, UNIX_TIMESTAMP() - VARIABLE_VALUE FROM information_schema.GLOBAL_STATUS WHERE VARIABLE_NAME = 'UPTIME'`
)

// errAutocommit: a connection that is reused in the middle of a transaction would
// show a state of long ago.
var errAutocommit = errors.New("autocommit is off for new sessions on this server, which a pool of connections cannot work with; put autocommit=1 into the DSN")

func (c *conn) identify(ctx context.Context) error {
	version, err := c.one(ctx, versionQuery)
	if err != nil {
		return err
	}
	if version[1] == "0" {
		return errAutocommit
	}
	id, query := &c.identity, mySQLRunQuery
	if strings.Contains(strings.ToLower(version[0]), "mariadb") {
		id.flavor, query = mariaDB, mariaDBRunQuery
	}
	row, err := c.one(ctx, query)
	if err != nil {
		return err
	}
	h := fnv.New64a()
	fmt.Fprint(h, row)
	id.run = h.Sum64()
	if id.flavor == mySQL {
		id.uuid = row[0]
	}
	return nil
}

// Observe implements cluster.Server.
func (s *server) Observe(ctx context.Context, dc driver.Conn) (lag.Sample, error) {
	c := dc.(*conn)
	id := &c.identity
	// Replication first: it tells which of a server's positions counts.
	if time.Since(id.checked) >= replicationAge {
		if err := c.readReplication(ctx); err != nil {
			return lag.Sample{}, err
		}
		id.checked = time.Now()
	}
	sample := lag.Sample{Run: id.run}
	id.replication.describe(&sample)
	read := c.sampleMySQL
	if id.flavor == mariaDB {
		read = c.sampleMariaDB
	}
	if err := read(ctx, &sample); err != nil {
		return lag.Sample{}, err
	}
	if id.replication.denied && sample.Writable && !sample.Follows {
		sample.Notice = unseen[id.flavor]
	}
	return sample, nil
}

// mySQLQuery: gtid_executed has a transaction once it is committed, and before
// its client is told.
const mySQLQuery = `SELECT @@GLOBAL.read_only OR @@GLOBAL.super_read_only, @@GLOBAL.gtid_mode, @@GLOBAL.gtid_executed`

func (c *conn) sampleMySQL(ctx context.Context, sample *lag.Sample) error {
	row, err := c.one(ctx, mySQLQuery)
	if err != nil {
		return err
	}
	sample.Writable = row[0] == "0"
	if mode := row[1]; mode != "ON" && mode != "ON_PERMISSIVE" {
		sample.Untold = fmt.Sprintf("gtid_mode is %s: without GTIDs nobody can tell how far a replica is", mode)
		return nil
	}
	id := &c.identity
	if id.position == nil || row[2] != id.told {
		set, err := lag.ParseGTIDSet(row[2])
		if err == nil {
			set, err = set.WithServer(id.uuid)
		}
		if err != nil {
			return fmt.Errorf("%w: %w", errNotMySQL, err)
		}
		id.told, id.position = row[2], set
	}
	sample.Position = id.position
	return nil
}

// mariaDBQuery: of a replica gtid_slave_pos counts, which moves when what was
// replicated is committed; its binary log is written before. Of a primary,
// whatever is furthest: the log has its own writes, the others what it had
// replicated before it was promoted. The binary log's state tells the
// transactions of former primaries from those that a failover lost.
//
// What a primary has shown, gtid_slave_pos of the replica that it becomes may not
// have yet. So the two are different runs of the server.
const mariaDBQuery = `SELECT @@GLOBAL.read_only, @@GLOBAL.log_bin, @@GLOBAL.gtid_slave_pos,
  CONCAT_WS(',', NULLIF(@@GLOBAL.gtid_slave_pos, ''), NULLIF(@@GLOBAL.gtid_current_pos, ''), NULLIF(@@GLOBAL.gtid_binlog_pos, ''), NULLIF(@@GLOBAL.gtid_binlog_state, ''))`

func (c *conn) sampleMariaDB(ctx context.Context, sample *lag.Sample) error {
	row, err := c.one(ctx, mariaDBQuery)
	if err != nil {
		return err
	}
	id := &c.identity
	sample.Writable = row[0] == "0"
	if id.promoted(sample.Writable) {
		id.replication = replication{denied: true}
		id.replication.describe(sample)
	}
	id.readOnly = id.readOnly || !sample.Writable
	told := row[2]
	if sample.Writable && !sample.Follows {
		sample.Run++
		told = row[3]
		if row[1] == "0" {
			sample.Untold = "log_bin is OFF: a primary without a binary log has no GTIDs, and no replicas"
			return nil
		}
	}
	if id.position == nil || told != id.told {
		position, err := lag.ParseGTIDPosition(told)
		if err != nil {
			return fmt.Errorf("%w: %w", errNotMySQL, err)
		}
		id.told, id.position = told, position
	}
	sample.Position = id.position
	return nil
}

// promoted reports whether a server of MariaDB that was seen to apply changes, and to
// take no writes, follows nobody any more, as far as a user can tell who may not see its
// replication: it applies none, and takes writes.
func (id *identity) promoted(writable bool) bool {
	r := &id.replication
	return writable && id.readOnly && r.denied && r.follows && r.stopped != ""
}
