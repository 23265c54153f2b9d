package mysql

import (
	"errors"
	"strings"
)

// parseErrors say what keeps go-sql-driver from reading a DSN, by the beginning of
// its error.
var parseErrors = []struct{ begin, text string }{
	{"invalid bool value", "a parameter that is true or false has another value"},
	{"invalid DSN: interpolateParams", "interpolateParams cannot be used with this collation; use utf8mb4"},
	{"invalid dbname", "the database has a malformed %-escape; write a plain % as %25"},
	{"invalid value / unknown config name", "tls names a configuration that is not registered (mysql.RegisterTLSConfig), nor true, false, skip-verify or preferred"},
	{"invalid value / unknown server pub key name", "serverPubKey names a key that is not registered (mysql.RegisterServerPubKey)"},
	{"invalid timeTruncate value", "timeTruncate is not a duration such as 1us"},
	{"invalid connectionAttributes value", "connectionAttributes has a malformed %-escape"},
	{"time: ", "timeout, readTimeout or writeTimeout is not a duration such as 2s"},
	{"unknown time zone", "loc is not a time zone, as UTC, Local or Europe%2FVienna"},
	{"strconv.", "maxAllowedPacket is not a number"},
	{"default addr for network", "no host"},
	{"invalid DSN: ", "it is not of the form user:password@tcp(host1:3306,host2:3306)/database"},
}

// parseError says why go-sql-driver failed to read a DSN, in words of our own: its
// texts quote values, and a piece of a password may have become one. It is not
// wrapped.
func parseError(err error) error {
	for _, e := range parseErrors {
		if strings.HasPrefix(err.Error(), e.begin) {
			return errors.New("rwsplit: DSN: " + e.text)
		}
	}
	return errors.New("rwsplit: DSN: go-sql-driver cannot read it")
}
