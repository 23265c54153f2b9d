package postgres

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
)

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
