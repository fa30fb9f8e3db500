#!/bin/sh
# Remake the queries that are made of templates, and the code of all. Usage: generate-queries.sh TOOL-RUNNER...
# sqlc leaves the code of a removed query file where it is, so what it made
# before is removed first, once the queries are known to compile.
set -eu
run() { env "$@"; }
go run ./internal/querytemplates queries/*
run "$@" sqlc compile
find adapters -path '*/internal/dbsqlc/*.go' -exec rm -f {} +
run "$@" sqlc generate
