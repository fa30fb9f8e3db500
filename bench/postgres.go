package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"lethe/adapters/embeddedpg"
)

// startPostgres returns the URL of a server, with a superuser's role, and a function
// that stops it: TEST_DATABASE_URL, else our own.
func startPostgres(ctx context.Context) (string, func() error, error) {
	if serverURL := os.Getenv("TEST_DATABASE_URL"); serverURL != "" {
		return serverURL, func() error { return nil }, nil
	}
	// In the temporary folder, because the user that Postgres runs as for root cannot
	// enter root's home.
	base := filepath.Join(os.TempDir(), "lethe-testpg-"+strconv.Itoa(os.Getuid()))
	data := base + "-" + rand.Text()
	remove := func() error { return os.RemoveAll(data) }
	embedded, err := embeddedpg.Open(ctx, embeddedpg.Config{DataDir: data, CacheDir: base, Progress: os.Stderr})
	if err != nil {
		return "", nil, errors.Join(err, remove())
	}
	restart, err := restartCommand(ctx, embedded.URL())
	stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	if err = errors.Join(err, embedded.Stop(stopping)); err != nil {
		return "", nil, errors.Join(err, remove())
	}
	server, err := startChild(restart, syscall.SIGINT)
	if err != nil {
		return "", nil, errors.Join(fmt.Errorf("start Postgres: %w", err), remove())
	}
	stop := func() error { return errors.Join(server.stop(), remove()) }
	if err := server.await(ctx, func() error {
		conn, err := pgx.Connect(ctx, embedded.URL())
		if err == nil {
			err = conn.Close(ctx)
		}
		return err
	}); err != nil {
		return "", nil, errors.Join(err, stop())
	}
	return embedded.URL(), stop, nil
}

// restartCommand runs the server at serverURL again, once it is stopped, with
// settings that fit a benchmark: the hot pages in its own memory, no flushing
// to a disk that would hide what the programs cost, and nothing that works in
// the background while one program is measured and not while the other is.
func restartCommand(ctx context.Context, serverURL string) (*exec.Cmd, error) {
	conn, err := pgx.Connect(ctx, serverURL)
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close(ctx) }()
	var programs, data string
	if err := conn.QueryRow(ctx, "SELECT setting, current_setting('data_directory') FROM pg_config WHERE name = 'BINDIR'").Scan(&programs, &data); err != nil {
		return nil, err
	}
	args := []string{"-D", data}
	for _, name := range []string{"listen_addresses", "unix_socket_directories", "unix_socket_permissions", "port"} {
		var value string
		if err := conn.QueryRow(ctx, "SELECT current_setting($1)", name).Scan(&value); err != nil {
			return nil, err
		}
		args = append(args, "-c", name+"="+value)
	}
	for _, setting := range []string{
		"shared_buffers=512MB", "max_connections=200", "fsync=off", "full_page_writes=off", "wal_level=minimal", "max_wal_senders=0",
		"max_wal_size=8GB", "checkpoint_timeout=1h", "autovacuum=off", "jit=off", "maintenance_work_mem=512MB", "timezone=UTC",
	} {
		args = append(args, "-c", setting)
	}
	info, err := os.Stat(data)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(filepath.Join(programs, "postgres"), args...)
	cmd.Dir = data
	// Errors go to the client.
	if cmd.Stderr, err = os.OpenFile(filepath.Join(filepath.Dir(data), "bench.log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600); err != nil {
		return nil, err
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{}
	if owner, ok := info.Sys().(*syscall.Stat_t); ok && int(owner.Uid) != os.Geteuid() {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: owner.Uid, Gid: owner.Gid}
	}
	return cmd, nil
}

// databaseURL is the server's URL with another database.
func databaseURL(serverURL, name string) (string, error) {
	parsed, err := url.Parse(serverURL)
	if err != nil || !strings.HasPrefix(parsed.Scheme, "postgres") {
		return "", errors.New("the server's address must look like postgres://USER:PASSWORD@HOST:PORT/DATABASE")
	}
	parsed.Path = "/" + name
	return parsed.String(), nil
}
