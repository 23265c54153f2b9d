// Package ent is what ent generates of the schema.
package ent

//go:generate go tool ent generate --feature sql/upsert,sql/lock ./schema
