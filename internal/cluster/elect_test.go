package cluster

import (
	"strings"
	"testing"

	"github.com/rwsplit/rwsplit/lag"
)

// standings as a test names them.
var (
	unasked = standing{}
	dead    = standing{asked: true, err: errDown}
)

// writable is a member that answers and takes writes.
func writable(p lag.Position) standing {
	return standing{asked: true, sample: lag.Sample{Asked: at(0), Run: 1, Writable: true, Position: p}}
}

func standby(p lag.Position) standing {
	return standing{asked: true, sample: lag.Sample{Asked: at(0), Run: 1, Position: p}}
}

// since is a member that has died since it answered.
func died(s standing) standing {
	s.err = errDown
	return s
}

// following is a member that takes writes and applies another's changes.
func following(p lag.Position) standing {
	s := writable(p)
	s.sample.Follows = true
	return s
}

// demoted is a member that was seen to be no primary before.
func demoted(s standing) standing {
	s.followed = true
	return s
}

// rival is a member that took writes beside the primary.
func rival(s standing) standing {
	s.rival = true
	return s
}

func gtids(t *testing.T, text string) lag.Position {
	t.Helper()
	set, err := lag.ParseGTIDSet(strings.NewReplacer("A", "aaaaaaaa-0000-0000-0000-000000000000", "B", "bbbbbbbb-0000-0000-0000-000000000000").Replace(text))
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func TestElect(t *testing.T) {
	one, two := walOn(7, 1, 500), walOn(7, 2, 100) // a promotion later, and with less
	other := walOn(8, 9, 900)
	before, lost, after := gtids(t, "A:1-100"), gtids(t, "A:1-105"), gtids(t, "A:1-100,B:1")
	for _, test := range []struct {
		name    string
		members []standing
		current int
		want    int
	}{
		{"none at start", []standing{unasked, unasked}, -1, -1},
		{"none that takes writes", []standing{standby(one), dead}, -1, -1},
		{"the only one", []standing{standby(one), writable(one)}, -1, 1},
		{"all are dead at the start", []standing{dead, dead}, -1, -1},
		{"not before all were asked: a newer one may come", []standing{writable(one), unasked}, -1, -1},
		{"not before all were asked: the declared one may come", []standing{unasked, writable(one)}, -1, -1},
		{"a member that does not answer was asked", []standing{dead, writable(one)}, -1, 1},

		{"declared first among equals", []standing{writable(one), writable(one)}, -1, 0},
		{"declared first, though behind", []standing{writable(walOn(7, 1, 1)), writable(one)}, -1, 0},
		{"the newer timeline at the start", []standing{writable(one), writable(two)}, -1, 1},
		{"the newest of three", []standing{writable(one), writable(walOn(7, 3, 1)), writable(two)}, -1, 1},
		{"declared first where positions are not told", []standing{writable(nil), writable(nil)}, -1, 0},
		{"declared first where one does not tell", []standing{writable(nil), writable(two)}, -1, 0},
		{"declared first among foreigners", []standing{writable(one), writable(other)}, -1, 0},

		{"current one stays", []standing{writable(one), standby(one)}, 0, 0},
		{"dead primary stays until its successor is seen", []standing{died(writable(one)), standby(one)}, 0, 0},
		{"demoted primary stays until its successor is seen", []standing{standby(one), standby(one)}, 0, 0},
		{"successor of a dead one", []standing{died(writable(one)), writable(two)}, 0, 1},
		{"successor of a live one", []standing{writable(one), writable(two)}, 0, 1},
		{"successor of the same history", []standing{died(writable(one)), writable(one)}, 0, 1},
		{"successor that does not tell its position", []standing{died(writable(one)), writable(nil)}, 0, 1},
		{"declared one is back, same history", []standing{writable(one), writable(one)}, 1, 0},
		{"zombie of an older history is back", []standing{writable(one), writable(two)}, 1, 1},
		{"zombie does not succeed a dead primary", []standing{writable(one), died(writable(two))}, 1, 1},
		{"zombie does not succeed a demoted primary", []standing{writable(one), standby(two)}, 1, 1},
		{"foreigner does not succeed a dead primary", []standing{died(writable(one)), writable(other)}, 0, 0},
		{"foreigner does not succeed a live primary", []standing{writable(other), writable(one)}, 1, 1},
		{"one that is dead succeeds nobody", []standing{died(writable(one)), died(writable(two))}, 0, 0},
		{"of two successors the newer", []standing{died(writable(one)), writable(two), writable(walOn(7, 3, 1))}, 0, 2},
		{"of a successor and a foreigner", []standing{died(writable(one)), writable(other), writable(two)}, 0, 2},

		{"two that nothing tells apart, and the declared one is dead", []standing{dead, writable(one), writable(one)}, -1, -1},
		{"two, of which one was promoted later, and the declared one is dead", []standing{dead, writable(one), writable(two)}, -1, 2},
		{"a live primary does not give way to one that lacks something", []standing{writable(walOn(7, 1, 1)), writable(one)}, 1, 1},
		{"nor to a former replica", []standing{demoted(writable(one)), writable(one)}, 1, 1},
		{"GTIDs: successor that has written", []standing{died(writable(lost)), writable(after)}, 0, 1},
		{"GTIDs: successor that has not written yet, and lost some", []standing{died(writable(lost)), writable(before)}, 0, 1},
		{"GTIDs: zombie", []standing{writable(lost), writable(after)}, 1, 1},
		{"GTIDs: zombie at the start", []standing{writable(lost), writable(after)}, -1, 1},

		{"followers are replicas, whether or not they take writes", []standing{writable(one), following(one), following(one)}, -1, 0},
		{"the declared one is away, followers stay replicas", []standing{dead, following(one), following(one)}, -1, -1},
		{"a follower does not succeed a dead primary", []standing{died(writable(one)), following(one)}, 0, 0},
		{"circular, the declared one", []standing{following(one), following(one)}, -1, 0},
		{"circular, the other one", []standing{standby(one), following(one)}, -1, 1},
		{"circular, the current one", []standing{following(one), following(one)}, 1, 1},
		{"circular, switched over", []standing{standby(one), following(one)}, 0, 1},
		{"circular, the other does not answer", []standing{dead, following(one)}, -1, -1},
		{"circular, another of another database", []standing{standby(other), following(one)}, 0, 0},

		{"a rival does not succeed a dead primary", []standing{died(writable(before)), rival(writable(before))}, 0, 0},
		{"but one that was written to does", []standing{died(writable(before)), rival(writable(after))}, 0, 1},
		{"and one whose primary stepped down", []standing{standby(before), rival(writable(before))}, 0, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := elect(test.members, test.current); got != test.want {
				t.Errorf("elected %d, want %d", got, test.want)
			}
		})
	}
}

