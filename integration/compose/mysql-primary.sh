#!/bin/bash
# Runs once, in the primary's /docker-entrypoint-initdb.d: users and the database,
# which its replicas get by replication. The password needs no quoting if it has no
# quote and no backslash.
set -euo pipefail

MYSQL_PWD=$MYSQL_ROOT_PASSWORD mysql --protocol=socket --user=root <<SQL
CREATE USER replication@'%' IDENTIFIED BY '$MYSQL_ROOT_PASSWORD';
GRANT REPLICATION SLAVE ON *.* TO replication@'%';
CREATE DATABASE shop;
CREATE USER app@'%' IDENTIFIED BY '$MYSQL_ROOT_PASSWORD';
GRANT ALL ON shop.* TO app@'%';
GRANT ALL ON \`rwsplit\\_demo\`.* TO app@'%';
GRANT REPLICATION CLIENT ON *.* TO app@'%'; -- to see why a replica is not used
SQL
