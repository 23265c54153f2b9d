package lag

// Join implements [Position]: in each domain the larger sequence number, and what
// is known of the history from both. It returns one of the two where the other
// adds nothing.
func (p *GTIDPosition) Join(other Position) Position {
	o, ok := other.(*GTIDPosition)
	switch {
	case !ok || p.includes(o):
		return p
	case o.includes(p):
		return o
	}
	domains := make([]gtidDomain, 0, len(p.domains)+len(o.domains))
	a, b := p.domains, o.domains
	for len(a) > 0 && len(b) > 0 {
		switch {
		case a[0].id < b[0].id:
			domains, a = append(domains, a[0]), a[1:]
		case a[0].id > b[0].id:
			domains, b = append(domains, b[0]), b[1:]
		default:
			domains = append(domains, a[0].join(&b[0]))
			a, b = a[1:], b[1:]
		}
	}
	return &GTIDPosition{domains: append(append(domains, a...), b...)}
}

// includes reports that joining o to p changes nothing.
func (p *GTIDPosition) includes(o *GTIDPosition) bool {
	if p == o {
		return true
	}
	for i := range o.domains {
		d := p.find(o.domains[i].id)
		if d == nil || !d.includes(&o.domains[i]) {
			return false
		}
	}
	return true
}

func (d *gtidDomain) includes(o *gtidDomain) bool {
	if o.after(d) {
		return false
	}
	for _, k := range o.known {
		if seq, ok := d.last(k.server); !ok || seq < k.seq {
			return false
		}
	}
	return true
}

func (d *gtidDomain) join(o *gtidDomain) gtidDomain {
	joined := *d
	if o.after(d) {
		joined = *o
	}
	known := make([]gtidLast, 0, len(d.known)+len(o.known))
	joined.known = mergeKnown(append(append(known, d.known...), o.known...))
	return joined
}

// after reports that o's last transaction is to be the last of a join with o. A
// number that two servers gave is of two branches: the one that was begun later
// has it, or, where that is not known, either, but always the same.
func (d *gtidDomain) after(o *gtidDomain) bool {
	switch {
	case d.seq != o.seq:
		return d.seq > o.seq
	case d.succeeds(o):
		return true
	case o.succeeds(d):
		return false
	}
	return d.server > o.server
}
