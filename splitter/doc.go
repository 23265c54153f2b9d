// Package splitter opens a *sql.DB that knows about replicas: writes go to the
// primary, reads are spread over the replicas that are fresh enough, and nobody
// reads a database older than what he has written or seen.
//
// It takes the place of the wrapped driver in sql.Open:
//
//	import _ "github.com/rwsplit/rwsplit/splitter"
//
//	db, err := sql.Open("rwsplit-pgx", "postgres://app@db1,db2,db3/shop?rwsplit_max_lag=2s")
//
// The DSN is one of the wrapped driver's, with all members as its hosts; which of
// them is the primary is observed. Parameters that begin with rwsplit_ set the
// fields of [Config], and are taken out.
//
// A context may say more: whose session a statement belongs to (see package
// session), what consistency its reads need ([WithConsistency]), or that it must
// go to the primary ([OnPrimary], or a comment /* rwsplit: primary */ in the
// statement). Without any of it, every read sees all that this *sql.DB wrote
// before.
package splitter
