package statement

// effect is what a statement or a function does beside answering.
type effect struct {
	kind     Kind
	reason   Reason
	dirty    bool
	silent   bool
	begins   bool // may leave a transaction open
	previous bool // asks about the statement before
}

// maxCalls bounds the different functions of one text.
const maxCalls = 64

// maxDepth bounds the parentheses of which something is remembered. Deeper
// ones are read in the way that can only be too careful.
const maxDepth = 64

// mode is what the rest of a statement is looked at for.
type mode uint8

const (
	// modeQuery proves a read.
	modeQuery mode = iota
	// modeEffect looks for calls that make a write more than a write.
	modeEffect
	// modePlan is for a statement that is not executed.
	modePlan
)
