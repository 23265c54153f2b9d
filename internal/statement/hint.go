package statement

import "fmt"

// Hint is what a comment in the text asks for: "rwsplit: primary" or
// "rwsplit: replica".
type Hint uint8

const (
	NoHint Hint = iota
	HintReplica
	// HintPrimary wins over HintReplica in the same text. A word that is
	// neither is taken for it: a typo must be safe.
	HintPrimary
)

func (h Hint) String() string {
	switch h {
	case NoHint:
		return "none"
	case HintReplica:
		return "replica"
	case HintPrimary:
		return "primary"
	}
	return fmt.Sprintf("Hint(%d)", uint8(h))
}

const hintName = "rwsplit"

// commentHint finds the hint in a comment, which is given without its
// delimiters. A hint that is the whole comment may name a replica; one with
// other text around it can only ask for the primary, because nobody can tell
// whether the rest belongs to it.
func commentHint(comment string) Hint {
	for i := 0; i+len(hintName) < len(comment); i++ {
		if comment[i]|0x20 != hintName[0] || !equalFold(comment[i:i+len(hintName)], hintName) {
			continue
		}
		if i > 0 && isIdentPart(comment[i-1]) {
			continue
		}
		rest := trimBlanks(comment[i+len(hintName):])
		if rest == "" || rest[0] != ':' {
			continue
		}
		if trimBlanks(comment[:i]) == "" && equalFold(trimBlanks(rest[1:]), "replica") {
			return HintReplica
		}
		return HintPrimary
	}
	return NoHint
}

func trimBlanks(s string) string {
	for s != "" && isSpace(s[0]) {
		s = s[1:]
	}
	for s != "" && isSpace(s[len(s)-1]) {
		s = s[:len(s)-1]
	}
	return s
}

// equalFold compares with a lower-case ASCII word. strings.EqualFold would
// take U+017F for an s and U+212A for a k; no server does.
func equalFold(s, lower string) bool {
	if len(s) != len(lower) {
		return false
	}
	for i := range len(s) {
		if toLower(s[i]) != lower[i] {
			return false
		}
	}
	return true
}

func toLower(b byte) byte {
	if 'A' <= b && b <= 'Z' {
		return b | 0x20
	}
	return b
}
