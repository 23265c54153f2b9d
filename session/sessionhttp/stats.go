package sessionhttp

import "sync/atomic"

// Stats counts what a [Carrier] did since it was made. Each value that came with
// a request or response is counted in exactly one of Accepted, Forged, Malformed,
// Oversized and Expired.
type Stats struct {
	// Issued counts the tokens sent, with responses and with the requests of
	// [Carrier.Transport].
	Issued uint64 `json:"issued"`

	// Accepted counts the tokens taken.
	Accepted uint64 `json:"accepted"`

	// Forged counts values whose signature fits no key: written by others,
	// changed on the way, or signed with a key that is no longer listed.
	Forged uint64 `json:"forged"`

	// Malformed counts values that have not the form of a signed token.
	Malformed uint64 `json:"malformed"`

	// Oversized counts values longer than MaxBytes, and those past the eighth
	// of one request. They were not looked at.
	Oversized uint64 `json:"oversized"`

	// Expired counts well signed tokens older than MaxAge.
	Expired uint64 `json:"expired"`

	// Shortened counts the tokens, among Issued, that were longer than
	// MaxBytes and went without their positions: the user's reads go to the
	// primary until a newer position is known there.
	Shortened uint64 `json:"shortened"`

	// TooLarge counts the tokens not sent, because not even the short form
	// kept within MaxBytes. The user's next request may read older data.
	TooLarge uint64 `json:"too_large"`

	// Late counts the responses whose handler read or wrote after their
	// header was sent, so that the token sent leaves something out.
	Late uint64 `json:"late"`
}

type counters struct {
	issued, shortened, tooLarge, late atomic.Uint64
	received                          [outcomes]atomic.Uint64
}

// Stats returns the counts so far. They are read one by one, not at one moment.
func (c *Carrier) Stats() Stats {
	received := func(o outcome) uint64 { return c.count.received[o].Load() }
	return Stats{
		Issued:    c.count.issued.Load(),
		Accepted:  received(accepted),
		Forged:    received(forged),
		Malformed: received(malformed),
		Oversized: received(oversized),
		Expired:   received(expired),
		Shortened: c.count.shortened.Load(),
		TooLarge:  c.count.tooLarge.Load(),
		Late:      c.count.late.Load(),
	}
}
