#!/usr/bin/env bash
# Do what a client's README prints, in an empty folder beside a copy of the
# clients: install it, run both programs.
# Usage: test-readme.sh go|typescript|python
#
# The service is the one of sdk/test.sh. The first program erases all that an
# owner of the fixture has, the second a response of another owner.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
language=$1

case $language in
go) fence=go suffix=go owner=sk-bob-platform response=c0000400-0000-4000-8000-00000000004a ;;
typescript) fence=js suffix=mjs owner=sk-acme-alice-platform response=c0000400-0000-4000-8000-00000000004b ;;
python) fence=python suffix=py owner=sk-alice-platform response=c0000400-0000-4000-8000-00000000004c ;;
esac

fail() {
	echo "sdk/$language/README.md: $*" >&2
	exit 1
}

work=$(mktemp -d)
# Modules that Go has fetched are read-only.
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
mkdir "$work/lethe" "$work/mine"
# Without what was installed to develop and test them.
tar -C "$root" --exclude=node_modules --exclude=dist-test --exclude=__pycache__ -cf - sdk | tar -C "$work/lethe" -xf -

# The blocks go to files, numbered, so that none is left out.
blocks=$(awk -v folder="$work" '
	/^```./ { file = folder "/block" ++n; printf "%s ", substr($0, 4); next }
	/^```$/ { file = ""; next }
	file    { print > file }' "$root/sdk/$language/README.md")
[ "$blocks" = "sh $fence sh $fence " ] ||
	fail "has the blocks $blocks, and this runs: sh $fence sh $fence"

# What a reader puts in: their key, the service's address, a response.
set_in() {
	local block=$work/block$1 from=$2 to=$3
	grep -qF "$from" "$block" || fail "block $1 does not name $from"
	sed -i "s|$from|$to|" "$block"
}
set_in 1 sk-… "$owner"
set_in 2 http://127.0.0.1:8080 "$LETHE_TEST_URL"
set_in 3 sk-… "$LETHE_TEST_ADMIN_KEY"
set_in 3 c0000400-0000-4000-8000-00000000005a "$response"
set_in 4 http://127.0.0.1:8080 "$LETHE_TEST_URL"
cp "$work/block2" "$work/mine/example.$suffix"
cp "$work/block4" "$work/mine/proof.$suffix"

cd "$work/mine"
export GOWORK=off GOFLAGS=
# The versions that everything else is tested with.
export PIP_CONSTRAINT=$root/sdk/python/requirements.txt PIP_BUILD_CONSTRAINT=$root/sdk/python/requirements.txt
cat "$work/block1" "$work/block3" >"$work/commands"
bash -euo pipefail "$work/commands" >"$work/said" 2>&1 || {
	cat "$work/said" >&2
	fail 'a command fails'
}
for line in '^erased: [1-9]' '^proven: '; do
	grep -qE "$line" "$work/said" || {
		cat "$work/said" >&2
		fail "no line is like $line"
	}
done

if [ "$language" = typescript ]; then
	# They are said to be TypeScript, too.
	cp example.mjs example.mts
	cp proof.mjs proof.mts
	developed=$root/sdk/typescript/node_modules
	"$developed/.bin/tsc" --noEmit --strict --noUncheckedIndexedAccess --module NodeNext --target ES2022 \
		--typeRoots "$developed/@types" --types node example.mts proof.mts || fail 'is no TypeScript'
	# A package needs no compiler either, and has what is imported.
	npm pack --silent ../lethe/sdk/typescript >/dev/null
	tar -tzf ./*.tgz package/dist/index.js >/dev/null || fail 'npm pack leaves dist out'
fi
