#!/bin/sh
# Print the share of statements that a coverage profile covers, without
# generated code, and fail when it is too low.
# Usage: coverage.sh PROFILE MINIMUM-PERCENT
set -eu
profile=$1
minimum=$2
generated=$(mktemp)
trap 'rm -f "$generated"' EXIT
find adapters domain -name '*.go' -exec grep -l '^// Code generated .* DO NOT EDIT\.$' {} + >"$generated" || :

# Every test binary writes its own count of every block: a block is covered
# when any of them ran it.
awk -v minimum="$minimum" -v generated="$generated" '
	BEGIN { while ((getline line < generated) > 0) skip["lethe/" line] = 1 }
	/^mode:/ { next }
	{
		file = $1; sub(/:.*/, "", file)
		if (file in skip) next
		statements[$1] = $2
		if ($3 > 0) covered[$1] = 1
	}
	END {
		for (block in statements) {
			file = block; sub(/:.*/, "", file)
			package = file; sub(/\/[^\/]*$/, "", package)
			all += statements[block]; total[package] += statements[block]
			if (block in covered) { hit += statements[block]; ran[package] += statements[block] }
		}
		if (all == 0) { print "coverage: the profile is empty"; exit 1 }
		for (package in total) printf "%6.1f %%  %s\n", 100 * ran[package] / total[package], package | "sort -k3"
		close("sort -k3")
		share = 100 * hit / all
		printf "coverage of domain and adapters: %.1f %% of %d statements\n", share, all
		if (share < minimum) { printf "coverage: under %s %%\n", minimum; exit 1 }
	}
' "$profile"
