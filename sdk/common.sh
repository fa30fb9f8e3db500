# Shared by generate.sh and test.sh, which source it with root set to the project's
# folder.

cache=$root/.cache/sdk
python=$cache/python/bin/python

# A language that is not installed is skipped, except in CI, which checks everything.
installed() {
	local language=$1 wanted=$2
	"has_$language" && return
	if [ "${CI:-}" = true ]; then
		echo "sdk/$language: $wanted is needed; install it" >&2
		exit 1
	fi
	echo "sdk/$language: skipped because $wanted is not installed" >&2
	return 1
}

has_go() { command -v go >/dev/null; }

has_typescript() {
	command -v npm >/dev/null && node -e '
		const [major, minor] = process.versions.node.split(".").map(Number)
		process.exit(major > 20 || (major === 20 && minor >= 19) ? 0 : 1)' 2>/dev/null
}

has_python() {
	python3 -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

wanted_go=Go
wanted_typescript='Node.js 20.19 or newer with npm'
wanted_python='Python 3.11 or newer with venv'

# The prepare functions install the pinned tools if they are missing.
prepare_go() { :; }

prepare_typescript() {
	local installed=$root/sdk/typescript/node_modules
	cmp -s "$root/sdk/typescript/package-lock.json" "$installed/.installed-lock" && return
	(cd "$root/sdk/typescript" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >&2)
	cp "$root/sdk/typescript/package-lock.json" "$installed/.installed-lock"
}

prepare_python() {
	local requirements=$root/sdk/python/requirements.txt installed=$cache/python/installed
	{ python3 --version && cat "$requirements"; } >"$cache/python.wanted"
	cmp -s "$cache/python.wanted" "$installed" && return
	rm -rf "$cache/python"
	python3 -m venv "$cache/python"
	"$python" -m pip install --quiet --disable-pip-version-check --requirement "$requirements" >&2
	cp "$cache/python.wanted" "$installed"
}

mkdir -p "$cache"
languages=(go typescript python)
if [ $# -gt 0 ]; then
	languages=("$@")
fi
for language in "${languages[@]}"; do
	case $language in
	go | typescript | python) ;;
	*)
		echo "sdk: unknown language $language: use go, typescript or python" >&2
		exit 2
		;;
	esac
done
