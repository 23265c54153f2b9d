#!/bin/bash
# Runs once, in the primary's /docker-entrypoint-initdb.d: users, the database,
# a slot for each replica, and leave to replicate.
set -euo pipefail

psql --no-psqlrc --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres <<'SQL'
\getenv password POSTGRES_PASSWORD
CREATE ROLE app LOGIN PASSWORD :'password';
CREATE ROLE replicator LOGIN REPLICATION PASSWORD :'password';
CREATE DATABASE shop OWNER app;
SELECT pg_create_physical_replication_slot(name, true) FROM (VALUES ('replica1'), ('replica2')) AS replicas (name);
SQL

# The image's own line, "host all all all", does not cover replication.
echo 'host replication replicator all scram-sha-256' >>"$PGDATA/pg_hba.conf"
