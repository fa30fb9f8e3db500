package migrate

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"lethe/adapters/postgres"
)

// session holds a connection to each database, and the lock in each, from open to
// close: what status saw is still true when Up acts on it.
type session struct {
	main, fusillade *pgx.Conn // the same connection if they share a database
	sets            []set
}

func open(ctx context.Context, t Target) (*session, error) {
	main, err := connect(ctx, t.MainURL)
	if err != nil {
		return nil, fmt.Errorf("connect to the main database: %w", err)
	}
	s := &session{main: main, fusillade: main}
	if err := s.openFusillade(ctx, t.FusilladeURL); err != nil {
		s.close(ctx)
		return nil, err
	}
	schemas := t.Schemas
	if schemas.Fusillade == "" {
		schemas.Fusillade = "fusillade"
		if s.fusillade != s.main {
			schemas.Fusillade = "public"
		}
	}
	if schemas.Outlet == "" {
		schemas.Outlet = "outlet"
	}
	s.sets = sets(schemas)
	return s, nil
}

func connect(ctx context.Context, url string) (*pgx.Conn, error) {
	if url == "" {
		return nil, errors.New("no database URL given")
	}
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, errors.New("invalid database URL") // the driver's error would quote it
	}
	return postgres.Connect(ctx, config)
}

func (s *session) openFusillade(ctx context.Context, url string) error {
	if err := lock(ctx, s.main); err != nil {
		return fmt.Errorf("lock the main database: %w", err)
	}
	if url == "" {
		return nil
	}
	conn, err := connect(ctx, url)
	if err != nil {
		return fmt.Errorf("connect to the fusillade database: %w", err)
	}
	// Two URLs may lead to one database. If so, the main connection's lock shows there:
	// taking it again from a second session would wait for ever.
	var pid int32
	if err := s.main.QueryRow(ctx, "SELECT pg_backend_pid()").Scan(&pid); err != nil {
		return errors.Join(fmt.Errorf("query the main database: %w", err), conn.Close(ctx))
	}
	var same bool
	err = conn.QueryRow(ctx, `
		SELECT EXISTS (
			SELECT FROM pg_locks l JOIN pg_database d ON d.oid = l.database
			WHERE l.locktype = 'advisory' AND l.pid = $1 AND d.datname = current_database()
			  AND (l.classid::bigint << 32) + l.objid::bigint = $2
		)`, pid, int64(lockKey)).Scan(&same)
	if err != nil || same {
		return errors.Join(err, conn.Close(ctx))
	}
	s.fusillade = conn
	if err := lock(ctx, conn); err != nil {
		return fmt.Errorf("lock the fusillade database: %w", err)
	}
	return nil
}

func lock(ctx context.Context, conn *pgx.Conn) error {
	_, err := conn.Exec(ctx, "SELECT pg_advisory_lock($1)", int64(lockKey))
	return err
}

// close ends the sessions and so releases their locks.
func (s *session) close(ctx context.Context) {
	ctx = context.WithoutCancel(ctx)
	if s.fusillade != s.main {
		_ = s.fusillade.Close(ctx)
	}
	_ = s.main.Close(ctx)
}

func (s *session) conn(set string) *pgx.Conn {
	if set == setFusillade || set == setLethe || set == setRiver {
		return s.fusillade
	}
	return s.main
}
