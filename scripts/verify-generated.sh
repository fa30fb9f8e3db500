#!/bin/sh
# Fail when a command changes, adds or removes a file of the project, be it
# tracked or not. Usage: verify-generated.sh COMMAND...
# Contents are compared, not git's status: so it also works with changes that
# are not committed yet.
set -eu
before=$(mktemp)
after=$(mktemp)
trap 'rm -f "$before" "$after"' EXIT

state() {
	git ls-files -z --cached --others --exclude-standard |
		xargs -0 sh -c 'for f; do [ -f "$f" ] && printf "%s\0" "$f"; done; :' sh |
		xargs -0 -r sha256sum | sort -u
}

state >"$before"
"$@"
state >"$after"
if ! changed=$(diff "$before" "$after"); then
	printf '%s\n' "$changed" | sed -n 's/^[<>] [0-9a-f]*  //p' | sort -u >&2
	echo 'generated files were stale: commit what "make generate" made of them' >&2
	exit 1
fi
echo 'generated files are fresh'
