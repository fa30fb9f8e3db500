package pgtest

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"lethe/adapters/postgres/inspect"
	"lethe/adapters/postgres/migrate"
	"lethe/migrations"
)

type Content string

const (
	Blank    Content = "blank"    // nothing
	Migrated Content = "migrated" // every table, no rows
	Fixture  Content = "fixture"  // every table and the contract's fixture
	Newer    Content = "newer"    // the same, with the tables of dwctl 10.13.1 and fusillade 24.1.0
	Arsenal  Content = "arsenal"  // the same, with the tables of fusillade-arsenal 4.1.0 beside dwctl's
)

// The changes of newer versions to the tables.
var (
	//go:embed newer.sql
	newer string
	//go:embed arsenal.sql
	arsenal string
)

// fixturePath is relative to the root of the module.
const fixturePath = "test/contract/testdata/fixture.sql"

var schemas = migrate.Schemas{Fusillade: "fusillade", Outlet: "outlet"}

// Server makes databases on one Postgres server.
type Server struct {
	url  *url.URL
	pool *pgxpool.Pool

	mu        sync.Mutex
	templates map[Content]string
	required  map[Content][]inspect.Requirement // those whose tables exist with this content
}

// Connect returns the server at a URL that names a superuser.
func Connect(ctx context.Context, serverURL string) (*Server, error) {
	parsed, err := url.Parse(serverURL)
	if err != nil || parsed.Scheme != "postgres" && parsed.Scheme != "postgresql" {
		// The message omits the URL, which contains a password.
		return nil, errors.New("the URL of the test server must look like postgres://USER:PASSWORD@HOST:PORT/DATABASE")
	}
	config, err := pgxpool.ParseConfig(serverURL)
	if err != nil {
		return nil, errors.New("the URL of the test server has settings that Postgres does not know")
	}
	config.MaxConns = 2
	config.MaxConnIdleTime = 10 * time.Second
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("connect to the test server: %w", err)
	}
	if err := pool.Ping(ctx); err != nil {
		pool.Close()
		return nil, fmt.Errorf("connect to the test server: %w", err)
	}
	return &Server{url: parsed, pool: pool, templates: map[Content]string{}, required: map[Content][]inspect.Requirement{}}, nil
}

func (s *Server) Close() { s.pool.Close() }

// Create makes a database with the given content. Several processes may call it at the
// same time.
func (s *Server) Create(ctx context.Context, content Content) (*Database, error) {
	template := "template0"
	if content != Blank {
		var err error
		if template, err = s.template(ctx, content); err != nil {
			return nil, err
		}
	}
	name := "lethe_test_" + token(8)
	if err := s.exec(ctx, "CREATE DATABASE "+quote(name)+" TEMPLATE "+quote(template)+" ENCODING 'UTF8'"); err != nil {
		return nil, err
	}
	db := &Database{URL: s.database(name).String(), Name: name}
	if content == Blank {
		return db, nil
	}
	if err := s.addRole(ctx, db, content); err != nil {
		return nil, errors.Join(err, s.Drop(ctx, db))
	}
	return db, nil
}

// Drop removes a database, even with open connections, and its role.
func (s *Server) Drop(ctx context.Context, db *Database) error {
	// A role can be dropped only when nothing is granted to it any more.
	if err := s.exec(ctx, "DROP DATABASE IF EXISTS "+quote(db.Name)+" WITH (FORCE)"); err != nil {
		return err
	}
	if db.role == "" {
		return nil
	}
	return s.exec(ctx, "DROP ROLE IF EXISTS "+quote(db.role))
}

// addRole makes the role of RoleURL. Roles belong to the whole server, so its name contains
// the database's.
func (s *Server) addRole(ctx context.Context, db *Database, content Content) error {
	role, password := db.Name+"_role", token(16)
	// A token is hexadecimal: it needs no escaping.
	if err := s.exec(ctx, "CREATE ROLE "+quote(role)+" LOGIN PASSWORD '"+password+"'"); err != nil {
		return err
	}
	db.role = role

	conn, err := pgx.Connect(ctx, db.URL)
	if err != nil {
		return fmt.Errorf("connect to the new database: %w", err)
	}
	defer func() { _ = conn.Close(ctx) }()
	required, err := s.present(ctx, conn, content)
	if err != nil {
		return fmt.Errorf("look for the tables to grant: %w", err)
	}
	main, fusillade := inspect.Grants(role, required)
	// One round trip: the grants take most of the time of making a database.
	if _, err := conn.PgConn().Exec(ctx, strings.Join(append(main, fusillade...), ";\n")).ReadAll(); err != nil {
		return fmt.Errorf("grant the role its rights: %w", err)
	}
	u := s.database(db.Name)
	u.User = url.UserPassword(role, password)
	db.RoleURL = u.String()
	return nil
}

// present returns what a role of such a database needs. All databases of the same content
// have the same tables, so it inspects only one.
func (s *Server) present(ctx context.Context, conn *pgx.Conn, content Content) ([]inspect.Requirement, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.required[content] == nil {
		where := inspect.Schemas{Fusillade: schemas.Fusillade, Outlet: schemas.Outlet}
		wanted := inspect.Requirements(where)
		for i := range wanted {
			wanted[i].Optional = true // newer versions drop tables
		}
		required, err := inspect.Present(ctx, conn, wanted)
		if err != nil {
			return nil, err
		}
		wishes, err := inspect.PresentWishes(ctx, conn, where)
		if err != nil {
			return nil, err
		}
		s.required[content] = append(required, wishes...)
	}
	return s.required[content], nil
}

