#!/bin/sh
# Compare the downloaded modules with go.sum. `go mod verify` fails for a module of
# this repository that is replaced by its folder, because its path has no dot.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
go mod edit -print -droprequire lethe/sdk/go -dropreplace lethe/sdk/go >"$folder/go.mod"
cp go.sum "$folder/go.sum"
GOFLAGS="${GOFLAGS:-} -modfile=$folder/go.mod" go mod verify
