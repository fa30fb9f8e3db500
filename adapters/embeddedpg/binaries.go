package embeddedpg

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"

	embeddedpostgres "github.com/fergusstrange/embedded-postgres"
)

const (
	// fetchedVersion is fetched if no binaries are given.
	fetchedVersion = embeddedpostgres.V17
	fetchedMajor   = 17
	// oldestMajor is the oldest PostgreSQL that the service supports.
	oldestMajor = 15
)

// binaries is a PostgreSQL to run: the programs are in path/bin.
type binaries struct {
	path    string
	version string
	major   int
}

// clusterMajor returns the major version that wrote the cluster, 0 if there is none
// yet.
func clusterMajor(dataDir, cluster string) (int, error) {
	if _, err := os.Stat(filepath.Join(dataDir, "PG_VERSION")); err == nil {
		return 0, fmt.Errorf("%w: %s is a PostgreSQL data directory itself: choose a folder of its own", ErrDataDir, dataDir)
	}
	b, err := os.ReadFile(filepath.Join(cluster, "PG_VERSION"))
	if errors.Is(err, fs.ErrNotExist) {
		// Our clusters appear whole; one without a version is someone else's.
		if _, err := os.Lstat(cluster); errors.Is(err, fs.ErrNotExist) {
			return 0, nil
		}
		return 0, fmt.Errorf("%w: %s is not a PostgreSQL data directory: move it away", ErrDataDir, cluster)
	}
	if err != nil {
		return 0, fmt.Errorf("%w: %w", ErrDataDir, err)
	}
	text, _, _ := strings.Cut(strings.TrimSpace(string(b)), ".")
	major, err := strconv.Atoi(text)
	if err != nil || major <= 0 {
		return 0, fmt.Errorf("%w: %s/PG_VERSION contains no version: restore the folder from a backup, or move it away", ErrDataDir, cluster)
	}
	return major, nil
}

func mismatch(cluster string, data int, have string) error {
	return fmt.Errorf("%w: %s was written by PostgreSQL %d and cannot be opened by %s; nothing has been changed. "+
		"Install PostgreSQL %d to keep using it, or dump it with that version and load the dump here, or move the folder away to start with an empty database",
		ErrVersionMismatch, cluster, data, have, data)
}

// prepare returns binaries that suit the cluster, of version major; if major is 0, it
// makes a cluster.
func (h *helper) prepare(ctx context.Context, major int) (binaries, error) {
	if h.set.BinariesPath != "" {
		bin, err := inspect(ctx, h.set.BinariesPath)
		switch {
		case err != nil:
			return bin, err
		case bin.major < oldestMajor:
			return bin, fmt.Errorf("%w: %s is PostgreSQL %s, but %d or newer is required", ErrNoBinaries, bin.path, bin.version, oldestMajor)
		case major != 0 && major != bin.major:
			return bin, mismatch(h.cluster(), major, "PostgreSQL "+bin.version+" from "+bin.path)
		case major == 0:
			err = h.initialise(ctx, bin)
		}
		return bin, err
	}

	var fetchErr error
	if major == 0 || major == fetchedMajor {
		bin, err := h.fetch(ctx, major == 0)
		if err == nil || ctx.Err() != nil {
			return bin, err
		}
		fetchErr = err
	}
	for _, bin := range installed(ctx) {
		if major != 0 && bin.major != major {
			continue
		}
		if fetchErr != nil {
			h.progress("PostgreSQL %s cannot be used (%s); using %s from %s", shortVersion(), fetchErr, bin.version, bin.path)
		}
		if major == 0 {
			return bin, h.initialise(ctx, bin)
		}
		return bin, nil
	}
	if fetchErr != nil {
		return binaries{}, fmt.Errorf("%w: PostgreSQL %s cannot be used (%w), and none of version %d or newer is installed: "+
			"install one (on Debian: apt-get install postgresql), or give a database URL", ErrNoBinaries, shortVersion(), fetchErr, oldestMajor)
	}
	return binaries{}, mismatch(h.cluster(), major, "PostgreSQL "+shortVersion())
}

// shortVersion is the fetched version as PostgreSQL writes it: two numbers.
func shortVersion() string { return strings.TrimSuffix(string(fetchedVersion), ".0") }

