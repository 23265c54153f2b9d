package postgres

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"net/url"
	"os"
	"strconv"
	"strings"

	"github.com/jackc/pgservicefile"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/rwsplit/rwsplit/internal/cluster"
)

// Parameter is one name and value of a connection string.
type Parameter struct{ Name, Value string }

// TakeParameters returns the DSN without the parameters whose name begins with
// prefix, and those parameters in their order. Both forms that pgx takes are
// read: a URL, and keywords with values. No error shows the DSN or a value.
func TakeParameters(dsn, prefix string) (rest string, taken []Parameter, err error) {
	if isURL(dsn) {
		return takeFromURL(dsn, prefix)
	}
	return takeFromKeywords(dsn, prefix)
}

func isURL(dsn string) bool {
	return strings.HasPrefix(dsn, "postgres://") || strings.HasPrefix(dsn, "postgresql://")
}

// parts are the pieces of a URL. Put together they are the URL again.
type parts struct {
	scheme string // "postgres://"
	user   string // "name:password@", or ""
	hosts  string // "host:port,[IPv6]"
	path   string // "/database", or ""
	query  string // "?a=b&c=d", or ""
}

// split cuts a URL where libpq does: the user and password end at the first "@",
// unless a "/" comes before it, whatever else is in them, and nothing counts
// between "[" and "]".
func split(dsn string) (p parts) {
	i := strings.Index(dsn, "://") + len("://")
	p.scheme, dsn = dsn[:i], dsn[i:]
	if i := strings.IndexAny(dsn, "@/"); i >= 0 && dsn[i] == '@' {
		p.user, dsn = dsn[:i+1], dsn[i+1:]
	}
	end := 0
	for {
		if strings.HasPrefix(dsn[end:], "[") {
			end += strings.IndexByte(dsn[end:], ']') + 1
		}
		i := strings.IndexAny(dsn[end:], ",/?")
		if i < 0 {
			end = len(dsn)
			break
		}
		end += i
		if dsn[end] != ',' {
			break
		}
		end++
	}
	p.hosts, dsn = dsn[:end], dsn[end:]
	if i := strings.IndexByte(dsn, '?'); i >= 0 {
		dsn, p.query = dsn[:i], dsn[i:]
	}
	p.path = dsn
	return p
}

// pairs are the "name=value" of the query, still escaped.
func (p parts) pairs() []string {
	return strings.Split(strings.TrimPrefix(p.query, "?"), "&")
}

func takeFromURL(dsn, prefix string) (string, []Parameter, error) {
	parts := split(dsn)
	if parts.query == "" {
		return dsn, nil, nil
	}
	var kept []string
	var taken []Parameter
	for _, pair := range parts.pairs() {
		escapedName, escapedValue, _ := strings.Cut(pair, "=")
		name, err := unescape(escapedName)
		if err != nil || !strings.HasPrefix(name, prefix) {
			kept = append(kept, pair)
			continue
		}
		value, err := unescape(escapedValue)
		if err != nil {
			return "", nil, fmt.Errorf("rwsplit: DSN: the value of %s has a malformed %%-escape; write a plain %% as %%25", ShownName(name, prefix))
		}
		taken = append(taken, Parameter{name, value})
	}
	parts.query = ""
	if len(kept) > 0 {
		parts.query = "?" + strings.Join(kept, "&")
	}
	return parts.scheme + parts.user + parts.hosts + parts.path + parts.query, taken, nil
}

// unescape reads a name or value of a query as libpq does: blanks around it do not
// count, and a "+" is no blank.
func unescape(text string) (string, error) {
	return url.PathUnescape(strings.Trim(text, " "))
}

// ShownName returns a parameter's name as errors may show it: what is not made of
// a name's characters may be a piece of a password that has lost its quotes.
func ShownName(name, prefix string) string {
	for i := range len(name) {
		ch := name[i]
		if (ch < 'a' || ch > 'z') && (ch < 'A' || ch > 'Z') && (ch < '0' || ch > '9') && ch != '_' && ch != '-' && ch != '.' {
			return prefix + "…"
		}
	}
	return name
}

func takeFromKeywords(dsn, prefix string) (string, []Parameter, error) {
	var rest strings.Builder
	var taken []Parameter
	err := eachKeyword(dsn, func(name, value, source string) {
		if strings.HasPrefix(name, prefix) {
			taken = append(taken, Parameter{name, value})
			return
		}
		if rest.Len() > 0 {
			rest.WriteByte(' ')
		}
		rest.WriteString(source)
	})
	if err != nil {
		return "", nil, err
	}
	return rest.String(), taken, nil
}

