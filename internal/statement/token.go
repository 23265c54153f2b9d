package statement

// tokenKind is the class of a token. The zero value is the end of the text.
type tokenKind uint8

const (
	tokenEnd tokenKind = iota
	tokenError
	tokenName   // identifier or keyword
	tokenQuoted // a quoted identifier
	tokenString
	tokenNumber
	tokenParam
	tokenOpen  // (
	tokenClose // )
	tokenOpenBracket
	tokenCloseBracket
	tokenComma
	tokenSemicolon
	tokenDot
	tokenCast // ::
	tokenOperator
	tokenDouble   // MySQL's "…", a string or an identifier
	tokenVariable // @name
	tokenSystem   // @@, before the name of a system variable
	tokenAssign   // :=
)

type token struct {
	kind       tokenKind
	word       word // of a tokenName; of a tokenClose: callMayFollow
	start, end int
}

// word is a keyword: its category, and a number for those that matter one by
// one. The zero word is a plain name.
type word uint16

func isSpace(c byte) bool { return c == ' ' || '\t' <= c && c <= '\r' }

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isIdentStart(c byte) bool {
	return 'a' <= c|0x20 && c|0x20 <= 'z' || c == '_' || c >= 0x80
}

func isIdentPart(c byte) bool { return isIdentStart(c) || isDigit(c) || c == '$' }

// lower folds ASCII only, as servers do.
func lower(s string) string {
	for i := range len(s) {
		if 'A' <= s[i] && s[i] <= 'Z' {
			b := []byte(s)
			for j := i; j < len(b); j++ {
				b[j] = toLower(b[j])
			}
			return string(b)
		}
	}
	return s
}
