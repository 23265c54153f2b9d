package statement

import (
	"slices"
	"strings"
)

// postgres reads SET, RESET and SELECT set_config(…).
func (r *settingReader) postgres() []string {
	return r.statements(func() bool {
		switch {
		case r.take("set", "session", "authorization"), r.take("set", "session", "session", "authorization"):
			return r.postgresUser("session_authorization")
		case r.take("set", "session"), r.take("set"):
			return r.postgresSet()
		case r.take("reset"):
			return r.postgresReset()
		case r.take("select"):
			return r.postgresConfig()
		}
		return false
	})
}

func (r *settingReader) postgresUser(setting string) bool {
	switch p := r.pop(); p.kind {
	case tokenName, tokenQuoted:
		return r.sets(setting)
	case tokenString:
		return p.text[0] == '\'' && r.sets(setting)
	}
	return false
}

func (r *settingReader) postgresSet() bool {
	switch {
	case r.take("local"), r.take("transaction"), r.take("constraints"), r.take("characteristics"):
		return false
	case r.take("role"):
		if next := r.peek(0); next.text != "=" && !strings.EqualFold(next.text, "to") {
			return r.postgresUser("role")
		}
		return r.postgresValues("role")
	case r.take("time", "zone"):
		return r.values("timezone")
	case r.take("schema"):
		return r.values("search_path")
	case r.take("names"):
		return r.postgresEncoding()
	}
	name, ok := r.postgresName()
	return ok && r.postgresValues(name)
}

// postgresName takes the name of a setting. Case does not matter, even in quotes.
func (r *settingReader) postgresName() (string, bool) {
	var name strings.Builder
	for {
		p := r.pop()
		if p.kind != tokenName && (p.kind != tokenQuoted || p.text[0] != '"') || strings.Contains(p.inner(), `"`) {
			return "", false
		}
		name.WriteString(lower(p.inner()))
		if !r.take(".") {
			return name.String(), postgresReplayable(name.String())
		}
		name.WriteByte('.')
	}
}

func (r *settingReader) postgresValues(name string) bool {
	if !r.takeAny("=", "to") {
		return false
	}
	if name == "client_encoding" {
		return r.postgresEncoding()
	}
	return r.values(name)
}

// values takes a list of values to the end of the statement. PostgreSQL has none
// that it would have to evaluate.
func (r *settingReader) values(name string) bool {
	if r.ended() {
		return false
	}
	for !r.ended() {
		switch p := r.pop(); p.kind {
		case tokenName, tokenNumber, tokenComma, tokenOperator:
		case tokenQuoted, tokenString:
			if p.text[0] != '\'' && p.text[0] != '"' {
				return false
			}
		default:
			return false
		}
	}
	return r.sets(name)
}

// postgresEncoding takes an encoding, which has to be the one that texts are read
// in here.
func (r *settingReader) postgresEncoding() bool {
	switch lower(strings.Trim(r.pop().text, `'"`)) {
	case "utf8", "utf-8", "unicode":
		return r.ended() && r.sets("client_encoding")
	}
	return false
}

func (r *settingReader) postgresReset() bool {
	switch {
	case r.take("session", "authorization"):
		return r.sets("session_authorization")
	case r.take("time", "zone"):
		return r.sets("timezone")
	}
	name, ok := r.postgresName()
	return ok && r.ended() && r.sets(name)
}

// postgresConfig reads the select list, in which there is nothing else.
func (r *settingReader) postgresConfig() bool {
	for {
		r.take("pg_catalog", ".")
		if !r.take("set_config", "(") {
			return false
		}
		name := r.pop()
		if name.kind != tokenString || name.text[0] != '\'' || !postgresReplayable(lower(name.inner())) || lower(name.inner()) == "client_encoding" {
			return false
		}
		if !r.take(",") {
			return false
		}
		if p, ok := r.literal(); !ok || p.kind == tokenName && !truth(p.text) {
			return false
		}
		if r.peek(0).kind == tokenCast {
			r.pop()
			if r.pop().kind != tokenName {
				return false
			}
		}
		// Whether it is local has to be seen: what is local sets nothing for
		// the session.
		if !r.take(",", "false", ")") {
			return false
		}
		if r.take("as") || r.peek(0).kind == tokenName || r.peek(0).kind == tokenQuoted {
			if p := r.pop(); p.kind != tokenName && p.kind != tokenQuoted {
				return false
			}
			if !r.ended() && r.peek(0).kind != tokenComma {
				return false // FROM, say
			}
		}
		r.sets(lower(name.inner()))
		if !r.take(",") {
			return r.ended()
		}
	}
}

// truth reports whether a word is a value, and not a column.
func truth(word string) bool {
	return slices.Contains([]string{"true", "false", "null"}, lower(word))
}

// postgresReplayable is a setting that may be set on a standby as well, where it
// means the same. Not so those of transactions, which decide where one can run,
// what seeds random numbers, what decides where a string ends, and DateStyle, of
// which a value may set one half.
func postgresReplayable(name string) bool {
	switch name {
	case "", "seed", "datestyle", "standard_conforming_strings", "transaction_isolation", "transaction_read_only", "transaction_deferrable",
		"default_transaction_isolation", "default_transaction_read_only", "default_transaction_deferrable":
		return false
	}
	return true
}
