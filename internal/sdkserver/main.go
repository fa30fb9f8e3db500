// Command sdkserver runs a command while two services run: one with the contract's
// fixture, and one whose database cannot be reached.
//
//	sdkserver COMMAND...
//
// It needs TEST_DATABASE_URL, and must run in the root of the project. COMMAND finds the
// services at LETHE_TEST_URL and LETHE_TEST_DOWN_URL, and keys of the fixture in
// LETHE_TEST_ADMIN_KEY, LETHE_TEST_USER_KEY and LETHE_TEST_FORBIDDEN_KEY.
// LETHE_TEST_LOG_KEY is the public key of the first service's log of erasures, which has a
// hold on the responses in held. LETHE_TEST_LIES_URL is a gateway that answers as
// sdk/testdata/lies.json says.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/google/uuid"

	"lethe/internal/pgtest"
	"lethe/receipt"
)

const (
	startTimeout = 30 * time.Second
	stopTimeout  = 15 * time.Second
	pollInterval = 20 * time.Millisecond

	adminKey = "sk-root-platform"
	// held are old responses of Bob, Acme and Alice, so that erasing all responses of one
	// of them meets one that stays.
	held = `{"reason": "for the tests of the clients", "responses": [
		"c0000400-0000-4000-8000-00000000006e", "c0000400-0000-4000-8000-00000000006b", "c0000400-0000-4000-8000-000000000068"]}`
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		// The command has already printed what is wrong.
		var exit *exec.ExitError
		if errors.As(err, &exit) && exit.ExitCode() > 0 {
			os.Exit(exit.ExitCode())
		}
		fmt.Fprintln(os.Stderr, "sdkserver:", err)
		os.Exit(1)
	}
}

func run(args []string) (err error) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if len(args) == 0 {
		return errors.New("name the command to run")
	}
	serverURL := os.Getenv(pgtest.URLVariable)
	if serverURL == "" {
		return fmt.Errorf("%s is not set: run this with internal/pgtest/testpg", pgtest.URLVariable)
	}

	folder, err := os.MkdirTemp("", "lethe-sdkserver-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	program := filepath.Join(folder, "lethe")
	build := exec.CommandContext(ctx, "go", "build", "-o", program, "./cmd/lethe")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		return fmt.Errorf("build the program: %w", err)
	}

	server, err := pgtest.Connect(ctx, serverURL)
	if err != nil {
		return err
	}
	defer server.Close()
	database, err := server.Create(ctx, pgtest.Fixture)
	if err != nil {
		return err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
		defer cancel()
		err = errors.Join(err, server.Drop(ctx, database))
	}()

	private, public, err := receipt.GenerateKey("example.com/log")
	if err != nil {
		return err
	}
	up, err := serve(ctx, program, database.RoleURL, "/readyz", "LETHE_ERASURE_KEY="+private)
	if err != nil {
		return err
	}
	defer up.stop()
	if _, err := post(ctx, up.url+"/lethe/api/v1/holds", held); err != nil {
		return err
	}
	// An erasure of nothing, as the service reports it.
	erasure, err := post(ctx, up.url+"/lethe/api/v1/erasures", `{"responses": ["`+uuid.NewString()+`"]}`)
	if err != nil {
		return err
	}
	liar, err := tellLies("sdk/testdata/lies.json", erasure)
	if err != nil {
		return err
	}
	defer liar.stop()
	unused, err := freeAddress()
	if err != nil {
		return err
	}
	down, err := serve(ctx, program, "postgres://nobody@"+unused+"/nothing", "/healthz")
	if err != nil {
		return err
	}
	defer down.stop()

	command := exec.CommandContext(ctx, args[0], args[1:]...)
	command.Env = append(os.Environ(),
		"LETHE_TEST_URL="+up.url,
		"LETHE_TEST_DOWN_URL="+down.url,
		"LETHE_TEST_LIES_URL="+liar.url,
		"LETHE_TEST_ADMIN_KEY="+adminKey,
		"LETHE_TEST_USER_KEY=sk-alice-platform",
		"LETHE_TEST_FORBIDDEN_KEY=sk-carol-platform",
		"LETHE_TEST_LOG_KEY="+public.String(),
	)
	command.Stdout, command.Stderr = os.Stdout, os.Stderr
	command.Cancel = func() error { return command.Process.Signal(syscall.SIGTERM) }
	command.WaitDelay = stopTimeout
	return command.Run()
}

// post creates a resource as the administrator and returns it.
func post(ctx context.Context, url, body string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+adminKey)
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusCreated {
		return nil, fmt.Errorf("POST %s: the service answered %s", url, response.Status)
	}
	return io.ReadAll(response.Body)
}

type service struct {
	url     string
	command *exec.Cmd
	ended   chan struct{} // closed when the process is gone
	log     bytes.Buffer  // read it only after that
}

// serve starts the program on a free port and returns when path answers with 200.
func serve(ctx context.Context, program, databaseURL, path string, settings ...string) (*service, error) {
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	s := &service{url: "http://" + address, command: exec.Command(program, "serve"), ended: make(chan struct{})}
	// Do not pass on any setting or file of the user who runs this.
	s.command.Dir = filepath.Dir(program)
	s.command.Env = slices.Concat(
		slices.DeleteFunc(os.Environ(), func(variable string) bool { return strings.HasPrefix(variable, "LETHE_") }),
		[]string{"LETHE_HTTP_ADDR=" + address, "LETHE_DATABASE_URL=" + databaseURL}, settings)
	s.command.Stdout, s.command.Stderr = &s.log, &s.log
	if err := s.command.Start(); err != nil {
		return nil, err
	}
	go func() {
		_ = s.command.Wait()
		close(s.ended)
	}()
	if err := s.await(ctx, path); err != nil {
		s.stop()
		return nil, fmt.Errorf("%w; the service printed:\n%s", err, s.log.Bytes())
	}
	return s, nil
}

func (s *service) await(ctx context.Context, path string) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+path, nil)
		if err != nil {
			return err
		}
		if response, err := http.DefaultClient.Do(request); err == nil {
			_ = response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-s.ended:
			return errors.New("the service exited before it answered")
		case <-ctx.Done():
			return fmt.Errorf("the service did not answer %s: %w", path, ctx.Err())
		case <-ticker.C:
		}
	}
}

// stop ends the service and waits until it is gone.
func (s *service) stop() {
	_ = s.command.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.ended:
	case <-time.After(stopTimeout):
		_ = s.command.Process.Kill()
		<-s.ended
	}
}

func freeAddress() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer listener.Close()
	return listener.Addr().String(), nil
}
