// Command suites runs the wrapped drivers' own tests over rwsplit, and compares.
//
// The tests of pgx/v5/stdlib and of go-sql-driver/mysql come from the module
// cache. They run twice against the same servers: as they are, with the plain
// driver, on the primary; and over rwsplit, on the primary and two replicas. For
// that a copy of them is changed in a few places (see suites.go), each of which
// has to be found, and gets the files of testdata/overlay. Nothing of the vendors
// is kept here.
//
// Each test that passes with the plain driver has to pass over rwsplit, or to be
// in the list of docs/compatibility.md, with the reason; and what is in that list
// has to differ. Otherwise the exit status is 1.
//
//	cd integration/suites && go run . postgres:15 mysql mariadb
//
// A test that fails over rwsplit and is not in the list runs up to twice more,
// alone; that it then passed is said.
package main
