package mysql

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/go-sql-driver/mysql"

	rwsplit "github.com/rwsplit/rwsplit/driver"
)

// TakeParameters returns the DSN without the parameters whose name begins with
// prefix, and those parameters in their order. No error shows the DSN or a value.
func TakeParameters(dsn, prefix string) (rest string, taken []rwsplit.Parameter, err error) {
	p, err := split(dsn)
	if err != nil {
		return "", nil, err
	}
	var kept []string
	for _, pair := range p.pairs() {
		name, escaped, _ := strings.Cut(pair, "=")
		if !strings.HasPrefix(name, prefix) {
			kept = append(kept, pair)
			continue
		}
		value, err := url.QueryUnescape(escaped)
		if err != nil {
			return "", nil, fmt.Errorf("rwsplit: DSN: the value of %s has a malformed %%-escape; write a plain %% as %%25", rwsplit.ShownName(name, prefix))
		}
		taken = append(taken, rwsplit.Parameter{Name: name, Value: value})
	}
	if len(taken) == 0 {
		return dsn, nil, nil
	}
	p.query, p.asked = strings.Join(kept, "&"), len(kept) > 0
	return p.String(), taken, nil
}

// parts are the pieces of a data source name,
//
//	user:password@network(address,address)/database?name=value&name=value
//
// cut where go-sql-driver cuts it: the last "/" begins the database, whatever
// else is in the password, and the last "@" before it ends the password.
type parts struct {
	user      string // with its password and "@", or ""
	network   string
	addressed bool // there are parentheses
	address   string
	database  string
	query     string // without the "?"
	asked     bool   // there is a "?"
}

// String returns the data source name again.
func (p parts) String() string {
	var b strings.Builder
	b.WriteString(p.user)
	b.WriteString(p.network)
	if p.addressed {
		b.WriteString("(" + p.address + ")")
	}
	b.WriteString("/" + p.database)
	if p.asked {
		b.WriteString("?" + p.query)
	}
	return b.String()
}

var (
	errNoSlash = errors.New("rwsplit: DSN: no / before the database; write user:password@tcp(host1:3306,host2:3306)/database (a / in a parameter is written %2F)")
	errNoClose = errors.New("rwsplit: DSN: the ) after the hosts is missing, or a / after it; write user:password@tcp(host1:3306,host2:3306)/database (a / in a parameter is written %2F)")
	errNetwork = errors.New("rwsplit: DSN: what stands between the @ and the ( is not the name of a network, as tcp or unix; write user:password@tcp(host1:3306,host2:3306)/database")
)

// split cuts a data source name. No error shows any of it.
func split(dsn string) (p parts, err error) {
	slash := strings.LastIndexByte(dsn, '/')
	if slash < 0 {
		return p, errNoSlash
	}
	left := dsn[:slash]
	p.database, p.query, p.asked = strings.Cut(dsn[slash+1:], "?")
	if at := strings.LastIndexByte(left, '@'); at >= 0 {
		p.user, left = left[:at+1], left[at+1:]
	}
	p.network, p.address, p.addressed = strings.Cut(left, "(")
	if p.addressed {
		if !strings.HasSuffix(p.address, ")") {
			return p, errNoClose
		}
		p.address = strings.TrimSuffix(p.address, ")")
	}
	for i := range len(p.network) {
		// It is shown: in errors, and in members' names.
		if c := p.network[i]; !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("+-._", c) >= 0) {
			return p, errNetwork
		}
	}
	return p, nil
}

// pairs are the "name=value" of the parameters, still escaped.
func (p parts) pairs() []string {
	if p.query == "" {
		return nil
	}
	return strings.Split(p.query, "&")
}

// parse returns go-sql-driver's configuration for one member.
func (p parts) parse(a address) (*mysql.Config, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	p.network, p.addressed, p.address = a.network, true, a.text
	config, err := mysql.ParseDSN(p.String())
	if err != nil {
		return nil, parseError(err)
	}
	return config, nil
}

// unreadable are the character sets in which a backslash or a quote may be the
// second byte of a character: where a string ends could not be told.
var unreadable = []string{"big5", "cp932", "gb18030", "gbk", "sjis"}

// check refuses parameters that this engine cannot work with.
func (p parts) check() error {
	for _, pair := range p.pairs() {
		name, escaped, _ := strings.Cut(pair, "=")
		value, err := url.QueryUnescape(escaped)
		if err != nil {
			return fmt.Errorf("rwsplit: DSN: the value of %s has a malformed %%-escape; write a plain %% as %%25", rwsplit.ShownName(name, "a parameter "))
		}
		switch {
		case rwsplit.HasParameterPrefix(name):
			return fmt.Errorf("rwsplit: parameter %s has to be in lower case", rwsplit.ShownName(name, rwsplit.ParameterPrefix))
		case strings.EqualFold(name, "user"), strings.EqualFold(name, "password"), strings.EqualFold(name, "passwd"):
			return errors.New("rwsplit: DSN: the user and the password stand at the beginning, as in user:password@tcp(host1:3306,host2:3306)/database, not among the parameters")
		case name == "strict":
			return errors.New("rwsplit: DSN: go-sql-driver has no parameter strict any more; set sql_mode instead")
		case name == "charset" || name == "collation":
			for _, set := range strings.Split(value, ",") {
				charset, _, _ := strings.Cut(set, "_")
				if slices.Contains(unreadable, strings.ToLower(charset)) {
					return fmt.Errorf("rwsplit: DSN: %s: statements cannot be read safely in %s; use utf8mb4", name, strings.Join(unreadable, ", "))
				}
			}
		case strings.EqualFold(name, "autocommit") && off(value):
			return errors.New("rwsplit: DSN: autocommit=0: a connection that is reused in the middle of a transaction would show a state of long ago; begin transactions where they are needed")
		}
	}
	return nil
}

// off reports whether the server takes the value of a variable for false.
func off(value string) bool {
	value = strings.Trim(strings.TrimSpace(value), `'"`)
	return value == "0" || strings.EqualFold(value, "off") || strings.EqualFold(value, "false")
}
