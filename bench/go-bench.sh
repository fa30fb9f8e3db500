#!/bin/sh
# Runs the Go benchmarks of the HTTP handlers on ports in memory and compares
# them with the last recorded result; RECORD=1 records the new one.
set -eu
cd "$(dirname "$0")/.."
recorded=bench/results/go-bench.txt
mkdir -p "$(dirname "$recorded")"
new=$(mktemp)
trap 'rm -f "$new"' EXIT
trap 'exit 130' INT TERM HUP

go test -run '^$' -bench . -benchmem -count "${BENCH_COUNT:-6}" -benchtime "${BENCH_TIME:-0.5s}" ./adapters/httpapi | tee "$new"
if [ -f "$recorded" ]; then
	go -C bench tool benchstat "recorded=$PWD/$recorded" "new=$new"
fi
if [ -n "${RECORD:-}" ] || [ ! -f "$recorded" ]; then
	cp "$new" "$recorded"
	echo "recorded in $recorded"
fi
