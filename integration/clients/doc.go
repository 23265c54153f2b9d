// Package clients holds tests of client libraries over rwsplit, each against real
// servers of every kind that the library knows.
package clients
