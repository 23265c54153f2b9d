package statement

// The categories of pg_get_keywords.
const (
	unreserved     word = (iota + 1) << 8
	columnName          // never the name of a function
	typeOrFunction      // may be the name of a function
	reserved            // neither
)

// callMayFollow is the word of a closing parenthesis after which an expression
// can begin.
const callMayFollow word = 1

func (w word) category() word { return w &^ 0xff }

const longestKeyword = 17

// postgresWord finds the word of a name. Case is that of ASCII only, as in the
// server.
func postgresWord(name string) word {
	var lower [longestKeyword]byte
	if len(name) > len(lower) || len(name) < 2 {
		return 0
	}
	for i := range len(name) {
		lower[i] = toLower(name[i])
	}
	return postgresKeyword(lower[:len(name)])
}
