//go:build suites

package main

// What the compiled tests import, so that go.mod and go.sum have it.
import (
	_ "github.com/go-sql-driver/mysql"
	_ "github.com/jackc/pgx/v5/pgxpool"
	_ "github.com/stretchr/testify/assert"
	_ "github.com/stretchr/testify/require"

	_ "github.com/rwsplit/rwsplit/splitter"
)
