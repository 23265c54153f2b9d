package driver

// limiter bounds the reads that are on the primary for want of a replica. The
// zero limiter does not.
type limiter struct{ slots chan struct{} }

func newLimiter(n int) limiter {
	if n == 0 {
		return limiter{}
	}
	return limiter{slots: make(chan struct{}, n)}
}

// try takes a slot if one is free.
func (l limiter) try() bool {
	if l.slots == nil {
		return true
	}
	select {
	case l.slots <- struct{}{}:
		return true
	default:
		return false
	}
}

// free gives back the slot that try took.
func (l limiter) free() {
	if l.slots != nil {
		<-l.slots
	}
}
