package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/testcontainers/testcontainers-go"
	tclog "github.com/testcontainers/testcontainers-go/log"
	"github.com/testcontainers/testcontainers-go/modules/postgres"

	"lethe/adapters/embeddedpg"
	"lethe/internal/pgtest"
)

const (
	defaultImage = "postgres:17-alpine"
	// containerTimeout is for a registry that neither answers nor refuses.
	containerTimeout = 2 * time.Minute
	readyTimeout     = time.Minute
	pingTimeout      = 3 * time.Second
	pollInterval     = 100 * time.Millisecond
	logTail          = 2000 // bytes
)

type stopFunc func(context.Context) error

// start returns a server's URL and what stops it.
func start(ctx context.Context) (string, stopFunc, error) {
	if serverURL := os.Getenv(pgtest.URLVariable); serverURL != "" {
		return serverURL, func(context.Context) error { return nil }, nil
	}
	serverURL, stop, err := startContainer(ctx)
	if err == nil || ctx.Err() != nil {
		return serverURL, stop, err
	}
	if os.Getenv("CI") != "" {
		return "", nil, fmt.Errorf("start a Postgres container, which CI requires: %w", err)
	}
	fmt.Fprintf(os.Stderr, "testpg: no container (%v): starting Postgres without one\n", err)
	return startEmbedded(ctx)
}

func startContainer(ctx context.Context) (_ string, _ stopFunc, err error) {
	// testcontainers panics on some Docker installations that it cannot use.
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%v", r)
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, containerTimeout)
	defer cancel()

	image := os.Getenv("LETHE_TEST_POSTGRES_IMAGE")
	if image == "" {
		image = defaultImage
	}
	tclog.SetDefault(log.New(io.Discard, "", 0))
	container, err := postgres.Run(ctx, image,
		postgres.WithPassword(rand.Text()),
		testcontainers.WithTmpfs(map[string]string{"/var/lib/postgresql/data": "rw"}),
		testcontainers.WithCmdArgs("-c", "synchronous_commit=off", "-c", "full_page_writes=off", "-c", "max_connections=300"),
	)
	stop := func(ctx context.Context) error {
		if err := testcontainers.TerminateContainer(container, testcontainers.StopContext(ctx), testcontainers.StopTimeout(0)); err != nil {
			return fmt.Errorf("remove the Postgres container: %w", err)
		}
		return nil
	}
	var serverURL string
	if err == nil {
		serverURL, err = awaitContainer(ctx, container)
	}
	if err != nil {
		return "", nil, errors.Join(err, stop(context.WithoutCancel(ctx)))
	}
	return serverURL, stop, nil
}

// awaitContainer returns the URL at which the container answers. If this program runs in
// a container itself, testcontainers expects the daemon at the gateway's address, although
// one started next to this program is at the loopback address.
func awaitContainer(ctx context.Context, container *postgres.PostgresContainer) (string, error) {
	connString, err := container.ConnectionString(ctx, "sslmode=disable")
	if err != nil {
		return "", fmt.Errorf("find the container's port: %w", err)
	}
	mapped, err := url.Parse(connString)
	if err != nil {
		return "", errors.New("the container's address is not a URL")
	}
	loopback := *mapped
	loopback.Host = net.JoinHostPort("127.0.0.1", mapped.Port())

	waiting, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	for {
		for _, candidate := range []string{mapped.String(), loopback.String()} {
			if err = ping(waiting, candidate); err == nil {
				return candidate, nil
			}
		}
		select {
		case <-waiting.Done():
			return "", fmt.Errorf("the container's Postgres does not answer: %w\n%s", err, describe(context.WithoutCancel(ctx), container))
		case <-time.After(pollInterval):
		}
	}
}

// describe returns the container's state and the end of its log.
func describe(ctx context.Context, container testcontainers.Container) string {
	ctx, cancel := context.WithTimeout(ctx, pingTimeout)
	defer cancel()
	state, err := container.State(ctx)
	if err != nil {
		return fmt.Sprintf("its state is unknown: %v", err)
	}
	description := fmt.Sprintf("the container is %s, exit code %d", state.Status, state.ExitCode)
	logs, err := container.Logs(ctx)
	if err != nil {
		return description
	}
	defer func() { _ = logs.Close() }()
	printed, _ := io.ReadAll(logs)
	return description + "; its log ends with:\n" + string(printed[max(0, len(printed)-logTail):])
}

func ping(ctx context.Context, serverURL string) error {
	ctx, cancel := context.WithTimeout(ctx, pingTimeout)
	defer cancel()
	conn, err := pgx.Connect(ctx, serverURL)
	if err != nil {
		return err
	}
	return conn.Close(ctx)
}

func startEmbedded(ctx context.Context) (string, stopFunc, error) {
	// Under the temporary folder: if this is root, the user that runs Postgres cannot
	// enter root's home.
	base := filepath.Join(os.TempDir(), "lethe-testpg-"+strconv.Itoa(os.Getuid()))
	data := base + "-" + rand.Text()
	server, err := embeddedpg.Open(ctx, embeddedpg.Config{DataDir: data, CacheDir: base, Progress: os.Stderr})
	if err != nil {
		return "", nil, errors.Join(err, os.RemoveAll(data))
	}
	stop := func(ctx context.Context) error {
		return errors.Join(server.Stop(ctx), os.RemoveAll(data))
	}
	if err := forgoDurability(ctx, server.URL()); err != nil {
		return "", nil, errors.Join(err, stop(context.WithoutCancel(ctx)))
	}
	return server.URL(), stop, nil
}

// forgoDurability speeds up writing: a test's rows need not survive a crash.
func forgoDurability(ctx context.Context, serverURL string) error {
	conn, err := pgx.Connect(ctx, serverURL)
	if err != nil {
		return fmt.Errorf("connect to the embedded Postgres: %w", err)
	}
	defer func() { _ = conn.Close(ctx) }()
	for _, statement := range []string{
		"ALTER SYSTEM SET fsync = off",
		"ALTER SYSTEM SET synchronous_commit = off",
		"ALTER SYSTEM SET full_page_writes = off",
		"SELECT pg_reload_conf()",
	} {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return fmt.Errorf("set up the embedded Postgres: %w", err)
		}
	}
	return nil
}
