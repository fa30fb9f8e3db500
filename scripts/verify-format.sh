#!/bin/sh
# Fail when a Go file of the project is not as gofmt writes it.
set -eu
unformatted=$(git ls-files -z --cached --others --exclude-standard -- '*.go' |
	xargs -0 sh -c 'for f; do [ -f "$f" ] && printf "%s\0" "$f"; done; :' sh |
	xargs -0 -r gofmt -l)
if [ -n "$unformatted" ]; then
	printf '%s\n' "$unformatted" >&2
	echo 'not formatted: run gofmt -w on these files' >&2
	exit 1
fi
