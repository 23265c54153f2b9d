package mysql

import (
	"strings"
	"testing"
	"time"
)

// row makes columns and values of "name=value …".
func row(text string) (columns, values []string) {
	for _, field := range strings.Fields(text) {
		name, value, _ := strings.Cut(field, "=")
		columns, values = append(columns, name), append(values, value)
	}
	return columns, values
}

func TestJudge(t *testing.T) {
	const running = "Replica_IO_Running=Yes Replica_SQL_Running=Yes Last_IO_Errno=0 Last_SQL_Errno=0 SQL_Delay=0 "
	for _, test := range []struct {
		name string
		rows []string
		want replication
	}{
		{"follows nobody", nil, replication{}},
		{"MySQL, running", []string{running + "Channel_Name="}, replication{follows: true}},
		{"MariaDB, running", []string{"Connection_name= Slave_IO_Running=Yes Slave_SQL_Running=Yes Last_IO_Errno=0 Last_SQL_Errno=0 SQL_Delay=0"}, replication{follows: true}},
		{"old MySQL, stopped", []string{"Slave_IO_Running=Yes Slave_SQL_Running=No Last_SQL_Errno=0"}, replication{follows: true, stopped: "the applier is stopped"}},
		{"the source is away", []string{"Replica_IO_Running=Connecting Replica_SQL_Running=Yes Last_IO_Errno=2003"}, replication{follows: true}},
		{"MariaDB waits to connect again", []string{"Slave_IO_Running=Preparing Slave_SQL_Running=Yes"}, replication{follows: true}},
		{"receiver stopped", []string{"Replica_IO_Running=No Replica_SQL_Running=Yes"}, replication{follows: true, stopped: "the receiver is stopped"}},
		{"both stopped", []string{"Replica_IO_Running=No Replica_SQL_Running=No"}, replication{follows: true, stopped: "replication is stopped"}},
		{"applier error", []string{"Replica_IO_Running=Yes Replica_SQL_Running=No Last_SQL_Errno=1062 Last_SQL_Error=Duplicate-entry-secret"},
			replication{follows: true, failed: true, stopped: "the applier met error 1062 (the server's replication status has its text)"}},
		{"receiver error", []string{"Replica_IO_Running=No Replica_SQL_Running=Yes Last_IO_Errno=13114"},
			replication{follows: true, failed: true, stopped: "the receiver met error 13114 (the server's replication status has its text)"}},
		{"delayed", []string{"Replica_IO_Running=Yes Replica_SQL_Running=Yes SQL_Delay=3600"}, replication{follows: true, delay: time.Hour}},
		{"two sources", []string{running + "Channel_Name=a", running + "Channel_Name=b"}, replication{follows: true}},
		{"one of two sources stopped", []string{running + "Channel_Name=a", "Channel_Name=b Replica_IO_Running=Yes Replica_SQL_Running=No"},
			replication{follows: true, notice: `source "b": the applier is stopped`}},
		{"one of two sources failed", []string{"Channel_Name=a Replica_IO_Running=Yes Replica_SQL_Running=No Last_SQL_Errno=1", running + "Channel_Name=b"},
			replication{follows: true, notice: `source "a": the applier met error 1 (the server's replication status has its text)`}},
		{"both of two sources held", []string{"Channel_Name=a Replica_IO_Running=No Replica_SQL_Running=No", "Channel_Name=b Replica_IO_Running=Yes Replica_SQL_Running=No Last_SQL_Errno=1"},
			replication{follows: true, failed: true, stopped: `source "a": replication is stopped; source "b": the applier met error 1 (the server's replication status has its text)`}},
		{"columns that nobody knows", []string{"Zeta=1 Replica_SQL_Running=No Alpha="}, replication{follows: true, stopped: "the applier is stopped"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			var channels []channel
			for _, r := range test.rows {
				channels = append(channels, channelOf(row(r)))
			}
			if got := judge(channels); got != test.want {
				t.Errorf("got  %+v\nwant %+v", got, test.want)
			}
		})
	}
}

// Who may not see replication tells a promotion by what everybody sees.
func TestPromotedUnseen(t *testing.T) {
	const stopped = "no applier runs"
	for _, test := range []struct {
		name     string
		id       identity
		writable bool
		want     bool
	}{
		{"promoted", identity{readOnly: true, replication: replication{denied: true, follows: true, stopped: stopped}}, true, true},
		{"not yet", identity{readOnly: true, replication: replication{denied: true, follows: true, stopped: stopped}}, false, false},
		{"a replica without read_only", identity{readOnly: true, replication: replication{denied: true, follows: true}}, true, false},
		{"one that never had it, and is stopped", identity{replication: replication{denied: true, follows: true, stopped: stopped}}, true, false},
		{"never a replica", identity{readOnly: true, replication: replication{denied: true, stopped: stopped}}, true, false},
		{"seen", identity{readOnly: true, replication: replication{follows: true, stopped: stopped}}, true, false},
	} {
		if got := test.id.promoted(test.writable); got != test.want {
			t.Errorf("%s: %t", test.name, got)
		}
	}
}
