#!/bin/bash
# Makes a database at the first start, as the official image does, and becomes
# the server: POSTGRES_PASSWORD, _USER, _DB, _INITDB_ARGS, _HOST_AUTH_METHOD and
# the scripts of /docker-entrypoint-initdb.d.
set -euo pipefail

case ${1:-} in
-* | '') set -- postgres "$@" ;;
esac
if [ "$1" != postgres ]; then
	exec "$@"
fi
if [ "$(id -u)" = 0 ]; then
	install -d -o postgres -g postgres -m 0700 "$PGDATA"
	install -d -o postgres -g postgres -m 2775 /var/run/postgresql
	exec gosu postgres "$0" "$@"
fi

if [ ! -s "$PGDATA/PG_VERSION" ]; then
	method=${POSTGRES_HOST_AUTH_METHOD:-scram-sha-256}
	if [ -z "${POSTGRES_PASSWORD:-}" ] && [ "$method" != trust ]; then
		echo "POSTGRES_PASSWORD is not set: give the superuser a password, as in docker run -e POSTGRES_PASSWORD=…" >&2
		exit 1
	fi
	export POSTGRES_USER=${POSTGRES_USER:-postgres}
	export POSTGRES_DB=${POSTGRES_DB:-$POSTGRES_USER} PGUSER=$POSTGRES_USER
	# Arguments are seen by everybody; a file of our own is not. The arguments
	# for initdb are meant to be split.
	# shellcheck disable=SC2086
	initdb --pgdata "$PGDATA" --username "$POSTGRES_USER" --pwfile <(printf '%s\n' "${POSTGRES_PASSWORD:-}") ${POSTGRES_INITDB_ARGS:-}
	echo "host all all all $method" >>"$PGDATA/pg_hba.conf"

	pg_ctl --pgdata "$PGDATA" --options "-c listen_addresses='' -p 5432" --wait start
	if [ "$POSTGRES_DB" != postgres ]; then
		createdb --maintenance-db postgres "$POSTGRES_DB"
	fi
	for file in /docker-entrypoint-initdb.d/*; do
		case $file in
		*.sh) if [ -x "$file" ]; then "$file"; else
			# shellcheck source=/dev/null
			. "$file"
		fi ;;
		*.sql) psql --no-psqlrc --set ON_ERROR_STOP=1 --dbname "$POSTGRES_DB" --file "$file" ;;
		*.sql.gz) gunzip -c "$file" | psql --no-psqlrc --set ON_ERROR_STOP=1 --dbname "$POSTGRES_DB" ;;
		esac
	done
	pg_ctl --pgdata "$PGDATA" --mode fast --wait stop
	unset PGUSER
fi
exec "$@"
