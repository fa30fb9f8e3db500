#!/usr/bin/env bash
# Follow a client's README in an empty folder next to a copy of the clients: install
# it and run both programs.
# Usage: test-readme.sh go|typescript|python
#
# Uses the service of sdk/test.sh. The first program erases what its key's owner can erase,
# the second everything of another person.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
language=$1

case $language in
go) fence=go suffix=go person=priya.raman ;;
typescript) fence=js suffix=mjs person=noah.adeyemi ;;
python) fence=python suffix=py person=li.wei ;;
esac

fail() {
	echo "sdk/$language/README.md: $*" >&2
	exit 1
}

work=$(mktemp -d)
# Modules fetched by Go are read-only.
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
mkdir "$work/lethe" "$work/mine"
# Without the development and test dependencies.
tar -C "$root" --exclude=node_modules --exclude=dist-test --exclude=__pycache__ -cf - sdk | tar -C "$work/lethe" -xf -

# The blocks go to numbered files, so that none is left out.
blocks=$(awk -v folder="$work" '
	/^```./ { file = folder "/block" ++n; printf "%s ", substr($0, 4); next }
	/^```$/ { file = ""; next }
	file    { print > file }' "$root/sdk/$language/README.md")
[ "$blocks" = "sh $fence sh $fence " ] ||
	fail "has the code blocks $blocks, want: sh $fence sh $fence"

# Values that a reader fills in: their key, the service's address, a person.
set_in() {
	local block=$work/block$1 from=$2 to=$3
	grep -qF "$from" "$block" || fail "block $1 does not contain $from"
	sed -i "s|$from|$to|" "$block"
}
set_in 1 sk-… sk-bob-platform
set_in 2 http://127.0.0.1:8080 "$LETHE_TEST_URL"
set_in 3 sk-… "$LETHE_TEST_ADMIN_KEY"
set_in 4 http://127.0.0.1:8080 "$LETHE_TEST_URL"
# Each client's README erases another person of the demo, so that all of them find something.
set_in 4 $person@example.com pam@example.test
[ "$(grep -c . "$work/block4")" -le 12 ] || fail 'the second program has more than 12 lines'
cp "$work/block2" "$work/mine/example.$suffix"
cp "$work/block4" "$work/mine/person.$suffix"

cd "$work/mine"
export GOWORK=off GOFLAGS=
# The versions used by all other tests.
export PIP_CONSTRAINT=$root/sdk/python/requirements.txt PIP_BUILD_CONSTRAINT=$root/sdk/python/requirements.txt
cat "$work/block1" "$work/block3" >"$work/commands"
bash -euo pipefail "$work/commands" >"$work/said" 2>&1 || {
	cat "$work/said" >&2
	fail 'a command failed'
}
for line in '^erased: [1-9]' '^c00004[0-9a-f-]* ' '^proven: [1-9]'; do
	grep -qE "$line" "$work/said" || {
		cat "$work/said" >&2
		fail "no line of the output matches $line"
	}
done

if [ "$language" = typescript ]; then
	# The README says that they are valid TypeScript.
	cp example.mjs example.mts
	cp person.mjs person.mts
	developed=$root/sdk/typescript/node_modules
	"$developed/.bin/tsc" --noEmit --strict --noUncheckedIndexedAccess --module NodeNext --target ES2022 \
		--typeRoots "$developed/@types" --types node example.mts person.mts || fail 'the programs are not valid TypeScript'
	# The package must work without a compiler and contain what is imported.
	npm pack --silent ../lethe/sdk/typescript >/dev/null
	tar -tzf ./*.tgz package/dist/index.js >/dev/null || fail 'npm pack leaves dist out'
fi
