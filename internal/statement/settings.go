package statement

import (
	"slices"
	"strings"
)

// settingsOf returns the names of what a text sets for its session, in lower case,
// if the text is nothing but assignments that can be run again on another server's
// connection, to the same effect there: their values are literals or parameters,
// and their names are known to mean the same on every server. Otherwise it is nil,
// and the session stays on its connection.
//
// A text that assigns all that another one assigned makes the other void.
func settingsOf(d Dialect, sql string) []string {
	if d == Postgres {
		return (&settingReader{pieces: postgresPieces(sql)}).postgres()
	}
	return (&settingReader{pieces: mysqlPieces(d, sql)}).mysql()
}

// piece is a token with its text.
type piece struct {
	kind tokenKind
	text string
}

// longestSetting bounds the tokens of a text that is looked at.
const longestSetting = 256

func postgresPieces(sql string) []piece {
	l := postgresLexer{sql: sql}
	return piecesOf(sql, l.next)
}

// mysqlPieces has nothing of a text that servers may cut in different ways.
func mysqlPieces(d Dialect, sql string) []piece {
	if strings.ContainsAny(sql, "\\\"") || strings.Contains(sql, "/*!") || strings.Contains(sql, "/*M!") {
		return nil
	}
	if d == MySQLFamily {
		d = MySQL
	}
	l := mysqlLexer{reading: reading{dialect: d}, sql: sql}
	return piecesOf(sql, l.next)
}

// piecesOf cuts a text, or returns nil where that fails.
func piecesOf(sql string, next func() token) (pieces []piece) {
	for range longestSetting {
		switch t := next(); t.kind {
		case tokenEnd:
			return pieces
		case tokenError:
			return nil
		default:
			pieces = append(pieces, piece{t.kind, sql[t.start:t.end]})
		}
	}
	return nil
}

// settingReader reads the assignments of a text. What it does not know is the end
// of it: ok is false.
type settingReader struct {
	pieces []piece
	names  []string
}

// statements reads one after the other, by one.
func (r *settingReader) statements(one func() bool) []string {
	for len(r.pieces) > 0 {
		if r.take(";") {
			continue
		}
		if !one() || len(r.pieces) > 0 && r.pieces[0].kind != tokenSemicolon {
			return nil
		}
	}
	return r.names
}

func (r *settingReader) sets(name string) bool {
	if !slices.Contains(r.names, name) {
		r.names = append(r.names, name)
	}
	if name == "session_authorization" {
		r.sets("role") // a role ends with the user who took it
	}
	return true
}

// peek returns the piece that comes n pieces later; past the end one of no text.
func (r *settingReader) peek(n int) piece {
	if n < len(r.pieces) {
		return r.pieces[n]
	}
	return piece{}
}

// ended reports whether the statement has no more pieces.
func (r *settingReader) ended() bool {
	return len(r.pieces) == 0 || r.pieces[0].kind == tokenSemicolon
}

// take goes on if the next pieces are these words, or marks, which are not quoted.
func (r *settingReader) take(words ...string) bool {
	for i, w := range words {
		p := r.peek(i)
		if p.kind == tokenString || p.kind == tokenQuoted || p.kind == tokenDouble || !strings.EqualFold(p.text, w) {
			return false
		}
	}
	r.pieces = r.pieces[len(words):]
	return true
}

// takeAny takes one of the words.
func (r *settingReader) takeAny(words ...string) bool {
	return slices.ContainsFunc(words, func(w string) bool { return r.take(w) })
}

// pop takes the next piece of the statement.
func (r *settingReader) pop() piece {
	if r.ended() {
		return piece{}
	}
	p := r.pieces[0]
	r.pieces = r.pieces[1:]
	return p
}

// literal takes a string, which stands plainly in quotes, a number with its sign, a
// parameter or a word that is no function, with parentheses or without.
func (r *settingReader) literal() (piece, bool) {
	if r.takeAny("+", "-") {
		p := r.pop()
		return p, p.kind == tokenNumber
	}
	p := r.pop()
	switch p.kind {
	case tokenString:
		return p, p.text[0] == '\''
	case tokenNumber, tokenParam:
		return p, true
	case tokenName:
		next := r.peek(0).kind
		return p, next != tokenOpen && next != tokenDot && next != tokenString && !evaluated(p.text)
	}
	return p, false
}

// evaluated reports whether a word without parentheses is a function.
func evaluated(word string) bool {
	word = lower(word)
	for _, prefix := range [...]string{"current_", "localtime", "session_user", "system_user", "user", "utc_"} {
		if strings.HasPrefix(word, prefix) {
			return true
		}
	}
	return false
}

// inner is the text of a string or a quoted name.
func (p piece) inner() string {
	switch p.kind {
	case tokenString, tokenQuoted, tokenDouble:
		return p.text[1 : len(p.text)-1]
	}
	return p.text
}
