package cluster

import (
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

func TestElect(t *testing.T) {
	one, two := walOn(7, 1, 500), walOn(7, 2, 100) // a promotion later, and with less
	other := walOn(8, 9, 900)
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
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := elect(test.members, test.current); got != test.want {
				t.Errorf("elected %d, want %d", got, test.want)
			}
		})
	}
}
