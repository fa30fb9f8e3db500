#!/usr/bin/env bash
# Make a Docker image of Postgres out of Debian's packages and print its name,
# for machines that reach Debian's mirror but no image registry. It takes the
# settings POSTGRES_USER, POSTGRES_PASSWORD and POSTGRES_DB, and keeps its data
# in /var/lib/postgresql/data, as the official image does.
set -euo pipefail

script=$(readlink -f "${BASH_SOURCE[0]}")
image=lethe-test-postgres:$(sha256sum "$script" | cut -c1-12)
mirror=${DEBIAN_MIRROR:-} # empty: the one that debootstrap knows

if docker image inspect "$image" >/dev/null 2>&1; then
	echo "$image"
	exit 0
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root

if ! debootstrap --variant=minbase --include=postgresql-15 bookworm "$root" ${mirror:+"$mirror"} >"$work/log" 2>&1; then
	tail -n 20 "$work/log" >&2
	echo "debootstrap failed; set DEBIAN_MIRROR to a mirror that answers" >&2
	exit 1
fi

cat >"$root/usr/local/bin/entrypoint" <<'ENTRYPOINT'
#!/bin/sh
set -eu
data=/var/lib/postgresql/data
bin=/usr/lib/postgresql/15/bin
user=${POSTGRES_USER:-postgres}
database=${POSTGRES_DB:-$user}

install -d -o postgres -g postgres -m 700 "$data"
install -d -o postgres -g postgres /run/postgresql
as_postgres() { setpriv --reuid=postgres --regid=postgres --init-groups "$@"; }

if [ ! -s "$data/PG_VERSION" ]; then
	password=$(mktemp)
	printf '%s\n' "${POSTGRES_PASSWORD:?POSTGRES_PASSWORD must be set}" >"$password"
	chown postgres "$password"
	as_postgres "$bin/initdb" --pgdata="$data" --username="$user" --pwfile="$password" \
		--auth-local=trust --auth-host=scram-sha-256 --encoding=UTF8 --locale=C.UTF-8 --no-sync
	rm -f "$password"
	printf 'host all all all scram-sha-256\n' >>"$data/pg_hba.conf"
	if [ "$database" != postgres ]; then
		echo "CREATE DATABASE \"$database\";" |
			as_postgres "$bin/postgres" --single -D "$data" postgres >/dev/null
	fi
fi

[ "${1:-}" != postgres ] || shift
exec setpriv --reuid=postgres --regid=postgres --init-groups \
	"$bin/postgres" -D "$data" -c 'listen_addresses=*' "$@"
ENTRYPOINT
chmod 755 "$root/usr/local/bin/entrypoint"

# The compiler behind JIT is a third of the whole, and packages and manuals
# are of no use in a test.
tar -C "$root" --create \
	--exclude='./usr/lib/x86_64-linux-gnu/libLLVM*' --exclude='./usr/lib/llvm*' \
	--exclude='./var/cache/apt/*' --exclude='./var/lib/apt/lists/*' \
	--exclude='./usr/share/doc/*' --exclude='./usr/share/man/*' --exclude='./usr/share/locale/*' \
	. | docker import \
	--change 'ENTRYPOINT ["/usr/local/bin/entrypoint"]' \
	--change 'CMD ["postgres"]' \
	--change 'EXPOSE 5432' \
	- "$image" >/dev/null
echo "$image"
