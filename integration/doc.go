// Package integration holds the tests that run against real servers with real
// replication: each promise of the README is one of them. Package fixture starts
// the servers.
package integration
