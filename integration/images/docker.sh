#!/bin/bash
# Makes a Docker engine answer. If one does, nothing happens; else, as root on
# Debian and its kin, the engine is installed from the distribution's packages
# and started in the background, where it stays.
#
# Exit status: 0 an engine answers, 1 it does not and the reason is printed,
# 2 something is missing that only the user can give.
set -euo pipefail

socket=/var/run/docker.sock
log=/var/log/dockerd.log
patience=60 # seconds until dockerd answers

say() { printf 'docker.sh: %s\n' "$*" >&2; }
fail() { # STATUS MESSAGE
	say "$2"
	exit "$1"
}

# "docker version" asks the server, and fails with an engine that is down in
# every version; "docker info" does not in some.
answers() { timeout 10 docker version --format '{{.Server.Version}}' 2>&1; }

# is PIDFILE NAME: is the process of the pid file alive, and is it that program?
# One that was killed and that nobody has waited for has its name still.
is() {
	local pid
	pid=$(cat "$1" 2>/dev/null) && [ -n "$pid" ] && [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = "$2" ] &&
		! grep -q '^State:.*Z' "/proc/$pid/status" 2>/dev/null
}

# A pid file whose number another program has by now, after a reboot or a kill,
# would keep dockerd from starting.
drop_stale() {
	is "$1" "$2" || rm -f "$1"
}

install_engine() {
	command -v apt-get >/dev/null || fail 2 "no Docker engine answers, and there is no apt-get to install one: install Docker"
	local packages=(docker.io iptables) apt=(-qq -o DPkg::Lock::Timeout=300)
	local output
	output=$(apt-get "${apt[@]}" update 2>&1) || say "apt-get update failed, trying with the lists that are here: $output"
	# From Debian 13 on, the client is a package of its own.
	if ! command -v docker >/dev/null && apt-cache show docker-cli >/dev/null 2>&1; then
		packages+=(docker-cli)
	fi
	say "installing ${packages[*]} from the distribution's packages"
	output=$(DEBIAN_FRONTEND=noninteractive apt-get "${apt[@]}" install -y --no-install-recommends "${packages[@]}" 2>&1 </dev/null) ||
		fail 1 "apt-get install ${packages[*]} failed: $output"
	hash -r
}

start_engine() {
	if [ -d /run/systemd/system ]; then
		say "starting the service docker"
		systemctl start docker >&2 && return
		say "the service did not start; starting dockerd itself"
	fi
	if is /var/run/docker.pid dockerd; then
		say "dockerd runs (process $(cat /var/run/docker.pid)); waiting for it"
		return
	fi
	drop_stale /var/run/docker.pid dockerd
	drop_stale /var/run/docker/containerd/containerd.pid containerd
	say "starting dockerd, log $log"
	# A session of its own: neither the terminal's end nor its Ctrl-C reaches
	# it. It must not hold our lock.
	setsid dockerd --host "unix://$socket" >>"$log" 2>&1 </dev/null 9>&- &
}

main() {
	local version
	if command -v docker >/dev/null; then
		if version=$(answers); then
			say "Docker engine $version answers"
			return
		fi
		case $version in *"ermission denied"*)
			fail 2 "no leave to use the Docker engine's socket: run as root, or join the group docker" ;;
		esac
		# An engine of ours would not be the one that docker asks.
		if [ -n "${DOCKER_HOST:-}" ] && [ "$DOCKER_HOST" != "unix://$socket" ]; then
			fail 2 "no Docker engine answers at DOCKER_HOST: start it, or unset the variable"
		fi
	fi
	[ "$(id -u)" = 0 ] || fail 2 "no Docker engine answers, and only root can install and start one: run as root, or start Docker"

	# Two at once would start two engines.
	mkdir -p /var/lock
	exec 9>/var/lock/rwsplit-docker.lock
	flock -w 600 9 || fail 1 "another docker.sh holds /var/lock/rwsplit-docker.lock for ten minutes"

	if ! command -v dockerd >/dev/null || ! command -v docker >/dev/null; then
		install_engine
	fi
	answers >/dev/null || start_engine
	local began=$SECONDS
	until version=$(answers); do
		if ((SECONDS - began >= patience)); then
			say "no answer after $patience s: $version"
			if [ -s "$log" ]; then
				say "the end of $log:"
				tail -n 20 "$log" >&2
			fi
			exit 1
		fi
		sleep 0.5
	done
	say "Docker engine $version answers"
}

main "$@"
