#!/bin/bash
# Runs once, in a replica's /docker-entrypoint-initdb.d: it forgets what it wrote
# itself, and follows the primary from its beginning when it starts next.
set -euo pipefail

MYSQL_PWD=$MARIADB_ROOT_PASSWORD mariadb --protocol=socket --user=root <<SQL
RESET MASTER;
SET GLOBAL gtid_slave_pos = '';
CHANGE MASTER TO MASTER_HOST = 'mariadb-primary', MASTER_USER = 'replication', MASTER_PASSWORD = '$MARIADB_ROOT_PASSWORD',
  MASTER_USE_GTID = slave_pos, MASTER_CONNECT_RETRY = 1;
SQL
