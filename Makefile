# The two commands that matter are "make demo" and "make test".

STATICCHECK = honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOVULNCHECK = golang.org/x/vuln/cmd/govulncheck@v1.9.0

# Tests of these packages start servers; they run one package after another, as
# two clusters at once are too much for two cores.
SERVER_PACKAGES = ./integration/... ./cmd/...
FAST_PACKAGES   = ./driver/... ./internal/... ./lag/... ./session/... ./splitter/...

# The servers that tests run against: one version of each kind with all there is,
# the others with the suite of package integration and fewer reads of sessions.
# One with a question mark is nobody's loss: its image is pulled, or not.
SERVERS       = postgres:15 mariadb:10.11 mysql:9.7
MORE_SERVERS  = postgres:17 postgres:18 mariadb:11.8
OPTIONAL      = mysql:8.4?
FEWER_READS   = 30000

ENGINE ?= postgres

.PHONY: help demo test test-fast test-servers test-clients test-differential suites lint vuln fuzz bench cc

help:
	@echo "make demo          a real primary and two replicas here, a load, a live page; Ctrl-C ends it"
	@echo "                   ENGINE=postgres (the default), mysql or mariadb"
	@echo "make test          all tests, with -race, against real servers of several versions"
	@echo "make test-fast     the tests that need no server"
	@echo "make test-clients  GORM, bun, ent, sqlx and other libraries over rwsplit"
	@echo "make suites        the wrapped drivers' own tests over rwsplit, compared with the plain drivers"
	@echo "make lint          gofmt, vet, staticcheck"
	@echo "make vuln          known vulnerabilities (needs the vulnerability database)"
	@echo "make fuzz          each fuzzer for FUZZTIME (default 1m)"
	@echo "make bench         what a routed read costs over a plain one"

demo:
	go run ./cmd/rwsplit demo -engine $(ENGINE)

test: lint test-fast test-differential suites test-clients test-servers

# The race detector of Go 1.26 gives up now and then where testing/synctest is in use,
# by a check of its own (golang/go#78156). That, and nothing else, is tried once more.
test-fast: cc
	@echo "go test -race $(FAST_PACKAGES)"; out=$$(mktemp); \
	go test -race $(FAST_PACKAGES) >$$out 2>&1; code=$$?; cat $$out; \
	if [ $$code != 0 ] && grep -q 'ThreadSanitizer: CHECK failed' $$out && ! grep -q -e '--- FAIL' -e 'DATA RACE' -e '^panic' $$out; then \
		echo "the race detector itself failed (golang/go#78156): once more"; \
		go test -race $(FAST_PACKAGES); code=$$?; fi; \
	rm -f $$out; exit $$code

# The classifier against PostgreSQL's own parser: a module of its own, so that
# users of the library do not carry the parser.
test-differential: cc
	cd internal/statement/differential && go test ./...

# What people use over database/sql: a module of its own, so that users of the
# library do not carry all of that.
test-clients: cc
	@go run ./integration/servers $(SERVERS)
	RWSPLIT_SERVERS="$$(go run ./integration/servers -list $(SERVERS))"; export RWSPLIT_SERVERS; \
		cd integration/clients && go test -race -count=1 -timeout 30m ./...

# What cannot be had here is said before, and in the last lines again.
test-servers: cc
	@go run ./integration/servers $(SERVERS) $(MORE_SERVERS) "$(OPTIONAL)"
	RWSPLIT_SERVERS="$$(go run ./integration/servers -list $(SERVERS))" \
		go test -race -count=1 -p 1 -timeout 30m $(SERVER_PACKAGES)
	@more="$$(go run ./integration/servers -list $(MORE_SERVERS) "$(OPTIONAL)")"; \
	if [ -n "$$more" ]; then set -x; \
		RWSPLIT_SERVERS="$$more" go test -race -count=1 -timeout 40m ./integration -session-reads $(FEWER_READS); fi
	@go run ./integration/servers $(SERVERS) $(MORE_SERVERS) "$(OPTIONAL)"

# The wrapped drivers' own tests, over rwsplit: a module of its own, for what they
# import. Says what differs from the plain drivers, which docs/compatibility.md has
# to list.
suites:
	@go run ./integration/servers $(SERVERS)
	cd integration/suites && go test . && go run . $(SERVERS)

lint: cc
	@unformatted=$$(gofmt -l .); if [ -n "$$unformatted" ]; then echo "gofmt: $$unformatted"; exit 1; fi
	go vet ./...
	go run $(STATICCHECK) ./...
	@set -ex; for m in integration/clients integration/suites internal/statement/differential; do \
		(cd $$m && go vet ./... && go run $(STATICCHECK) ./...); done

vuln:
	go run $(GOVULNCHECK) ./...

FUZZTIME ?= 1m
fuzz:
	@set -e; for p in $$(go list ./...); do \
		for f in $$(go test -list '^Fuzz' $$p | grep '^Fuzz' || true); do \
			echo "$$p $$f"; go test -run '^$$' -fuzz "^$$f\$$" -fuzztime $(FUZZTIME) $$p; \
		done; \
	done

bench:
	go test -run '^$$' -bench . -benchmem ./driver ./internal/statement ./lag ./session

# The race detector needs a C compiler.
cc:
	@command -v gcc >/dev/null || command -v clang >/dev/null || { \
		if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
			echo "installing gcc and libc6-dev from Debian's packages: the race detector needs a C compiler"; \
			apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends gcc libc6-dev; \
		else echo "no C compiler, which the race detector needs: install gcc"; exit 1; fi; }