const blanks = " \t\n\r\v\f"

// eachKeyword calls f for each "name = value" of a keyword/value string, with
// the source text of both. A value may be quoted by ' and escape a character by
// a backslash, as in libpq.
func eachKeyword(dsn string, f func(name, value, source string)) error {
	rest := strings.TrimLeft(dsn, blanks)
	for n := 1; rest != ""; n++ {
		start := rest
		name, after, ok := strings.Cut(rest, "=")
		name = strings.TrimRight(name, blanks)
		if strings.Contains(name, "://") {
			return errors.New("rwsplit: DSN: a URL has to begin with postgres:// or postgresql://")
		}
		if !ok || name == "" || strings.ContainsAny(name, blanks) {
			return fmt.Errorf("rwsplit: DSN: parameter %d is not of the form name=value (a value with blanks needs '…')", n)
		}
		after = strings.TrimLeft(after, blanks)
		value, tail, ok := cutValue(after)
		if !ok {
			return fmt.Errorf("rwsplit: DSN: the value of parameter %d has no closing quote (write a ' in it as \\')", n)
		}
		f(name, value, start[:len(start)-len(tail)]) // which may end in an escaped blank
		rest = strings.TrimLeft(tail, blanks)
	}
	return nil
}

// cutValue splits s after the value that it begins with.
func cutValue(s string) (value, tail string, ok bool) {
	quoted := strings.HasPrefix(s, "'")
	i := 0
	if quoted {
		i = 1
	}
	var b strings.Builder
	for ; i < len(s); i++ {
		switch ch := s[i]; {
		case ch == '\\' && i+1 < len(s):
			i++
			b.WriteByte(s[i])
		case ch == '\\': // libpq drops one at the end
		case quoted && ch == '\'':
			return b.String(), s[i+1:], true
		case !quoted && strings.IndexByte(blanks, ch) >= 0:
			return b.String(), s[i:], true
		default:
			b.WriteByte(ch)
		}
	}
	return b.String(), "", !quoted
}

// withAddress returns the DSN with this one host and port.
func withAddress(dsn string, a address) string {
	host, port := a.host, strconv.Itoa(int(a.port))
	if !isURL(dsn) {
		var b strings.Builder
		add := func(name, value string) { b.WriteString(name + "='" + quote.Replace(value) + "' ") }
		// Quoted anew: what is added to the text as it stands would become
		// part of a last value that is empty or ends in a backslash.
		_ = eachKeyword(dsn, func(name, value, _ string) {
			if name != "host" && name != "port" {
				add(name, value)
			}
		}) // addressesOf has read it before
		add("host", host)
		add("port", port)
		return b.String()
	}
	// pgx matches ports to hosts, so those before the path must go.
	var kept []string
	parts := split(dsn)
	for _, pair := range parts.pairs() {
		name, _, _ := strings.Cut(pair, "=")
		if name, err := unescape(name); pair == "" || err == nil && (name == "host" || name == "port") {
			continue
		}
		kept = append(kept, pair)
	}
	kept = append(kept, "host="+strings.ReplaceAll(url.QueryEscape(host), "+", "%20"), "port="+port)
	return parts.scheme + parts.user + parts.path + "?" + strings.Join(kept, "&")
}

