package postgres

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"

	"github.com/jackc/pgservicefile"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/rwsplit/rwsplit/internal/cluster"
)

// address is where a member listens.
type address struct {
	host string // or the directory of a unix socket
	port uint16
}

// String returns the member's name: "host:port", or the socket's path.
func (a address) String() string {
	if network, path := pgconn.NetworkAddress(a.host, a.port); network == "unix" {
		return path
	}
	return net.JoinHostPort(a.host, strconv.Itoa(int(a.port)))
}

// addressesOf returns the members: the hosts of the DSN, then the replicas.
func addressesOf(dsn string, replicas []string) ([]address, error) {
	if !isURL(dsn) {
		// Read before pgx does, which takes for a name what is not one.
		if err := eachKeyword(dsn, func(_, _, _ string) {}); err != nil {
			return nil, err
		}
	}
	config, err := pgconn.ParseConfig(dsn)
	if err != nil {
		return nil, parseError(err)
	}
	if !namesHost(dsn) {
		return nil, errors.New("rwsplit: DSN: no host; name one in the DSN (postgres://host1,host2/database, or host=host1,host2), its service file or PGHOST")
	}
	if err := checkPath(dsn); err != nil {
		return nil, err
	}
	type variant struct {
		name string
		tls  bool
	}
	var addresses []address
	seen := make(map[variant]bool)
	add := func(a address, tls bool) error {
		if err := a.check(); err != nil {
			return err
		}
		// Names are the same for the same socket; a host's has no case.
		name := a.String()
		if !a.socket() {
			name = strings.ToLower(name)
		}
		if seen[variant{name, tls}] {
			return fmt.Errorf("rwsplit: member %s is named twice, in the DSN's hosts or the replicas; name it once", a)
		}
		if !seen[variant{name, !tls}] {
			addresses = append(addresses, a)
		}
		seen[variant{name, tls}] = true
		return nil
	}
	if err := add(address{config.Host, config.Port}, config.TLSConfig != nil); err != nil {
		return nil, err
	}
	// pgx lists a host twice where it is to be tried with and without TLS.
	for _, f := range config.Fallbacks {
		if err := add(address{f.Host, f.Port}, f.TLSConfig != nil); err != nil {
			return nil, err
		}
	}
	for i, text := range replicas {
		a, err := parseAddress(text, config.Port)
		if err != nil {
			return nil, fmt.Errorf("rwsplit: replicas: number %d %w", i+1, err)
		}
		for _, tls := range []bool{false, true} {
			if err := add(a, tls); err != nil {
				return nil, err
			}
		}
	}
	if len(addresses) > cluster.MaxMembers {
		return nil, fmt.Errorf("rwsplit: %d members, more than %d", len(addresses), cluster.MaxMembers)
	}
	return addresses, nil
}

// checkPath refuses an unescaped "@" in the path of a URL or in the name of a
// parameter: there a password ends that has a "/" or a "?" in it, whose pieces
// would be shown as a host and a database.
func checkPath(dsn string) error {
	if !isURL(dsn) {
		return nil
	}
	parts := split(dsn)
	stray := strings.Contains(parts.path, "@")
	for _, pair := range parts.pairs() {
		name, _, _ := strings.Cut(pair, "=")
		stray = stray || strings.Contains(name, "@")
	}
	if stray {
		return errors.New("rwsplit: DSN: an @ after the host; write @ / ? in the user or password as %40 %2F %3F, and an @ in the database as %40")
	}
	return nil
}

// check refuses a host that cannot be one: it is a piece of a password that is
// not escaped or quoted, and would be shown as the member's name.
func (a address) check() error {
	if !a.socket() && strings.ContainsAny(a.host, "@/?#&=[]'\"\\"+blanks) {
		return errors.New("rwsplit: DSN: a host has a character that no host can have; in a URL, write @ : / ? # % in the user or password as %-escapes (an @ is %40), otherwise put '…' around a value with blanks")
	}
	return nil
}

// checkNumeric refuses a host with a ":" that is no IPv6 address: host=db1:5432,
// or a user and password.
func (a address) checkNumeric() error {
	if !a.socket() && strings.Contains(a.host, ":") {
		if _, err := netip.ParseAddr(a.host); err != nil {
			return errors.New("rwsplit: DSN: a host with a : is not an IPv6 address; ports of host= go into port=, as in host=db1,db2 port=5432,5433")
		}
	}
	return nil
}

func (a address) socket() bool {
	network, _ := pgconn.NetworkAddress(a.host, a.port)
	return network == "unix"
}

// parseAddress reads "host", "host:port", "[v6]:port" or a socket's directory.
// Its error goes on from the number of the replica.
func parseAddress(text string, port uint16) (address, error) {
	if strings.HasPrefix(text, "/") {
		return address{text, port}, nil
	}
	host, number, err := splitHostPort(text)
	if err != nil || host == "" || (address{host, port}).check() != nil {
		return address{}, errors.New("is not host, host:port, [IPv6]:port or the directory of a socket")
	}
	if number != "" {
		n, err := strconv.ParseUint(number, 10, 16)
		if err != nil || n == 0 {
			return address{}, errors.New("has a port that is not a number from 1 to 65535")
		}
		port = uint16(n)
	}
	return address{host, port}, nil
}

func splitHostPort(text string) (host, port string, err error) {
	if rest, ok := strings.CutPrefix(text, "["); ok {
		host, tail, ok := strings.Cut(rest, "]")
		if !ok || tail != "" && tail[0] != ':' {
			return "", "", errors.New("bracket")
		}
		return host, strings.TrimPrefix(tail, ":"), nil
	}
	host, port, _ = strings.Cut(text, ":")
	if strings.Contains(port, ":") {
		// A bare IPv6 address, or somebody's user:password:port.
		_, err := netip.ParseAddr(text)
		return text, "", err
	}
	return host, port, nil
}

// namesHost reports whether somebody named a host: pgx would take the local
// machine, which is rarely what a list of members was meant to be. Pgx has read
// the DSN before.
func namesHost(dsn string) bool {
	given := make(map[string]string)
	if isURL(dsn) {
		parts := split(dsn)
		if parts.hosts != "" && parts.hosts[0] != ':' {
			given["host"] = parts.hosts
		}
		for _, pair := range parts.pairs() {
			name, value, _ := strings.Cut(pair, "=")
			name, _ = unescape(name)
			given[name], _ = unescape(value)
		}
	} else {
		_ = eachKeyword(dsn, func(name, value, _ string) { given[name] = value })
	}
	if host, ok := given["host"]; ok {
		return host != "" // an empty one hides that of the environment
	}
	return os.Getenv("PGHOST") != "" || serviceNamesHost(given["service"], given["servicefile"])
}

func serviceNamesHost(service, file string) bool {
	if service == "" {
		service = os.Getenv("PGSERVICE")
	}
	if file == "" {
		file = os.Getenv("PGSERVICEFILE")
	}
	if file == "" {
		if home, err := os.UserHomeDir(); err == nil {
			file = home + "/.pg_service.conf"
		}
	}
	if service == "" {
		return false
	}
	parsed, err := pgservicefile.ReadServicefile(file)
	if err != nil {
		return false
	}
	s, err := parsed.GetService(service)
	return err == nil && s.Settings["host"] != ""
}
