// Command testpg provides a Postgres server for tests: the one at TEST_DATABASE_URL, else
// one in a container, else one of its own, without Docker. If CI is set, it tries only the
// first two.
//
//	testpg COMMAND...            run COMMAND with TEST_DATABASE_URL set
//	testpg -migrated COMMAND...  the same, with DATABASE_URL set to a database
//	                             with every table and the queries' search_path
//	testpg                       print the server's URL and serve until
//	                             standard input ends
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"

	"lethe/adapters/embeddedpg"
	"lethe/internal/pgtest"
)

const (
	stopTimeout = 30 * time.Second
	// commandGrace is how long an interrupted command may take to end.
	commandGrace = 10 * time.Second
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == embeddedpg.HelperCommand {
		os.Exit(embeddedpg.RunHelper(os.Stdin, os.Stdout, os.Stderr))
	}
	if err := run(os.Args[1:]); err != nil {
		// The command has already printed what is wrong.
		var exit *exec.ExitError
		if errors.As(err, &exit) && exit.ExitCode() > 0 {
			os.Exit(exit.ExitCode())
		}
		fmt.Fprintln(os.Stderr, "testpg:", err)
		os.Exit(1)
	}
}

func run(args []string) (err error) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()

	migrated := len(args) > 0 && args[0] == "-migrated"
	if migrated {
		args = args[1:]
	}
	serverURL, stopServer, err := start(ctx)
	if err != nil {
		return err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
		defer cancel()
		err = errors.Join(err, stopServer(ctx))
	}()

	if len(args) == 0 {
		fmt.Println(serverURL)
		return untilInputEnds(ctx, os.Stdin)
	}
	env := append(os.Environ(), pgtest.URLVariable+"="+serverURL)
	if migrated {
		databaseURL, drop, err := migratedDatabase(ctx, serverURL)
		if err != nil {
			return err
		}
		defer drop()
		env = append(env, "DATABASE_URL="+databaseURL)
	}
	return runCommand(ctx, args, env)
}

func runCommand(ctx context.Context, args, env []string) error {
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Env = env
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	// The command's children must not outlive the server: neither a shell nor go test
	// passes on signals.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = commandGrace
	return cmd.Run()
}

// untilInputEnds returns when this program's parent is gone or done.
func untilInputEnds(ctx context.Context, input io.Reader) error {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = io.Copy(io.Discard, input)
	}()
	select {
	case <-ended:
	case <-ctx.Done():
	}
	return nil
}

func migratedDatabase(ctx context.Context, serverURL string) (string, func(), error) {
	server, err := pgtest.Connect(ctx, serverURL)
	if err != nil {
		return "", nil, err
	}
	db, err := server.Create(ctx, pgtest.Arsenal) // the content with the most tables
	if err != nil {
		server.Close()
		return "", nil, err
	}
	databaseURL, err := url.Parse(db.URL)
	if err != nil {
		return "", nil, errors.New("the test database's address is not a URL")
	}
	query := databaseURL.Query()
	query.Set("search_path", "fusillade,outlet,public,lethe")
	databaseURL.RawQuery = query.Encode()
	return databaseURL.String(), func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
		defer cancel()
		if err := server.Drop(ctx, db); err != nil {
			fmt.Fprintln(os.Stderr, "testpg:", err)
		}
		server.Close()
	}, nil
}
