package mysql

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/rwsplit/rwsplit/lag"
)

// replication is what a server says of the replication that it is set up for.
// The zero value is that of a server that follows nobody, or does not say.
type replication struct {
	follows bool // it is set up to apply another server's changes
	stopped string
	failed  bool
	notice  string // of some of several sources
	delay   time.Duration

	denied   bool // this user may not see it
	outdated bool // the server knows only the old name of the statement
}

// describe fills in what a sample tells of replication.
func (r *replication) describe(sample *lag.Sample) {
	sample.Follows = r.follows
	sample.Stopped, sample.Failed = r.stopped, r.failed
	sample.Notice = r.notice
	sample.Delay = r.delay
}

// unseen says of a server that takes writes why it may be a replica all the same.
var unseen = [...]string{
	mySQL:   "this user may not see whether it replicates: make replicas read_only, or GRANT REPLICATION CLIENT",
	mariaDB: "this user may not see whether it replicates: make replicas read_only, or GRANT SLAVE MONITOR",
}

// Errors of the server.
const (
	errParse          = 1064 // ER_PARSE_ERROR
	errAccessDenied   = 1227 // ER_SPECIFIC_ACCESS_DENIED_ERROR
	groupReplication  = "group_replication_"
	statusOfReplicas  = "SHOW REPLICA STATUS" // MySQL 8.0.22 and later
	statusOfSlaves    = "SHOW SLAVE STATUS"
	statusOfAllSlaves = "SHOW ALL SLAVES STATUS" // MariaDB
)

// readReplication asks for the state of replication, as far as the user may see
// it. Who may not is told so once for each connection.
func (c *conn) readReplication(ctx context.Context) error {
	id := &c.identity
	old := id.replication
	if old.denied {
		if id.flavor == mariaDB {
			return c.countAppliers(ctx)
		}
		return nil
	}
	query := statusOfReplicas
	switch {
	case id.flavor == mariaDB:
		query = statusOfAllSlaves
	case old.outdated:
		query = statusOfSlaves
	}
	var channels []channel
	err := c.each(ctx, query, func(columns, row []string) {
		if ch := channelOf(columns, row); !strings.HasPrefix(ch.name, groupReplication) {
			channels = append(channels, ch)
		}
	})
	var refusal *mysql.MySQLError
	switch {
	case err == nil:
		id.replication = judge(channels)
		id.replication.outdated = old.outdated
		return nil
	case !errors.As(err, &refusal):
		return err
	case refusal.Number == errParse && !old.outdated:
		id.replication.outdated = true
		return c.readReplication(ctx)
	case refusal.Number == errAccessDenied:
		id.replication.denied = true
		return c.readReplication(ctx)
	}
	return err
}

// countAppliers is what MariaDB shows of replication to everybody. A server that
// was seen to apply changes follows another, though it may not do so now.
func (c *conn) countAppliers(ctx context.Context) error {
	running := ""
	err := c.each(ctx, "SHOW GLOBAL STATUS LIKE 'Slaves_running'", func(_, row []string) { running = row[1] })
	r := &c.identity.replication
	r.stopped = ""
	switch running {
	case "":
	case "0":
		r.stopped = "no applier runs"
	default:
		r.follows = true
	}
	return err
}

// channel is one source of a server.
type channel struct {
	name                    string // "": the only one
	receiver, applier       string // "Yes", "No", "Connecting", …
	receiverErrno, sqlErrno int
	delay                   time.Duration
}

// channelOf reads a row by the names of its columns, which differ between the
// servers and their versions.
func channelOf(columns, row []string) channel {
	var ch channel
	for i, value := range row {
		switch name := strings.ToLower(columns[i]); name {
		case "channel_name", "connection_name":
			ch.name = value
		case "replica_io_running", "slave_io_running":
			ch.receiver = value
		case "replica_sql_running", "slave_sql_running":
			ch.applier = value
		case "last_io_errno":
			ch.receiverErrno, _ = strconv.Atoi(value)
		case "last_sql_errno":
			ch.sqlErrno, _ = strconv.Atoi(value)
		case "sql_delay":
			seconds, _ := strconv.ParseInt(value, 10, 32)
			ch.delay = time.Duration(seconds) * time.Second
		}
	}
	return ch
}

// held says what keeps the channel from bringing changes, and whether that is an
// error; "" where nothing does. One that is trying to connect does what it can.
// The texts of errors are left out: they hold values of rows.
func (ch *channel) held() (why string, failed bool) {
	switch {
	case ch.applier == "No" && ch.sqlErrno != 0:
		why, failed = fmt.Sprintf("the applier met error %d (the server's replication status has its text)", ch.sqlErrno), true
	case ch.receiver == "No" && ch.receiverErrno != 0:
		why, failed = fmt.Sprintf("the receiver met error %d (the server's replication status has its text)", ch.receiverErrno), true
	case ch.applier == "No" && ch.receiver == "No":
		why = "replication is stopped"
	case ch.applier == "No":
		why = "the applier is stopped"
	case ch.receiver == "No":
		why = "the receiver is stopped"
	default:
		return "", false
	}
	if ch.name != "" {
		why = fmt.Sprintf("source %.64q: %s", ch.name, why)
	}
	return why, failed
}

// judge sums up the sources of a server. Of several that are not all held the
// others go on: how far it is behind tells whether the one that matters does.
func judge(channels []channel) replication {
	r := replication{follows: len(channels) > 0}
	var reasons []string
	for i := range channels {
		ch := &channels[i]
		r.delay = max(r.delay, ch.delay)
		if why, failed := ch.held(); why != "" {
			reasons = append(reasons, why)
			r.failed = r.failed || failed
		}
	}
	text := strings.Join(reasons, "; ")
	if len(reasons) == len(channels) {
		r.stopped = text
	} else {
		r.notice, r.failed = text, false
	}
	return r
}
