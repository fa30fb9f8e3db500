package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	readyTimeout = time.Minute
	stopTimeout  = 45 * time.Second
)

// child is a process that must not outlive this program.
type child struct {
	cmd    *exec.Cmd
	exited chan struct{}
	quit   syscall.Signal
}

func startChild(cmd *exec.Cmd, quit syscall.Signal) (*child, error) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	// Ctrl-C goes to the whole process group: in groups of their own, children stop
	// only when told to, in order.
	cmd.SysProcAttr.Setpgid = true
	endWithParent(cmd.SysProcAttr)
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	c := &child{cmd: cmd, exited: make(chan struct{}), quit: quit}
	go func() {
		_ = cmd.Wait()
		close(c.exited)
	}()
	return c, nil
}

func (c *child) stop() error {
	_ = c.cmd.Process.Signal(c.quit)
	select {
	case <-c.exited:
		return nil
	case <-time.After(stopTimeout):
	}
	_ = c.cmd.Process.Kill()
	<-c.exited
	return fmt.Errorf("%s did not stop within %s and was killed", filepath.Base(c.cmd.Path), stopTimeout)
}

// await returns once attempt succeeds.
func (c *child) await(ctx context.Context, attempt func() error) error {
	deadline := time.Now().Add(readyTimeout)
	for {
		err := attempt()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-c.exited:
			return fmt.Errorf("%s ended while starting: %w", filepath.Base(c.cmd.Path), err)
		case <-time.After(50 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%s is not ready after %s: %w", filepath.Base(c.cmd.Path), readyTimeout, err)
		}
	}
}

// memory is a process's, in bytes.
type memory struct {
	Resident int64 `json:"resident"` // the maximum seen under load
	Peak     int64 `json:"peak"`     // the system's maximum
	Private  int64 `json:"private"`  // resident memory not shared with files or other processes
}

// memoryOf reads /proc; zero if there is none.
func memoryOf(pid int) (m memory) {
	status, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		return m
	}
	for line := range strings.Lines(string(status)) {
		name, value, _ := strings.Cut(line, ":")
		kilobytes, _ := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
		switch name {
		case "VmRSS":
			m.Resident = kilobytes << 10
		case "VmHWM":
			m.Peak = kilobytes << 10
		case "RssAnon":
			m.Private = kilobytes << 10
		}
	}
	return m
}

// program is a running side of the comparison.
type program struct {
	*child
	name string
	base string // http://HOST:PORT
}

const listPath = "/admin/api/v1/batches/requests"

// startService runs the service on a database as in a deployment, with additional
// settings.
func startService(ctx context.Context, name, binary, databaseURL, dir string, settings ...string) (*program, error) {
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(binary, "serve")
	cmd.Env = append(serviceEnvironment(), append([]string{
		"LETHE_DATABASE_URL=" + databaseURL, "LETHE_DATABASE_MAX_CONNS=20", "LETHE_LOG_LEVEL=warn", "LETHE_HTTP_ADDR=" + addr,
	}, settings...)...)
	return startProgram(ctx, name, cmd, addr, dir)
}

// serviceEnvironment is our environment without settings of the service.
func serviceEnvironment() (env []string) {
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "LETHE_") {
			env = append(env, variable)
		}
	}
	return env
}

func startFloor(ctx context.Context, name, binary, databaseURL, dir string, settings ...string) (*program, error) {
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(binary)
	cmd.Env = append(append(os.Environ(), "FLOOR_DATABASE_URL="+databaseURL, "FLOOR_ADDR="+addr), settings...)
	return startProgram(ctx, name, cmd, addr, dir)
}

func startProgram(ctx context.Context, name string, cmd *exec.Cmd, addr, dir string) (*program, error) {
	cmd.Dir = dir // has no lethe.yaml
	cmd.Stderr = os.Stderr
	c, err := startChild(cmd, syscall.SIGTERM)
	if err != nil {
		return nil, err
	}
	p := &program{child: c, name: name, base: "http://" + addr}
	if err := c.await(ctx, func() error {
		res, err := http.Get(p.base + "/readyz")
		if err != nil {
			return err
		}
		_ = res.Body.Close()
		if res.StatusCode != http.StatusOK {
			return fmt.Errorf("/readyz answers %s", res.Status)
		}
		return nil
	}); err != nil {
		return nil, errors.Join(err, c.stop())
	}
	return p, nil
}

func freeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("no free loopback port: %w", err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String(), nil
}
