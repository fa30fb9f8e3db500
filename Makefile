# Lethe. Only Go and make are needed; `make help` lists the targets.

SHELL := /bin/sh
.DEFAULT_GOAL := help

VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS := -s -w -X lethe/app/boot.version=$(VERSION)

# Generators and linters are pinned in a module of their own. None of them
# needs cgo, and without it sqlc builds in seconds.
TOOL := CGO_ENABLED=0 go tool -modfile=tools/go.mod

# The race detector needs a C compiler.
CC_FOUND := $(shell command -v $$(go env CC) 2>/dev/null)
RACE := $(if $(CC_FOUND),-race)

# A variable, because make runs recipes that contain $(MAKE) even with
# --dry-run, which would then report stale code as fresh.
GENERATE := $(MAKE) generate

# One PostgreSQL for a whole command: TEST_DATABASE_URL, else a container, else
# one that is fetched and started without Docker. Built first, because `go run`
# does not forward signals.
WITH_POSTGRES := bin/testpg

.PHONY: bin/testpg
bin/testpg:
	@go build -o $@ ./internal/pgtest/testpg

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: ## build bin/lethe, one static binary
	CGO_ENABLED=0 go build -buildvcs=auto -trimpath -ldflags '$(LDFLAGS)' -o bin/lethe ./cmd/lethe

.PHONY: run
run: build ## start the demo on an embedded database (ARGS='--help' lists its flags)
	@exec bin/lethe demo $(ARGS)

.PHONY: generate
generate: ## regenerate code: server, queries, SDKs
	$(TOOL) oapi-codegen -config adapters/httpapi/oapi-codegen.yaml openapi.yaml
	scripts/generate-queries.sh $(TOOL)
	sdk/generate.sh

.PHONY: verify
verify: verify-format verify-modules verify-generated lint verify-queries vulnerabilities ## check everything except the tests

.PHONY: verify-format
verify-format:
	@scripts/verify-format.sh

.PHONY: verify-modules
verify-modules:
	@scripts/verify-modules.sh
	go mod tidy -diff
	go -C tools mod tidy -diff
	go -C bench mod tidy -diff
	go -C sdk/go mod tidy -diff

.PHONY: verify-generated
verify-generated:
	@scripts/verify-generated.sh $(GENERATE)

.PHONY: bin/lint
bin/lint:
	@CGO_ENABLED=0 go build -C tools -o ../bin/lint ./lint

.PHONY: lint
lint: bin/lint ## go vet, staticcheck and the analyzers of tools/lint
	go vet ./...
	go -C bench vet ./...
	go -C sdk/go vet ./...
	$(TOOL) staticcheck ./...
	bin/lint -test=false ./...

.PHONY: verify-queries
verify-queries: bin/testpg
	$(WITH_POSTGRES) -migrated env $(TOOL) sqlc vet

.PHONY: vulnerabilities
vulnerabilities:
	@scripts/vulnerabilities.sh $(TOOL) govulncheck ./...

# Runs go test and shows its progress.
.PHONY: bin/testrun
bin/testrun:
	@go -C tools build -o ../bin/testrun ./testrun

# `make check` leaves out the race detector and these slow packages and tests.
CHECKED = $(shell go list ./... | grep -v -e /test/e2e -e /test/fuzz -e /test/mutation -e /test/plans -e /embeddedpg -e /app/demo)
UNCHECKED := ^(TestReceiptsRevealNothing|TestLargeLists|TestKilledSealers)$$

.PHONY: check
check: bin/testpg bin/testrun verify-format ## run all day: format, vet, generated code, and all quick tests
	@scripts/verify-generated.sh -remember $(GENERATE)
	go vet ./...
	@$(WITH_POSTGRES) bin/testrun -usual 2m -- -skip '$(UNCHECKED)' $(CHECKED)

.PHONY: test
test: bin/testpg bin/testrun ## run every test (with the race detector where there is a C compiler)
	$(if $(RACE),,@echo 'no C compiler found: testing without the race detector')
	@PATH=$$PATH:/usr/sbin command -v pgbouncer >/dev/null || [ -n "$$CI" ] || echo 'no pgbouncer found: skipping the tests that need it'
	@command -v promtool >/dev/null || [ -n "$$CI" ] || echo 'no promtool found: skipping the tests of alerts'
	@$(WITH_POSTGRES) bin/testrun -usual 6m -also sdk/test.sh -- -timeout 30m $(RACE) ./...

# The short forms of these run with the other tests.
.PHONY: endure
endure: bin/testpg ## run the long tests of kills, holds, ended sessions and large owners (about an hour)
	LETHE_TEST_KILLS=200 LETHE_TEST_HOLD_ROUNDS=60 LETHE_TEST_ENDED_SESSIONS=3000 LETHE_TEST_OWNER_RESPONSES=250000 \
		$(WITH_POSTGRES) go test -count=1 -timeout 3h -v -run 'Killed|HoldsAndErasures|EndedSessions|LargeOwner' ./adapters/postgres/fusillade ./test/e2e

# A part of it, with a fixed seed, runs with the other tests.
.PHONY: fuzz
fuzz: bin/testpg ## send about 100,000 valid, invalid and malformed requests (FUZZ_SECONDS, FUZZ_SEED)
	LETHE_TEST_FUZZ_SECONDS=$(or $(FUZZ_SECONDS),900) LETHE_TEST_RAW_REQUESTS=90000 LETHE_TEST_FUZZ_SEED=$(or $(FUZZ_SEED),1) \
		$(WITH_POSTGRES) go test -count=1 -timeout 3h -v ./test/fuzz

# A short form, with looser limits, runs with the other tests.
.PHONY: attacks
attacks: bin/testpg ## measure what honest callers experience while others attack the service: rates, holds, readiness, memory (ATTACK_SECONDS)
	LETHE_TEST_ATTACK_SECONDS=$(or $(ATTACK_SECONDS),10) \
		$(WITH_POSTGRES) go test -count=1 -timeout 1h -v -run TestBesideAttacks ./test/e2e

.PHONY: cover
cover: bin/testpg ## measure the coverage of domain and adapters; fails below 90 %
	$(WITH_POSTGRES) go test -coverpkg=./domain/...,./adapters/... -coverprofile=coverage.out ./...
	@scripts/coverage.sh coverage.out 90

# The load generator, the plot and benchstat have their own module, so that the
# service does not depend on their libraries.
.PHONY: bin/bench
bin/bench:
	@go build -C bench -o ../bin/floor ./floor
	@go build -C bench -o ../bin/bench .

.PHONY: bench
bench: build bin/bench ## compare the service with the smallest program that answers the same calls (BENCH_ROWS, BENCH_BATCH_ROWS, BENCH_USERS, BENCH_ROUNDS, BENCH_SECONDS)
	@exec bin/bench

.PHONY: soak
soak: build bin/bench ## run mixed load for minutes; fails on any error or growth (BENCH_ROWS, BENCH_BATCH_ROWS, BENCH_USERS, SOAK_MINUTES)
	@exec bin/bench -soak

.PHONY: bench-exports
bench-exports: build bin/bench ## measure exports: responses a second, memory, and the rate of lists beside one (BENCH_ROWS)
	@exec bin/bench -exports

.PHONY: bench-go
bench-go: ## compare the path from use case to JSON with the last recorded result (RECORD=1 records a new one)
	@bench/go-bench.sh

.PHONY: screenshots
screenshots: ## make docs/images anew from a running demo (HOST, KEY, PERSON; needs Chromium, unzip and playwright-core)
	@node scripts/screenshots.mjs
