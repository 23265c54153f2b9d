// The differential test is a module of its own: users of the library do not
// carry PostgreSQL's parser.
module github.com/rwsplit/rwsplit/internal/statement/differential

go 1.25.0

require (
	github.com/pganalyze/pg_query_go/v6 v6.2.5
	github.com/rwsplit/rwsplit v0.0.0
	google.golang.org/protobuf v1.33.0
)

replace github.com/rwsplit/rwsplit => ../../..
