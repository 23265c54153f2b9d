// Package differential holds the classifier against PostgreSQL's own parser and
// against TiDB's, which is one of MySQL's language: what it takes for a read
// must be one by the parse tree.
//
// pg_query_go needs cgo and about 80 s to compile on two cores; the WebAssembly
// build of the same parser takes longer to compile and six times longer to run.
package differential
