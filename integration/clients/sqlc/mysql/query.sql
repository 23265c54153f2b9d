-- name: CreateAccount :execlastid
INSERT INTO sqlc_accounts (owner, balance, note) VALUES (?, ?, ?);

-- name: GetAccount :one
SELECT * FROM sqlc_accounts WHERE id = ?;

-- name: LockAccount :one
SELECT balance FROM sqlc_accounts WHERE id = ? FOR UPDATE;

-- name: ListAccounts :many
SELECT * FROM sqlc_accounts WHERE owner = ? ORDER BY id;

-- name: AccountsByID :many
SELECT * FROM sqlc_accounts WHERE id IN (sqlc.slice(ids)) ORDER BY id;

-- name: TotalBalance :one
SELECT CAST(coalesce(sum(balance), 0) AS SIGNED) FROM sqlc_accounts WHERE owner = ?;

-- name: Deposit :execresult
UPDATE sqlc_accounts SET balance = balance + ? WHERE id = ?;

-- name: SetBalance :execrows
UPDATE sqlc_accounts SET balance = ? WHERE id = ?;

-- name: DeleteAccounts :exec
DELETE FROM sqlc_accounts WHERE owner = ?;
