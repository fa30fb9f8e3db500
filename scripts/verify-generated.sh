#!/bin/sh
# Fail when a command changes, adds or removes a file of the project, be it
# tracked or not. Usage: verify-generated.sh [-remember] COMMAND...
# Contents are compared, not git's status: so it also works with changes that
# are not committed yet. With -remember the command is not run where neither
# what is generated nor what it is made of has changed since it last passed.
set -eu
remembered=.cache/generated
remember=
if [ "$1" = -remember ]; then
	remember=yes
	shift
fi
before=$(mktemp)
after=$(mktemp)
trap 'rm -f "$before" "$after"' EXIT

# state [PATTERN...] is the contents of the project's files, or of some.
state() {
	git ls-files -z --cached --others --exclude-standard -- "$@" |
		xargs -0 sh -c 'for f; do [ -f "$f" ] && printf "%s\0" "$f"; done; :' sh |
		xargs -0 -r sha256sum | sort -u
}

# What is generated, and all that it is made of.
generated() {
	state openapi.yaml sqlc.yaml queries migrations receipt docs/vectors/form.json sdk internal/sdkanswers tools/go.mod Makefile scripts \
		internal/querytemplates adapters/postgres/expressions.go domain/response.go \
		'*.gen.go' '*/internal/dbsqlc/*' '*/oapi-codegen.yaml'
}

if [ -n "$remember" ] && [ -f "$remembered" ] && generated | cmp -s "$remembered" -; then
	echo 'generated files are as they were when they were last fresh'
	exit 0
fi
state >"$before"
"$@"
state >"$after"
if ! changed=$(diff "$before" "$after"); then
	printf '%s\n' "$changed" | sed -n 's/^[<>] [0-9a-f]*  //p' | sort -u >&2
	echo 'generated files were stale: commit what "make generate" made of them' >&2
	exit 1
fi
mkdir -p "$(dirname "$remembered")"
generated >"$remembered"
echo 'generated files are fresh'