// template returns the name of the template with that content, and makes a missing one.
func (s *Server) template(ctx context.Context, content Content) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if name, ok := s.templates[content]; ok {
		return name, nil
	}
	var fixture []byte
	if content != Migrated {
		var err error
		if fixture, err = readFixture(); err != nil {
			return "", err
		}
	}
	switch content {
	case Newer:
		fixture = append(fixture, newer...)
	case Arsenal:
		fixture = append(fixture, newer+arsenal...)
	}
	hash, err := contentHash(fixture)
	if err != nil {
		return "", err
	}
	name := "lethe_template_" + string(content) + "_" + hash
	if err := s.ensureTemplate(ctx, name, fixture); err != nil {
		return "", fmt.Errorf("make template %s: %w", name, err)
	}
	s.templates[content] = name
	return name, nil
}

// ensureTemplate renames the template when it is complete.
func (s *Server) ensureTemplate(ctx context.Context, name string, fixture []byte) error {
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		return fmt.Errorf("connect to the test server: %w", err)
	}
	defer conn.Release()
	if _, err := conn.Exec(ctx, "SELECT pg_advisory_lock(hashtextextended($1, 0))", name); err != nil {
		return fmt.Errorf("wait for other processes: %w", err)
	}
	defer func() {
		// A connection that could not release the lock must not be used again.
		if _, err := conn.Exec(context.WithoutCancel(ctx), "SELECT pg_advisory_unlock(hashtextextended($1, 0))", name); err != nil {
			_ = conn.Conn().Close(context.WithoutCancel(ctx))
		}
	}()

	var exists bool
	if err := conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", name).Scan(&exists); err != nil {
		return fmt.Errorf("look for the template: %w", err)
	}
	if exists {
		return nil
	}
	draft := name + "_draft"
	if _, err := conn.Exec(ctx, "DROP DATABASE IF EXISTS "+quote(draft)+" WITH (FORCE)"); err != nil {
		return fmt.Errorf("remove an unfinished template: %w", err)
	}
	if _, err := conn.Exec(ctx, "CREATE DATABASE "+quote(draft)+" TEMPLATE template0 ENCODING 'UTF8'"); err != nil {
		return fmt.Errorf("create the template's database: %w", err)
	}
	draftURL := s.database(draft).String()
	if _, err := migrate.Up(ctx, migrate.Target{MainURL: draftURL, Schemas: schemas}); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	if err := load(ctx, draftURL, fixture); err != nil {
		return err
	}
	for _, statement := range []string{
		"ALTER DATABASE " + quote(draft) + " WITH ALLOW_CONNECTIONS false",
		// A background worker or a pool may still be closing its connection.
		"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '" + draft + "'",
		"ALTER DATABASE " + quote(draft) + " RENAME TO " + quote(name),
	} {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return fmt.Errorf("finish the template: %w", err)
		}
	}
	return nil
}

// load runs the fixture, and gathers statistics so that queries on every clone are planned
// as on tables in use.
func load(ctx context.Context, databaseURL string, fixture []byte) error {
	conn, err := pgx.Connect(ctx, databaseURL)
	if err != nil {
		return fmt.Errorf("connect to the template: %w", err)
	}
	defer func() { _ = conn.Close(ctx) }()
	if len(fixture) > 0 {
		if _, err := conn.PgConn().Exec(ctx, string(fixture)).ReadAll(); err != nil {
			return fmt.Errorf("load the fixture: %w", err)
		}
	}
	if _, err := conn.Exec(ctx, "ANALYZE"); err != nil {
		return fmt.Errorf("analyze: %w", err)
	}
	return nil
}

func (s *Server) exec(ctx context.Context, statement string) error {
	if _, err := s.pool.Exec(ctx, statement); err != nil {
		return fmt.Errorf("test server: %w", err)
	}
	return nil
}

func (s *Server) database(name string) *url.URL {
	u := *s.url
	u.Path = "/" + name
	return &u
}

// contentHash changes whenever anything that a template is made of changes.
func contentHash(fixture []byte) (string, error) {
	hash := sha256.New()
	for _, files := range []fs.FS{migrations.Upstream, migrations.Lethe} {
		err := fs.WalkDir(files, ".", func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			file, err := fs.ReadFile(files, path)
			if err != nil {
				return err
			}
			fmt.Fprintf(hash, "%s %d\n%s", path, len(file), file)
			return nil
		})
		if err != nil {
			return "", fmt.Errorf("read the migrations: %w", err)
		}
	}
	river, err := migrate.RiverMigrations()
	if err != nil {
		return "", err
	}
	for _, m := range river {
		fmt.Fprintf(hash, "river %d %d\n%s", m.Version, len(m.SQLUp), m.SQLUp)
	}
	hash.Write(fixture)
	return hex.EncodeToString(hash.Sum(nil)[:8]), nil
}

// readFixture finds the fixture from any folder of the module: a test runs in its
// package's folder.
func readFixture() ([]byte, error) {
	dir, err := os.Getwd()
	if err != nil {
		return nil, fmt.Errorf("find the fixture: %w", err)
	}
	for {
		file, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(fixturePath)))
		if err == nil {
			return file, nil
		}
		if parent := filepath.Dir(dir); parent != dir && errors.Is(err, fs.ErrNotExist) {
			dir = parent
			continue
		}
		return nil, fmt.Errorf("find the fixture: %w", err)
	}
}

// token returns 2n random hexadecimal digits.
func token(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return hex.EncodeToString(b)
}

func quote(identifier string) string { return pgx.Identifier{identifier}.Sanitize() }
