package lag

import "time"

// Sample is what one probe saw of a server.
type Sample struct {
	// Asked is when the probe was sent: the sample tells the server's state
	// at some moment after it. Both times carry the monotonic clock.
	Asked, Answered time.Time

	// Run tells the server's runs apart: it changes with a restart, after
	// which a replica may show an older state than before.
	Run uint64

	// Writable reports that the server takes writes.
	Writable bool

	// Follows reports that the server applies another's changes, or is set up
	// to: it is a replica, even where nothing keeps it from taking writes.
	Follows bool

	// Position is the end of what the server has applied; where it is
	// writable, one that covers every write that had ended by Asked. Nil when
	// it could not be told. A primary's may go back: it need not be the least.
	Position Position

	// Untold says why Position is nil, where that is known.
	Untold string

	// Stopped says why a replica does not advance ("replay is paused"); it
	// is empty where nothing is known to hold it. Failed reports that an
	// error did it, not somebody.
	Stopped string
	Failed  bool

	// Notice is something that people should know of a server in use.
	Notice string

	// Delay is how late a replica applies changes because it was told to.
	Delay time.Duration
}

// Instance is one run of one server. Its state never goes back.
type Instance struct {
	Node int    // index of the member in its cluster
	Run  uint64 // see [Sample.Run]
}
