package driver

import "strings"

// ParameterPrefix begins the names of the parameters of a data source name that
// are rwsplit's.
const ParameterPrefix = "rwsplit_"

// HasParameterPrefix reports whether a name begins so, in whatever case: one that
// the wrapped driver is about to send to the server is a mistake.
func HasParameterPrefix(name string) bool {
	return len(name) >= len(ParameterPrefix) && strings.EqualFold(name[:len(ParameterPrefix)], ParameterPrefix)
}

// Parameter is one name and value of a data source name.
type Parameter struct{ Name, Value string }

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
