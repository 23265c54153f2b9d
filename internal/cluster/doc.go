// Package cluster knows a database's members: which of them is the primary, how
// far the replicas are, which connections are open, and which member is to
// answer the next statement.
//
// What is known is published as an immutable [Snapshot]; [Pick] chooses from it
// without a lock. Each [Node] has a tracker that samples the server and a pool
// of connections. The package does not know what a statement is, nor any vendor:
// a [Server] connects and observes for it.
package cluster
