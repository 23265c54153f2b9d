#!/bin/bash
# Has images of database servers here under the names of the official ones:
#
#   integration/images/build.sh mysql:9.7 postgres:17 postgres:18 mariadb:11.8
#
# An image that is here is left alone. Otherwise the official one is pulled, and
# where no registry can be reached a stand-in is built from Debian's packages:
# debootstrap makes the root of a suite, and the Dockerfile beside this script
# adds the server. A stand-in takes the official image's environment variables
# and /docker-entrypoint-initdb.d.
#
# Needs a Docker engine (docker.sh starts one); to build also root and apt-get.
# Exit status: 0 all are here, 1 one is not, and why is printed.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
log=$(mktemp)
work=$(mktemp -d)
trap 'rm -rf "$work" "$log"' EXIT

say() { printf 'build.sh: %s\n' "$*" >&2; }
fail() {
	say "$1"
	tail -n 20 "$log" | sed 's/^/    /' >&2
	exit 1
}

# suite IMAGE, packages IMAGE, folder IMAGE: where a stand-in comes from.
suite() {
	case $1 in
	mysql:9.* | postgres:18) echo sid ;;
	postgres:17 | mariadb:11.8) echo trixie ;;
	postgres:15 | mariadb:10.11) echo bookworm ;;
	*) return 1 ;;
	esac
}
packages() {
	case $1 in
	mysql:*) echo mysql-server-core mysql-client-core ;;
	mariadb:*) echo mariadb-server ;;
	postgres:*) echo "postgresql-${1#*:}" ;;
	esac
}
folder() {
	case $1 in
	postgres:*) echo postgres ;;
	*) echo mysql ;;
	esac
}

# mirror prints the archive that this machine's apt takes Debian's packages from.
mirror() {
	# shellcheck disable=SC2016 # they are apt's
	apt-get indextargets --format '$(ORIGIN) $(REPO_URI)' 'Created-By: Packages' |
		awk '$1 == "Debian" && $2 !~ /security/ { print $2; exit }'
}

# timed WHAT COMMAND…: runs it silently, and says how long it took.
timed() {
	local what=$1 began=$SECONDS
	shift
	timeout 1800 "$@" >"$log" 2>&1 </dev/null || fail "$what failed"
	say "$what: $((SECONDS - began)) s"
}

registry=yes
pull() {
	[ "$registry" = yes ] || return 1
	say "pulling $1"
	if timeout 600 docker pull --quiet "$1" >"$log" 2>&1 </dev/null; then
		return
	fi
	# An image that the registry does not have says nothing of the others.
	grep -qi 'manifest unknown\|not found' "$log" || registry=no
	say "it cannot be pulled: $(tail -n 1 "$log")"
	return 1
}

# Words of apt that the build needs: the archive's lists may be old, as those of
# a snapshot are, and the machine may have a proxy.
apt_configuration() {
	echo 'Acquire::Check-Valid-Until "false";'
	apt-config dump | grep -E '^Acquire::(http|https|ftp)::Proxy ' || true
}

base() {
	local name=rwsplit-debian:$1
	if docker image inspect "$name" >/dev/null 2>&1; then
		return
	fi
	[ "$(id -u)" = 0 ] || fail "only root can make the root of Debian $1 that a stand-in needs"
	command -v apt-get >/dev/null || fail "a stand-in is built from Debian's packages, and there is no apt-get"
	if ! command -v debootstrap >/dev/null; then
		say "installing debootstrap from Debian's packages"
		timed "apt-get update" apt-get -q update
		DEBIAN_FRONTEND=noninteractive timed "apt-get install debootstrap" \
			apt-get -q -o DPkg::Lock::Timeout=300 install -y --no-install-recommends debootstrap
	fi
	local archive
	archive=$(mirror)
	[ -n "$archive" ] || fail "apt has no archive of Debian's, so there is nothing to build from"
	# debootstrap has a script for each suite that it knows; all of Debian's are sid's.
	local script=()
	[ -e "/usr/share/debootstrap/scripts/$1" ] || script=(/usr/share/debootstrap/scripts/sid)
	timed "root of Debian $1" debootstrap --variant=minbase "$1" "$work/$1" "$archive" "${script[@]}"
	# debootstrap copies what is this machine's.
	rm -rf "$work/$1"/etc/{hostname,resolv.conf} "$work/$1"/var/log/bootstrap.log \
		"$work/$1"/var/cache/apt/archives/*.deb "$work/$1"/var/cache/apt/*.bin "$work/$1"/var/lib/apt/lists/*
	# shellcheck disable=SC2016 # they are the inner shell's
	timed "image $name" bash -c 'tar -C "$1" -c . | docker import - "$2"' import "$work/$1" "$name"
	rm -rf "${work:?}/$1"
}

stand_in() {
	local image=$1 from
	from=$(suite "$image") || fail "no suite of Debian has $image; there are mysql:9.7, postgres:15, 17 and 18, mariadb:10.11 and 11.8"
	base "$from"
	timed "$image from Debian $from" docker build --network=host --tag "$image" \
		--build-arg "BASE=rwsplit-debian:$from" \
		--build-arg "PACKAGES=$(packages "$image")" \
		--build-arg "APT=$(apt_configuration)" \
		"$here/$(folder "$image")"
	say "$image is a stand-in for the official image, made of Debian's packages"
	local server
	server=$(docker run --rm --entrypoint sh "$image" -c 'for s in mysqld mariadbd postgres; do if command -v $s >/dev/null; then exec $s --version; fi; done')
	case $server in
	*" ${image#*:}."*) ;;
	*) say "*** Debian $from has another version by now: $server" ;;
	esac
}

docker version --format '{{.Server.Version}}' >"$log" 2>&1 || fail "no Docker engine answers; integration/images/docker.sh starts one"

# Two at once would build the same twice.
exec 9>"${TMPDIR:-/tmp}/rwsplit-images.lock"
flock -w 1800 9 || fail "another build.sh holds ${TMPDIR:-/tmp}/rwsplit-images.lock for half an hour"

[ $# -gt 0 ] || set -- mysql:9.7 postgres:17 postgres:18 mariadb:11.8
began=$SECONDS
for image; do
	if docker image inspect "$image" >/dev/null 2>&1; then
		say "$image is here"
	elif ! pull "$image"; then
		stand_in "$image"
	fi
done
say "$# images in $((SECONDS - began)) s"
