#!/usr/bin/env bash
# Test the SDKs against the real service. Usage: test.sh [go|typescript|python ...]
#
# LETHE_TEST_URL is the service, LETHE_TEST_ADMIN_KEY, LETHE_TEST_USER_KEY and
# LETHE_TEST_FORBIDDEN_KEY are its keys, and LETHE_TEST_LOG_KEY is the public key of
# its log. LETHE_TEST_DOWN_URL is a second service without a database, and
# LETHE_TEST_LIES_URL a gateway that lies. Without these variables, services with a
# database of their own are started for each language: the tests erase what those of
# another one would need.
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
	(cd sdk/python && "$python" -m mypy --no-error-summary --cache-dir "$cache/mypy" --package lethe_client)
	PYTHONDONTWRITEBYTECODE=1 "$python" -m pytest --quiet -p no:cacheprovider sdk/python/tests
}

if [ -z "${TEST_DATABASE_URL:-}" ]; then
	exec go run ./internal/pgtest/testpg sdk/test.sh "$@"
fi
if [ -z "${LETHE_TEST_URL:-}" ]; then
	go build -o "$cache/sdkserver" ./internal/sdkserver
	for language in "${languages[@]}"; do
		wanted=wanted_$language
		if installed "$language" "${!wanted}"; then
			"$cache/sdkserver" sdk/test.sh "$language"
		fi
	done
	exit
fi

for language in "${languages[@]}"; do
	wanted=wanted_$language
	if installed "$language" "${!wanted}"; then
		"prepare_$language"
		echo "sdk/$language"
		"test_$language"
		# Its programs come last because they erase what the tests need.
		echo "sdk/$language/README.md"
		sdk/test-readme.sh "$language"
	fi
done