// quote escapes what is put between '…'.
var quote = strings.NewReplacer(`\`, `\\`, `'`, `\'`)

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

// parseErrors say what keeps pgx from reading a DSN, by the step that its error
// names and the beginning of the cause.
var parseErrors = []struct{ step, cause, text string }{
	{"failed to parse as URL", "missing key/value separator", "a parameter after the ? has no ="},
	{"failed to parse as URL", "extra key/value separator", "a parameter after the ? has two =; write one in a value as %3D"},
	{"failed to parse as URL", "invalid percent-encoded token", "a malformed %-escape; write a plain % as %25"},
	{"failed to parse as URL", "forbidden value %00", "the escape %00 is not allowed"},
	{"failed to parse as URL", "unexpected spaces", "a blank in the URL; write it as %20"},
	{"failed to parse as URL", "end of string reached", "a [ that begins an IPv6 address has no ]"},
	{"failed to parse as URL", "IPv6 host address may not be empty", "no address between [ and ]"},
	{"failed to parse as URL", "unexpected character", "something other than a port follows the ] of an IPv6 address"},
	{"failed to parse as URL", "forbidden NUL byte", "it has a NUL byte"},
	{"failed to parse as URL", "", "malformed URL"},
	{"failed to parse as keyword/value", "forbidden NUL byte", "it has a NUL byte"},
	{"failed to parse as keyword/value", "", "malformed keywords and values"},
	{"failed to read service", "failed to read service file", "the service file (servicefile, PGSERVICEFILE or ~/.pg_service.conf) cannot be read"},
	{"failed to read service", "", "the service (service or PGSERVICE) is not in the service file"},
	{"failed to configure TLS", "sslmode is invalid", "sslmode is not disable, allow, prefer, require, verify-ca or verify-full"},
	{"failed to configure TLS", "both", "sslcert and sslkey go together: one of them is missing"},
	{"failed to configure TLS", "unable to read CA file", "TLS: the file of sslrootcert (or PGSSLROOTCERT) cannot be read"},
	{"failed to configure TLS", "unable to add CA", "TLS: the file of sslrootcert (or PGSSLROOTCERT) holds no PEM certificate"},
	{"failed to configure TLS", "unable to read sslkey", "TLS: the file of sslkey (or PGSSLKEY) cannot be read"},
	{"failed to configure TLS", "failed to decode sslkey", "TLS: the file of sslkey (or PGSSLKEY) holds no PEM key"},
	{"failed to configure TLS", "unable to find sslpassword", "TLS: the key of sslkey is encrypted, and sslpassword is missing or wrong"},
	{"failed to configure TLS", "unable to decrypt key", "TLS: sslpassword does not decrypt the key of sslkey"},
	{"failed to configure TLS", "unable to read cert", "TLS: the file of sslcert (or PGSSLCERT) cannot be read"},
	{"failed to configure TLS", "unable to load cert", "TLS: sslcert and sslkey are not a certificate and its key"},
	{"failed to configure TLS", "", "TLS cannot be configured"},
	{"invalid port", "", "a port is not a number from 1 to 65535 (in a URL, write @ : / ? # % in the user or password as %-escapes)"},
	{"could not match", "", "the number of ports is neither one nor that of the hosts"},
	{"invalid connect_timeout", "", "connect_timeout is not a number of seconds"},
	{"invalid sslcertmode", "", "sslcertmode is not disable, allow or require"},
	{"unknown target_session_attrs", "", "target_session_attrs is not any, read-write, read-only, primary, standby or prefer-standby"},
	{"invalid min_protocol_version", "", "min_protocol_version is not 3.0, 3.2 or latest"},
	{"invalid max_protocol_version", "", "max_protocol_version is not 3.0, 3.2 or latest"},
	{"min_protocol_version cannot be", "", "min_protocol_version is greater than max_protocol_version"},
	{"unknown channel_binding", "", "channel_binding is not disable, prefer or require"},
	{"invalid require_auth", "", "require_auth is not a list of authentication methods"},
	{"cannot parse statement_cache_capacity", "", "statement_cache_capacity is not a number"},
	{"cannot parse description_cache_capacity", "", "description_cache_capacity is not a number"},
	{"invalid default_query_exec_mode", "", "default_query_exec_mode is not cache_statement, cache_describe, describe_exec, exec or simple_protocol"},
}

// parseError says why pgx failed to read a DSN, in words of our own: pgx's text
// shows the DSN with what looks like a password taken out, which a malformed one
// may not, and its causes quote values and files, which a quote that is missing
// makes a part of the DSN. Neither is wrapped.
func parseError(err error) error {
	text, cause := err.Error(), ""
	if inner := errors.Unwrap(err); inner != nil {
		cause = inner.Error()
		text = strings.TrimSuffix(text, " ("+cause+")")
	}
	step := text[strings.LastIndex(text, "`: ")+1:]
	for _, e := range parseErrors {
		if !strings.HasPrefix(step, ": "+e.step) || !strings.HasPrefix(strings.TrimLeft(cause, `"`), e.cause) {
			continue
		}
		var file *fs.PathError
		if errors.As(err, &file) {
			return fmt.Errorf("rwsplit: DSN: %s: %w", e.text, file.Err) // without the path
		}
		return errors.New("rwsplit: DSN: " + e.text)
	}
	return errors.New("rwsplit: DSN: pgx cannot read it")
}
