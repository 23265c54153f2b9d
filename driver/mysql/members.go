package mysql

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"github.com/rwsplit/rwsplit/internal/cluster"
)

const (
	tcp         = "tcp"
	unix        = "unix"
	defaultPort = "3306"
)

// address is where a member listens: a text that its network understands.
type address struct{ network, text string }

// String returns the member's name: "host:port", or the socket's path.
func (a address) String() string { return a.text }

var errNoHost = errors.New("rwsplit: DSN: no host; name the members as in user:password@tcp(host1:3306,host2:3306)/database")

// addresses returns the members: those of the DSN, then the replicas.
func (p parts) addresses(replicas []string) ([]address, error) {
	network := p.network
	if network == "" {
		network = tcp
	}
	if p.address == "" {
		return nil, errNoHost
	}
	var all []address
	seen := make(map[address]bool)
	add := func(a address) error {
		key := a
		if isTCP(a.network) {
			key.text = strings.ToLower(a.text)
		}
		if seen[key] {
			return fmt.Errorf("rwsplit: member %s is named twice, in the DSN's hosts or the replicas; name it once", a)
		}
		seen[key] = true
		all = append(all, a)
		return nil
	}
	for n, text := range strings.Split(p.address, ",") {
		a, err := parseAddress(network, text)
		if err != nil {
			return nil, fmt.Errorf("rwsplit: DSN: host number %d %w", n+1, err)
		}
		if err := add(a); err != nil {
			return nil, err
		}
	}
	for n, text := range replicas {
		a, err := parseReplica(network, text)
		if err != nil {
			return nil, fmt.Errorf("rwsplit: replicas: number %d %w", n+1, err)
		}
		if err := add(a); err != nil {
			return nil, err
		}
	}
	if len(all) > cluster.MaxMembers {
		return nil, fmt.Errorf("rwsplit: %d members, more than %d", len(all), cluster.MaxMembers)
	}
	return all, nil
}

func isTCP(network string) bool { return strings.HasPrefix(network, tcp) }

// parseReplica reads a replica, which may be reached by another network than the
// members of the DSN: a path is that of a socket.
func parseReplica(network, text string) (address, error) {
	switch {
	case strings.HasPrefix(text, "/"):
		network = unix
	case network == unix:
		network = tcp
	}
	return parseAddress(network, text)
}

var (
	errAddress = errors.New("is not host, host:port or [IPv6]:port")
	errPort    = errors.New("has a port that is not a number from 1 to 65535")
	errSocket  = errors.New("is not the path of a socket")
)

// parseAddress reads one address. Those of networks that a program has registered
// are left as they are. Its error goes on from the number of the host, and shows
// nothing of it.
func parseAddress(network, text string) (address, error) {
	text = strings.TrimSpace(text)
	switch {
	case text == "" || strings.ContainsAny(text, "@()"):
		return address{}, errAddress
	case network == unix && !strings.HasPrefix(text, "/") && strings.Contains(text, ":"):
		return address{}, errSocket // a host and its port
	case !isTCP(network):
		return address{network, text}, nil
	}
	host, port := text, defaultPort
	if strings.HasPrefix(text, "[") && strings.HasSuffix(text, "]") {
		host = text[1 : len(text)-1]
	} else if _, err := netip.ParseAddr(text); err != nil { // not a bare IPv6 address
		if h, p, err := net.SplitHostPort(text); err == nil {
			host, port = h, p
		} else if strings.Contains(text, ":") {
			return address{}, errAddress
		}
	}
	if strings.Contains(host, ":") {
		if _, err := netip.ParseAddr(host); err != nil {
			return address{}, errAddress
		}
	}
	if host == "" || strings.ContainsAny(host, "/ []") {
		return address{}, errAddress
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return address{}, errPort
	}
	return address{network, net.JoinHostPort(host, port)}, nil
}
