package embeddedpg

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	embeddedpostgres "github.com/fergusstrange/embedded-postgres"
)

const (
	role     = "lethe"
	database = "lethe"
)

// stagingGrace is how long a helper that was told to stop waits for a cluster that is
// being made; it is below cancelGrace.
const stagingGrace = 30 * time.Second

// accessRules replace the library's rules, which send passwords in clear.
const accessRules = `# TYPE  DATABASE  USER  ADDRESS       METHOD
local   all       all                 scram-sha-256
host    all       all   127.0.0.1/32  scram-sha-256
host    all       all   ::1/128       scram-sha-256
`

// initialise makes the cluster with installed binaries.
func (h *helper) initialise(ctx context.Context, bin binaries) error {
	h.progress("Making the database folder %s ...", h.cluster())
	if err := h.stage(ctx, bin); err != nil {
		return err
	}
	return h.adopt()
}

// stage makes the library create a cluster with the database in the staging folder,
// fetching bin first if it is missing. So the cluster in its final place is always
// whole, and the library, which deletes what it cannot use, never sees it.
func (h *helper) stage(ctx context.Context, bin binaries) error {
	if err := os.RemoveAll(h.staging()); err != nil {
		return fmt.Errorf("%w: %w", ErrDataDir, err)
	}
	if err := os.Mkdir(h.staging(), 0o700); err != nil {
		return fmt.Errorf("%w: %w", ErrDataDir, err)
	}
	// The library leaves a log in the temporary folder for each start.
	if err := os.Setenv("TMPDIR", h.staging()); err != nil {
		return err
	}
	locale := "C"
	if runtime.GOOS == "linux" {
		locale = "C.UTF-8" // knows more letters than C, and sorts alike
	}
	for attempt := 1; ; attempt++ {
		err := h.stageOnce(ctx, bin, locale)
		if err == nil || attempt == 3 || ctx.Err() != nil {
			return err
		}
		switch text := err.Error(); {
		case strings.Contains(text, "invalid locale name"):
			locale = "C"
		case strings.Contains(text, "already listening on port"), strings.Contains(text, "could not create any TCP/IP sockets"):
		default:
			return err
		}
	}
}

func (h *helper) stageOnce(ctx context.Context, bin binaries, locale string) error {
	port, err := freePort()
	if err != nil {
		return err
	}
	data := filepath.Join(h.staging(), "cluster")
	pg := embeddedpostgres.NewDatabase(embeddedpostgres.DefaultConfig().
		Version(fetchedVersion).
		CachePath(h.set.CacheDir).
		BinariesPath(bin.path).
		RuntimePath(filepath.Join(h.staging(), "runtime")).
		DataPath(data).
		Username(role).Password(h.password).Database(database).
		Locale(locale).Encoding("UTF8").
		Port(uint32(port)).
		// Installed binaries would put their socket where only root may write.
		StartParameters(map[string]string{"unix_socket_directories": ""}).
		StartTimeout(30 * time.Second).
		Logger(io.Discard))

	result := make(chan error, 1)
	go func() {
		err := pg.Start()
		if err == nil {
			err = pg.Stop()
		}
		result <- err
	}()
	select {
	case err := <-result:
		return err
	case <-ctx.Done():
	}
	// The library cannot be interrupted. What it has started is not killed either: a
	// pg_ctl that is killed leaves a PostgreSQL that nobody can find yet. While it
	// fetches, there is nothing to wait for, and this process ends in the middle.
	if _, err := os.Stat(filepath.Join(bin.path, "bin", "pg_ctl")); err == nil {
		select {
		case <-result:
		case <-time.After(stagingGrace):
		}
	}
	return errors.Join(context.Cause(ctx), h.stopLeftOver(data))
}

// adopt moves the staged cluster to its place.
func (h *helper) adopt() error {
	staged := filepath.Join(h.staging(), "cluster")
	err := os.WriteFile(filepath.Join(staged, "pg_hba.conf"), []byte(accessRules), 0o600)
	if err == nil {
		err = os.Rename(staged, h.cluster())
	}
	if err == nil {
		err = syncFolder(h.set.DataDir)
	}
	if err == nil {
		err = os.RemoveAll(h.staging())
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrDataDir, err)
	}
	return nil
}

func syncFolder(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("no free loopback port: %w", err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().(*net.TCPAddr).Port, nil
}
