package statement

import "fmt"

// Reason is why a statement is of its kind.
type Reason uint8

// The reasons. The zero value is that of a text that was not understood.
const (
	Unknown Reason = iota
	Plain
	Empty
	Unterminated
	Unbalanced
	Stray
	AmbiguousString
	AmbiguousComment
	EscapedIdentifier
	TooManyCalls

	DataModification
	DataModifyingCTE
	Definition
	Maintenance
	Procedure
	SelectInto
	RowLock
	TableLock
	CopyData
	TwoPhase
	Sequence
	TransactionID
	LargeObject
	Notification
	ReplicationControl
	ExecutesText
	RemoteCall
	Administration
	NodeLocal

	AdvisoryLock
	Setting
	TransactionControl
	PreparedStatement
	Cursor
	Listening
	TemporaryObject
	ConnectionState

	PrimaryHint
	ReplicaHint
	UnknownFunction
	VolatileFunction
	Rewritten
	ReplicaRefused
)

var reasons = [...]struct{ key, text string }{
	Unknown:            {"unknown_statement", "unknown statement"},
	Plain:              {"plain_read", "a plain read"},
	Empty:              {"empty", "no statement in the text"},
	Unterminated:       {"unterminated", "unterminated string, name or comment"},
	Unbalanced:         {"unbalanced", "unbalanced parentheses"},
	Stray:              {"stray_character", "a character outside of SQL"},
	AmbiguousString:    {"ambiguous_string", "a string whose end depends on a setting of the server"},
	AmbiguousComment:   {"ambiguous_comment", "a comment that is code in some versions of the server"},
	EscapedIdentifier:  {"escaped_identifier", "a name in Unicode escapes"},
	TooManyCalls:       {"too_many_calls", "calls too many different functions"},
	DataModification:   {"data_modification", "changes data"},
	DataModifyingCTE:   {"data_modifying_cte", "data-modifying CTE"},
	Definition:         {"definition", "changes the schema or its rights"},
	Maintenance:        {"maintenance", "maintains tables or the server"},
	Procedure:          {"procedure", "runs a procedure or a code block"},
	SelectInto:         {"select_into", "stores what it finds (SELECT INTO)"},
	RowLock:            {"row_lock", "locks rows (FOR UPDATE)"},
	TableLock:          {"table_lock", "locks a table"},
	CopyData:           {"copy_data", "copies into a table, to a file or to a program"},
	TwoPhase:           {"two_phase", "two-phase commit"},
	Sequence:           {"sequence", "advances a sequence"},
	TransactionID:      {"transaction_id", "needs the primary's transaction ids"},
	LargeObject:        {"large_object", "large objects"},
	Notification:       {"notification", "sends a notification"},
	ReplicationControl: {"replication_control", "controls replication, its log or a backup"},
	ExecutesText:       {"executes_text", "a function that runs a query given as text"},
	RemoteCall:         {"remote_call", "a function that reaches another server"},
	Administration:     {"administration", "administers one server"},
	NodeLocal:          {"node_local", "the answer belongs to one server"},
	AdvisoryLock:       {"advisory_lock", "advisory lock"},
	Setting:            {"setting", "changes a setting"},
	TransactionControl: {"transaction_control", "transaction control"},
	PreparedStatement:  {"prepared_statement", "SQL-level prepared statement"},
	Cursor:             {"cursor", "cursor"},
	Listening:          {"listening", "listens for notifications"},
	TemporaryObject:    {"temporary_object", "temporary object"},
	ConnectionState:    {"connection_state", "state of one connection"},
	PrimaryHint:        {"hint_primary", "a hint asks for the primary"},
	ReplicaHint:        {"hint_replica", "a hint vouches for its functions"},
	UnknownFunction:    {"unknown_function", "calls a function that is not known"},
	VolatileFunction:   {"volatile_function", "calls a volatile function"},
	Rewritten:          {"rewritten", "an argument replaces the text (pgx.QueryRewriter)"},
	ReplicaRefused:     {"replica_refused", "a replica refused it before"},
}

// String is a short phrase for people.
func (r Reason) String() string {
	if int(r) < len(reasons) {
		return reasons[r].text
	}
	return fmt.Sprintf("Reason(%d)", uint8(r))
}

// Key is the name for statistics. It does not change between versions.
func (r Reason) Key() string {
	if int(r) < len(reasons) {
		return reasons[r].key
	}
	return fmt.Sprintf("reason_%d", uint8(r))
}
