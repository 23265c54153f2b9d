-- name: CreateAccount :one
INSERT INTO sqlc_accounts (owner, balance, note) VALUES ($1, $2, $3) RETURNING *;

-- name: GetAccount :one
SELECT * FROM sqlc_accounts WHERE id = $1;

-- name: LockAccount :one
SELECT balance FROM sqlc_accounts WHERE id = $1 FOR UPDATE;

-- name: ListAccounts :many
SELECT * FROM sqlc_accounts WHERE owner = $1 ORDER BY id;

-- name: AccountsByID :many
SELECT * FROM sqlc_accounts WHERE id = ANY(sqlc.arg(ids)::bigint[]) ORDER BY id;

-- name: TotalBalance :one
WITH owned AS (SELECT balance FROM sqlc_accounts WHERE owner = $1)
SELECT coalesce(sum(balance), 0)::bigint FROM owned;

-- name: Deposit :one
UPDATE sqlc_accounts SET balance = balance + $1 WHERE id = $2 RETURNING balance;

-- name: SetBalance :execrows
UPDATE sqlc_accounts SET balance = $1 WHERE id = $2;

-- name: DeleteAccounts :exec
DELETE FROM sqlc_accounts WHERE owner = $1;
