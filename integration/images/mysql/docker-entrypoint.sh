#!/bin/bash
# Makes a database at the first start, as the official images do, and becomes the
# server: MYSQL_ROOT_PASSWORD, MYSQL_DATABASE, MYSQL_USER, MYSQL_PASSWORD (or the
# same with MARIADB_) and the scripts of /docker-entrypoint-initdb.d.
set -euo pipefail

if command -v mariadbd >/dev/null; then
	server=mariadbd client=mariadb admin=mariadb-admin
else
	server=mysqld client=mysql admin=mysqladmin
fi
case ${1:-} in
-* | '') set -- "$server" "$@" ;;
mysqld | mariadbd) shift && set -- "$server" "$@" ;;
*) exec "$@" ;;
esac
if [ "$(id -u)" = 0 ]; then
	chown mysql:mysql /var/lib/mysql /var/run/mysqld
	exec gosu mysql "$0" "$@"
fi

# setting NAME: the variable of either image.
setting() {
	local mysql=MYSQL_$1 mariadb=MARIADB_$1
	printf %s "${!mariadb:-${!mysql:-}}"
}

# quoted TEXT: as a string of SQL.
quoted() { printf "'%s'" "$(printf %s "$1" | sed "s/[\\\\']/\\\\&/g")"; }

sql() { "$client" --no-defaults --protocol=socket --socket=/var/run/mysqld/mysqld.sock --user=root "$@"; }

if [ ! -d /var/lib/mysql/mysql ]; then
	password=$(setting ROOT_PASSWORD)
	if [ -z "$password" ] && [ -z "$(setting ALLOW_EMPTY_PASSWORD)$(setting ALLOW_EMPTY_ROOT_PASSWORD)" ]; then
		echo "the root password is not set: give one, as in docker run -e ${client^^}_ROOT_PASSWORD=…" >&2
		exit 1
	fi
	if [ "$server" = mariadbd ]; then
		mariadb-install-db --datadir=/var/lib/mysql --skip-test-db --auth-root-authentication-method=normal >/dev/null
	else
		mysqld --initialize-insecure --datadir=/var/lib/mysql
	fi
	"$@" --skip-networking --socket=/var/run/mysqld/mysqld.sock &
	running=$!
	for _ in $(seq 300); do
		sql --execute 'SELECT 1' >/dev/null 2>&1 && break
		kill -0 "$running" 2>/dev/null || exit 1
		sleep 0.2
	done
	# MariaDB comes with more roots, and users without names.
	strangers=
	if [ "$server" = mariadbd ]; then
		strangers="DELETE FROM mysql.global_priv WHERE User = '' OR User = 'root' AND Host <> 'localhost'; FLUSH PRIVILEGES;"
	fi
	# What is this server's own is not for its replicas.
	sql <<-SQL
		SET SESSION sql_log_bin = 0;
		$strangers
		ALTER USER root@localhost IDENTIFIED BY $(quoted "$password");
		CREATE USER root@'%' IDENTIFIED BY $(quoted "$password");
		GRANT ALL ON *.* TO root@'%' WITH GRANT OPTION;
	SQL
	export MYSQL_PWD=$password
	database=$(setting DATABASE) user=$(setting USER)
	if [ -n "$database" ]; then
		sql --execute "CREATE DATABASE IF NOT EXISTS \`$database\`"
	fi
	if [ -n "$user" ]; then
		sql --execute "CREATE USER $(quoted "$user")@'%' IDENTIFIED BY $(quoted "$(setting PASSWORD)")"
		if [ -n "$database" ]; then
			sql --execute "GRANT ALL ON \`$database\`.* TO $(quoted "$user")@'%'"
		fi
	fi
	for file in /docker-entrypoint-initdb.d/*; do
		case $file in
		*.sh) if [ -x "$file" ]; then "$file"; else
			# shellcheck source=/dev/null
			. "$file"
		fi ;;
		*.sql) sql ${database:+"--database=$database"} <"$file" ;;
		*.sql.gz) gunzip -c "$file" | sql ${database:+"--database=$database"} ;;
		esac
	done
	"$admin" --no-defaults --socket=/var/run/mysqld/mysqld.sock --user=root shutdown
	wait "$running" || true
	unset MYSQL_PWD
fi
exec "$@"
