package postgres_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"lethe/adapters/postgres"
	"lethe/domain"
	"lethe/internal/pgtest"
)

// cutter stands in front of a server, passes words on, and once it has passed on
// one that it waits for, ends the connection in place of the answer, or keeps
// the answer back.
type cutter struct {
	word   atomic.Pointer[string]
	silent atomic.Bool
}

func newCutter(t *testing.T, databaseURL string) (*cutter, string) {
	t.Helper()
	config, err := pgconn.ParseConfig(databaseURL)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	c := &cutter{}
	network, target := pgconn.NetworkAddress(config.Host, config.Port)
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial(network, target)
			if err != nil {
				_ = client.Close()
				continue
			}
			go c.pass(client, server)
		}
	}()
	return c, (&url.URL{
		Scheme: "postgres", User: url.UserPassword(config.User, config.Password),
		Host: listener.Addr().String(), Path: config.Database, RawQuery: "sslmode=disable&default_query_exec_mode=exec",
	}).String()
}

func (c *cutter) pass(client, server net.Conn) {
	defer func() { _, _ = client.Close(), server.Close() }()
	var cut atomic.Bool
	go func() {
		defer func() { _ = server.Close() }()
		for buf := make([]byte, 64<<10); ; {
			n, err := client.Read(buf)
			if err != nil {
				return
			}
			if word := c.word.Load(); word != nil && bytes.Contains(buf[:n], []byte(*word)) {
				cut.Store(true)
			}
			if _, err := server.Write(buf[:n]); err != nil {
				return
			}
		}
	}()
	for buf := make([]byte, 64<<10); ; {
		n, err := server.Read(buf)
		if err != nil && err != io.EOF {
			return
		}
		switch {
		case !cut.Load():
			if _, werr := client.Write(buf[:n]); werr != nil || err != nil {
				return
			}
		case !c.silent.Load() || err != nil:
			return
		}
	}
}

// TestLostCommit: what is known of a transaction whose connection is lost is
// said, and it is not repeated where it may have been committed.
func TestLostCommit(t *testing.T) {
	t.Parallel()
	database := pgtest.Empty(t)
	admin := open(t, postgres.Config{URL: database.URL})
	exec(t, admin, `CREATE TABLE notes (name text)`)
	insert := func(ctx context.Context, tx *postgres.Tx, name string) error {
		_, err := tx.Exec(ctx, `INSERT INTO notes VALUES ($1)`, name)
		return err
	}
	const unknown, undone = "The database was lost before it could say whether this was done", "The database cannot be reached, and nothing of this was done"
	for name, c := range map[string]struct {
		cut  string
		do   func(context.Context, *postgres.Tx, string) error
		rows int
		want string
	}{
		"alone": {"commit\x00", insert, 1, unknown},
		"with the rest": {"commit\x00", func(ctx context.Context, tx *postgres.Tx, name string) error {
			if _, err := tx.Exec(ctx, "SELECT 1"); err != nil {
				return err
			}
			var b pgx.Batch
			b.Queue(`INSERT INTO notes VALUES ($1)`, name)
			return tx.CommitWith(ctx, &b)
		}, 1, unknown},
		"all in one": {"commit\x00", func(ctx context.Context, tx *postgres.Tx, name string) error {
			var b pgx.Batch
			b.Queue(`INSERT INTO notes VALUES ($1)`, name)
			return tx.CommitWith(ctx, &b)
		}, 1, unknown},
		"before the commit": {"SELECT 'the last'", func(ctx context.Context, tx *postgres.Tx, name string) error {
			if err := insert(ctx, tx, name); err != nil {
				return err
			}
			_, err := tx.Exec(ctx, "SELECT 'the last'")
			return err
		}, 0, undone},
	} {
		for _, silent := range []bool{false, true} {
			name := name
			if silent {
				name += ", kept back"
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				cut, address := newCutter(t, database.URL)
				db := open(t, postgres.Config{URL: address})
				if err := db.Ping(t.Context()); err != nil {
					t.Fatal(err)
				}
				cut.word.Store(&c.cut)
				cut.silent.Store(silent)
				limit := time.Minute
				if silent {
					limit = time.Second
				}
				ctx, cancel := context.WithTimeout(t.Context(), limit)
				defer cancel()
				calls := 0
				err := db.Tx(ctx, func(tx *postgres.Tx) error {
					calls++
					return c.do(ctx, tx, name)
				})
				if silent && c.want == undone {
					if err != context.DeadlineExceeded || calls != 1 {
						t.Errorf("after %d calls: %v", calls, err)
					}
				} else if domain.CodeOf(err) != domain.CodeUnavailable || !strings.HasPrefix(err.Error(), c.want) || calls != 1 {
					t.Errorf("after %d calls: %v", calls, err)
				}
				if n := one[int](t, admin, `SELECT count(*) FROM notes WHERE name = $1`, name); n != c.rows {
					t.Errorf("%d rows are there", n)
				}
			})
		}
	}
}
