#!/bin/bash
# Runs once, in a replica's /docker-entrypoint-initdb.d: it forgets what it wrote
# itself, and follows the primary from its beginning when it starts next.
set -euo pipefail

MYSQL_PWD=$MYSQL_ROOT_PASSWORD mysql --protocol=socket --user=root <<SQL
RESET BINARY LOGS AND GTIDS;
CHANGE REPLICATION SOURCE TO SOURCE_HOST = 'mysql-primary', SOURCE_USER = 'replication', SOURCE_PASSWORD = '$MYSQL_ROOT_PASSWORD',
  SOURCE_AUTO_POSITION = 1, SOURCE_CONNECT_RETRY = 1, GET_SOURCE_PUBLIC_KEY = 1;
SET PERSIST super_read_only = ON;
SQL
