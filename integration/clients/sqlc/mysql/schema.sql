CREATE TABLE sqlc_accounts (
    id      bigint       NOT NULL AUTO_INCREMENT PRIMARY KEY,
    owner   varchar(100) NOT NULL,
    balance bigint       NOT NULL,
    note    varchar(100)
);
