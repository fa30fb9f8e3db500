package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/jackc/pgx/v5"

	"lethe/adapters/embeddedpg"
	"lethe/adapters/postgres"
	"lethe/adapters/postgres/inspect"
	"lethe/adapters/postgres/migrate"
)

// HelperCommand is the hidden command under which the program has to call
// RunHelper: it looks after the embedded Postgres.
const HelperCommand = embeddedpg.HelperCommand

// RunHelper is the body of that command and returns its exit code.
func RunHelper(stdin io.Reader, stdout, stderr io.Writer) int {
	return embeddedpg.RunHelper(stdin, stdout, stderr)
}

// Databases is where the tables are.
type Databases struct {
	MainURL      string
	FusilladeURL string // empty: in the main database
	OutletURL    string // empty: where fusillade is

	embedded *embeddedpg.Server // nil: the URLs were given
	schemas  inspect.Schemas
}

// stopEmbeddedTimeout bounds the end of the embedded server; it writes a
// checkpoint first.
const stopEmbeddedTimeout = 20 * time.Second

// OpenDatabases returns the configured databases without connecting to them.
// Where none is configured it starts the embedded one, or joins the one that
// another lethe runs on the same folder, and brings its tables up to date;
// progress receives a line for each step that takes time.
func OpenDatabases(ctx context.Context, cfg *Config, progress io.Writer) (*Databases, error) {
	db := &Databases{
		MainURL:      cfg.Database.URL,
		FusilladeURL: cfg.Fusillade.DatabaseURL,
		OutletURL:    cfg.Outlet.DatabaseURL,
		schemas: inspect.Schemas{
			Fusillade: cfg.Fusillade.Schema, Outlet: cfg.Outlet.Schema, OutletApart: cfg.Outlet.DatabaseURL != "",
		},
	}
	if !cfg.Embedded() {
		return db, nil
	}
	var server *embeddedpg.Server
	folder, err := embeddedpg.PrepareHome(cfg.DataDir)
	if err == nil {
		server, err = embeddedpg.Open(ctx, embeddedpg.Config{DataDir: folder, Progress: progress})
	}
	if errors.Is(err, embeddedpg.ErrDataDir) {
		return nil, fmt.Errorf("%w; the folder is data_dir (LETHE_DATA_DIR), and a database that you run is given with database.url (LETHE_DATABASE_URL)", err)
	}
	if err != nil {
		return nil, err
	}
	db.embedded, db.MainURL = server, server.URL()
	if _, err := migrate.Up(ctx, db.target()); err != nil {
		return nil, errors.Join(fmt.Errorf("bring the embedded database up to date: %w", err), db.Close())
	}
	return db, nil
}

// Close stops the embedded server, if this process has started it.
func (db *Databases) Close() error {
	if db.embedded == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), stopEmbeddedTimeout)
	defer cancel()
	return db.embedded.Stop(ctx)
}

// gone is closed when the embedded server has ended; nil, and so never, for a
// database that was given.
func (db *Databases) gone() <-chan struct{} {
	if db.embedded == nil {
		return nil
	}
	return db.embedded.Done()
}

// apart tells whether fusillade has a database of its own.
func (db *Databases) apart() bool { return db.FusilladeURL != "" }

// mainSides are what the main database has.
func (db *Databases) mainSides() []inspect.Side {
	if db.apart() {
		return []inspect.Side{inspect.Main}
	}
	return []inspect.Side{inspect.Main, inspect.Fusillade}
}

// fusilladeURL is of the database that fusillade and Lethe's own tables are in.
func (db *Databases) fusilladeURL() string { return cmp.Or(db.FusilladeURL, db.MainURL) }

func (db *Databases) target() migrate.Target {
	schemas := migrate.Schemas{Fusillade: db.schemas.Fusillade, Outlet: db.schemas.Outlet}
	if db.OutletURL != "" || db.apart() && schemas.Outlet == "public" {
		// That is where outlet is in another database. Nothing creates it there,
		// and in the main one it has its usual place.
		schemas.Outlet = ""
	}
	return migrate.Target{MainURL: db.MainURL, FusilladeURL: db.FusilladeURL, Schemas: schemas}
}

// connectTimeout bounds the connecting of commands.
const connectTimeout = 10 * time.Second

// connect makes a connection for a command.
func connect(ctx context.Context, url string) (*pgx.Conn, error) {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, errors.New("the database URL cannot be read") // the driver's words would repeat it
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = connectTimeout
	}
	config.RuntimeParams["application_name"] = applicationName
	conn, err := postgres.Connect(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("cannot reach %w: is the server running, and do host, port, user and password of the URL fit?", err)
	}
	return conn, nil
}

// reach fails within connectTimeout where a database is not there, and says
// what to look at.
func reach(ctx context.Context, db *Databases) error {
	for _, url := range []string{db.MainURL, db.FusilladeURL, db.OutletURL} {
		if url == "" {
			continue
		}
		conn, err := connect(ctx, url)
		if err != nil {
			return err
		}
		hangUp(conn)
	}
	return nil
}

// applicationName is how connections are shown in pg_stat_activity.
const applicationName = "lethe"
