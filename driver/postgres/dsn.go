package postgres

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	rwsplit "github.com/rwsplit/rwsplit/driver"
)

// TakeParameters returns the DSN without the parameters whose name begins with
// prefix, and those parameters in their order. Both forms that pgx takes are
// read: a URL, and keywords with values. No error shows the DSN or a value.
func TakeParameters(dsn, prefix string) (rest string, taken []rwsplit.Parameter, err error) {
	switch {
	case isURL(dsn):
		return takeFromURL(dsn, prefix)
	case strings.HasPrefix(dsn, "registeredConnConfig"):
		return "", nil, errors.New("rwsplit: DSN: what stdlib.RegisterConnConfig has named is known to pgx alone; give its connection string here and set the rest by Config.ConfigurePGX")
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

func takeFromURL(dsn, prefix string) (string, []rwsplit.Parameter, error) {
	parts := split(dsn)
	if parts.query == "" {
		return dsn, nil, nil
	}
	var kept []string
	var taken []rwsplit.Parameter
	for _, pair := range parts.pairs() {
		escapedName, escapedValue, _ := strings.Cut(pair, "=")
		name, err := unescape(escapedName)
		if err != nil || !strings.HasPrefix(name, prefix) {
			kept = append(kept, pair)
			continue
		}
		value, err := unescape(escapedValue)
		if err != nil {
			return "", nil, fmt.Errorf("rwsplit: DSN: the value of %s has a malformed %%-escape; write a plain %% as %%25", rwsplit.ShownName(name, prefix))
		}
		taken = append(taken, rwsplit.Parameter{Name: name, Value: value})
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

func takeFromKeywords(dsn, prefix string) (string, []rwsplit.Parameter, error) {
	var rest strings.Builder
	var taken []rwsplit.Parameter
	err := eachKeyword(dsn, func(name, value, source string) {
		if strings.HasPrefix(name, prefix) {
			taken = append(taken, rwsplit.Parameter{Name: name, Value: value})
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
