#!/usr/bin/env bash
# Ask a service what its contract allows, and what it does not, and hold the
# answers against it.
#
#	contract.sh URL FOLDER [ARGUMENTS OF schemathesis run...]
#
# The key of who asks is in LETHE_TEST_KEY. FOLDER has the
# dictionaries that schemathesis.toml names: things that the service has.
# Without arguments, it only installs the fuzzer.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cache=$root/.cache/fuzz
python=$cache/python/bin/python

# Installs the pinned fuzzer, unless it is there already.
prepare() {
	local requirements=$root/test/fuzz/requirements.txt installed=$cache/python/installed
	mkdir -p "$cache"
	{ python3 --version && cat "$requirements"; } >"$cache/python.wanted"
	cmp -s "$cache/python.wanted" "$installed" && return
	rm -rf "$cache/python"
	python3 -m venv "$cache/python"
	"$python" -m pip install --quiet --disable-pip-version-check --requirement "$requirements" >&2
	cp "$cache/python.wanted" "$installed"
}

prepare
[ $# -ge 2 ] || exit 0
url=$1 folder=$2
shift 2
cp "$root/test/fuzz/schemathesis.toml" "$folder"
cd "$folder" # where it leaves its own files
export PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$root/test/fuzz SCHEMATHESIS_HOOKS=hooks
exec "$cache/python/bin/schemathesis" --no-color --config-file schemathesis.toml \
	run "$root/openapi.yaml" --url "$url" "$@"
