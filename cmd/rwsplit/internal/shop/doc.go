// Package shop is a small web shop that runs through rwsplit, on a schema of its
// own, and checks every answer that it gets.
//
// Its users browse, edit their profiles, fill carts, place orders and write
// reviews, each with a session of his own, which he at times carries as a token
// to a second process of the shop: another *sql.DB on the same DSN. A user knows
// what he wrote and what he saw, and compares the values that he reads with it.
// One that is older is a stale read, and is counted: the shop believes no
// position, lag or statistic, only what is in the rows.
//
// Beside the users there are an editor, who has no session and relies on what a
// context without one is promised, and an analyst, whose reads ask for less:
// what they may miss is measured in the same way, and counted apart.
package shop
