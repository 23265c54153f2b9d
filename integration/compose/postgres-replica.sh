#!/bin/bash
# The entry point of a replica: at its first start it copies the primary, then
# it goes on as the image does. The host's name is also the name of the slot.
set -euo pipefail

if [ ! -s "$PGDATA/PG_VERSION" ]; then
	install -d -m 0700 -o postgres -g postgres "$PGDATA"
	# --write-recovery-conf makes it a standby and records the connection,
	# the password too.
	PGPASSWORD=$POSTGRES_PASSWORD gosu postgres pg_basebackup \
		--dbname "host=primary user=replicator application_name=$HOSTNAME" \
		--pgdata "$PGDATA" --slot "$HOSTNAME" --wal-method stream --checkpoint fast \
		--write-recovery-conf --no-password
fi
exec docker-entrypoint.sh "$@"