// What makes a rival: it has always taken writes, beside a primary that does.
func TestNoteRivals(t *testing.T) {
	p := walOn(7, 1, 500)
	takesWrites := lag.Sample{Run: 1, Writable: true, Position: p}
	readOnly := lag.Sample{Run: 1, Position: p}
	restarted := lag.Sample{Run: 2, Writable: true, Position: p}
	for _, test := range []struct {
		name    string
		primary standing
		samples []lag.Sample
		want    bool
	}{
		{"takes writes", writable(p), []lag.Sample{takesWrites}, true},
		{"takes writes, over a restart", writable(p), []lag.Sample{takesWrites, restarted}, true},
		{"read-only", writable(p), []lag.Sample{readOnly}, false},
		{"promoted", writable(p), []lag.Sample{readOnly, takesWrites}, false},
		{"demoted", writable(p), []lag.Sample{takesWrites, readOnly}, false},
		{"follows", writable(p), []lag.Sample{{Run: 1, Writable: true, Follows: true, Position: p}}, false},
		{"no longer follows", writable(p), []lag.Sample{{Run: 1, Writable: true, Follows: true, Position: p}, takesWrites}, false},
		{"the primary does not answer", died(writable(p)), []lag.Sample{takesWrites}, false},
		{"the primary stepped down", standby(p), []lag.Sample{takesWrites}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			members := []standing{test.primary, {asked: true}}
			for _, s := range test.samples {
				members[1].observe(s)
				noteRivals(members, 0)
			}
			if got := members[1].rival; got != test.want {
				t.Errorf("rival: %t, want %t", got, test.want)
			}
			if members[0].rival {
				t.Error("the primary is its own rival")
			}
		})
	}
}