// fetch returns the fetched binaries, fetching them if they are not cached, and makes a
// cluster with them if makeCluster is set.
func (h *helper) fetch(ctx context.Context, makeCluster bool) (binaries, error) {
	bin := binaries{
		path:    filepath.Join(h.set.CacheDir, fmt.Sprintf("postgresql-%s-%s-%s", shortVersion(), runtime.GOOS, runtime.GOARCH)),
		version: shortVersion(),
		major:   fetchedMajor,
	}
	// Unpacking is not atomic: binaries are complete once they have run.
	complete := filepath.Join(bin.path, "complete")
	cached := func() bool { _, err := os.Stat(complete); return err == nil }
	if !cached() {
		if err := os.MkdirAll(h.set.CacheDir, 0o755); err != nil {
			return bin, err
		}
		unlock, err := waitLock(ctx, filepath.Join(h.set.CacheDir, "lock"))
		if err != nil {
			return bin, err
		}
		defer unlock()
	}
	switch {
	case cached() && !makeCluster:
		return bin, nil
	case cached():
		return bin, h.initialise(ctx, bin)
	}
	if err := os.RemoveAll(bin.path); err != nil {
		return bin, err
	}
	leftovers, _ := filepath.Glob(filepath.Join(h.set.CacheDir, "temp_*"))
	for _, path := range leftovers {
		_ = os.RemoveAll(path)
	}
	h.progress("Fetching PostgreSQL %s, once, to %s ...", bin.version, h.set.CacheDir)
	if err := h.stage(ctx, bin); err != nil {
		return bin, err
	}
	if err := os.WriteFile(complete, nil, 0o644); err != nil {
		return bin, err
	}
	if makeCluster {
		return bin, h.adopt()
	}
	return bin, os.RemoveAll(h.staging())
}

// waitLock takes the lock on path as soon as it is free.
func waitLock(ctx context.Context, path string) (func(), error) {
	for {
		unlock, err := lock(path)
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return unlock, err
		}
		if err := pause(ctx); err != nil {
			return nil, err
		}
	}
}

var versionOutput = regexp.MustCompile(`^postgres \(PostgreSQL\) ((\d+)\S*)`)

// inspect examines the PostgreSQL in path, which may also be the bin folder itself.
func inspect(ctx context.Context, path string) (binaries, error) {
	if _, err := os.Stat(filepath.Join(path, "bin")); err != nil && filepath.Base(path) == "bin" {
		path = filepath.Dir(path)
	}
	for _, name := range []string{"initdb", "pg_ctl", "postgres"} {
		if _, err := os.Stat(filepath.Join(path, "bin", name)); err != nil {
			return binaries{}, fmt.Errorf("%w: %w: give a folder with a whole PostgreSQL server, such as /usr/lib/postgresql/17", ErrNoBinaries, err)
		}
	}
	out, err := exec.CommandContext(ctx, filepath.Join(path, "bin", "postgres"), "--version").Output()
	if err != nil {
		return binaries{}, fmt.Errorf("%w: %s/bin/postgres cannot be run: %w", ErrNoBinaries, path, err)
	}
	m := versionOutput.FindStringSubmatch(string(out))
	if m == nil {
		return binaries{}, fmt.Errorf("%w: %s/bin/postgres does not report its version", ErrNoBinaries, path)
	}
	major, err := strconv.Atoi(m[2])
	return binaries{path: path, version: m[1], major: major}, err
}

// installed lists the usable installed servers, newest first.
func installed(ctx context.Context) []binaries {
	folders, _ := filepath.Glob("/usr/lib/postgresql/*/bin")
	if out, err := exec.CommandContext(ctx, "pg_config", "--bindir").Output(); err == nil {
		folders = append(folders, strings.TrimSpace(string(out)))
	}
	for _, dir := range filepath.SplitList(os.Getenv("PATH")) {
		// A link in /usr/local/bin leads to the folder with its siblings.
		if real, err := filepath.EvalSymlinks(filepath.Join(dir, "postgres")); err == nil {
			folders = append(folders, filepath.Dir(real))
		}
	}
	slices.Sort(folders)
	var found []binaries
	for _, dir := range slices.Compact(folders) {
		if bin, err := inspect(ctx, dir); err == nil && bin.major >= oldestMajor {
			found = append(found, bin)
		}
	}
	slices.SortStableFunc(found, func(a, b binaries) int { return cmp.Compare(b.major, a.major) })
	return found
}
