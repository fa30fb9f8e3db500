package pgtest

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// nobody is the user that runs PgBouncer if this process is root, which PgBouncer refuses.
const nobody = 65534

// ThroughPgBouncer starts a PgBouncer in front of the test server until the test ends, in
// transaction mode and with at most two server connections for each database. It returns a
// function that makes a database's URL lead through it; PgBouncer connects as the
// superuser. The lines are added to its configuration. If PgBouncer is not installed, the
// test is skipped, except in CI.
func ThroughPgBouncer(t testing.TB, lines ...string) func(databaseURL string) string {
	t.Helper()
	binary, err := exec.LookPath("pgbouncer")
	if err != nil {
		binary, err = exec.LookPath("/usr/sbin/pgbouncer") // not in everyone's PATH
	}
	if err != nil {
		const advice = "PgBouncer is not installed, so nothing is tested through it: apt-get install pgbouncer"
		if os.Getenv("CI") != "" {
			t.Fatal(advice)
		}
		t.Skip(advice)
	}
	server, err := sharedServer()
	if err != nil {
		t.Fatalf("no Postgres for this test: %v", err)
	}
	target, err := pgconn.ParseConfig(server.url.String())
	if err != nil {
		t.Fatal("the URL of the test server has settings that Postgres does not know")
	}
	folder, err := os.MkdirTemp("", "lethe-pgbouncer-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	port := freePort(t)
	file := filepath.Join(folder, "pgbouncer.ini")
	text := fmt.Sprintf(`[databases]
* = host=%s port=%d user=%s password=%s
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = %d
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 2
max_client_conn = 500
server_tls_sslmode = prefer
%s
`, target.Host, target.Port, target.User, target.Password, port, strings.Join(lines, "\n"))
	cmd := exec.Command(binary, file)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
		for _, path := range []string{folder, file} {
			if err := os.Chown(path, nobody, nobody); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(ended)
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-ended
	})
	through := func(databaseURL string) string {
		u, err := url.Parse(databaseURL)
		if err != nil {
			t.Fatal("the database's address is not a URL")
		}
		return (&url.URL{
			Scheme: "postgres", User: url.User("anyone"), Path: u.Path, RawQuery: "sslmode=disable",
			Host: net.JoinHostPort("127.0.0.1", strconv.Itoa(port)),
		}).String()
	}
	for deadline := time.Now().Add(dropTimeout); ; time.Sleep(20 * time.Millisecond) {
		conn, err := pgx.Connect(t.Context(), through(server.url.String()))
		if err == nil {
			_ = conn.Close(context.WithoutCancel(t.Context()))
			return through
		}
		if time.Now().After(deadline) {
			_ = cmd.Process.Kill()
			<-ended
			t.Fatalf("PgBouncer does not answer: %v\n%s", err, &said)
		}
	}
}

func freePort(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().(*net.TCPAddr).Port
}
