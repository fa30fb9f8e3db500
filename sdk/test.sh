#!/usr/bin/env bash
# Test the SDKs against the real service. Usage: test.sh [go|typescript|python ...]
#
# LETHE_TEST_URL is the service, LETHE_TEST_ADMIN_KEY, LETHE_TEST_USER_KEY and
# LETHE_TEST_FORBIDDEN_KEY are its keys, and LETHE_TEST_LOG_KEY is the public key of
# its log. LETHE_TEST_DOWN_URL is a second service without a database, and
# LETHE_TEST_LIES_URL a gateway that lies. Without these variables, services are
# built and started for the tests. The tests erase responses of the user.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
. sdk/common.sh

test_go() { go -C sdk/go test -count=1 ./...; }

test_typescript() { (cd sdk/typescript && npm test --silent); }

# Installed as a user would, so that the package itself is tested too.
test_python() {
	"$python" -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation \
		--no-index --force-reinstall ./sdk/python
	PYTHONDONTWRITEBYTECODE=1 "$python" -m pytest --quiet -p no:cacheprovider sdk/python/tests
}

if [ -z "${LETHE_TEST_URL:-}" ]; then
	go build -o "$cache/sdkserver" ./internal/sdkserver
	exec go run ./internal/pgtest/testpg "$cache/sdkserver" sdk/test.sh "$@"
fi

for language in "${languages[@]}"; do
	wanted=wanted_$language
	if installed "$language" "${!wanted}"; then
		"prepare_$language"
		echo "sdk/$language"
		"test_$language"
	fi
done
# The programs of the READMEs come last because they erase what the tests need. The
# languages wait for registries and the service in turn.
readmes=()
for language in "${languages[@]}"; do
	if "has_$language"; then
		echo "sdk/$language/README.md"
		sdk/test-readme.sh "$language" &
		readmes+=($!)
	fi
done
failed=0
for readme in "${readmes[@]}"; do
	wait "$readme" || failed=1
done
exit "$failed"
