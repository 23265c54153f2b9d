// Package clienttest runs tests of programs that know nothing but database/sql
// on a primary with two replicas, opened through rwsplit. Each kind of server in
// RWSPLIT_SERVERS is started once, by the first test that wants it.
package clienttest
