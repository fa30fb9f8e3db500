package pgtest

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"
)

const URLVariable = "TEST_DATABASE_URL"

// startTimeout includes fetching an image or Postgres itself.
const startTimeout = 5 * time.Minute

var sharedServer = sync.OnceValues(func() (*Server, error) {
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	serverURL := os.Getenv(URLVariable)
	if serverURL == "" {
		var err error
		if serverURL, err = spawn(ctx); err != nil {
			return nil, err
		}
	}
	return Connect(ctx, serverURL)
})

// spawn starts a server that runs as long as this process: testpg stops it when its
// standard input ends, which happens however this process ends. A package's tests offer no
// other hook for their end.
func spawn(ctx context.Context) (string, error) {
	cmd := exec.Command("go", "run", "lethe/internal/pgtest/testpg")
	// Not the test's own stderr: go test would wait until it is closed.
	var said bytes.Buffer
	cmd.Stderr = &said
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return "", fmt.Errorf("start a test server: %w", err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return "", fmt.Errorf("start a test server: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return "", fmt.Errorf("start a test server: %w", err)
	}

	ready, ended := make(chan string, 1), make(chan struct{})
	go func() {
		defer close(ended)
		if line, err := bufio.NewReader(stdout).ReadString('\n'); err == nil {
			ready <- strings.TrimSpace(line)
		}
		_ = cmd.Wait() // and until then stdin stays open
	}()
	select {
	case serverURL := <-ready:
		return serverURL, nil
	case <-ended:
		return "", fmt.Errorf("the test server exited before it was ready: %s", strings.TrimSpace(said.String()))
	case <-ctx.Done():
		_ = stdin.Close()
		return "", fmt.Errorf("start a test server: %w", ctx.Err())
	}
}
