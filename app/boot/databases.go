// Package boot is shared by the service and the commands: Databases locates the
// tables, Signing holds the keys that sign the log of erasures, and Places watches for
// content that cannot be served.
package boot

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
	"lethe/adapters/postgres/attest"
	"lethe/adapters/postgres/fusillade"
	"lethe/adapters/postgres/inspect"
	"lethe/adapters/postgres/migrate"
	"lethe/app/config"
)

// SearchPath is the search path in fusillade's database. The schema with substitutes for
// missing tables comes last.
func SearchPath(cfg *config.Config) []string {
	if cfg.Outlet.DatabaseURL != "" {
		return []string{cfg.Fusillade.Schema, inspect.Own}
	}
	return []string{cfg.Fusillade.Schema, cfg.Outlet.Schema, inspect.Own}
}

// OpenCopies opens the raw copies for a command if they are in their own database. The
// caller must call closeAll.
func OpenCopies(cfg *config.Config, db *Databases) (copies *fusillade.Copies, closeAll func(), err error) {
	if db.OutletURL == "" {
		return nil, func() {}, nil
	}
	outlet, err := OpenPool(cfg, db.OutletURL, 2, cfg.Outlet.Schema)
	if err != nil {
		return nil, nil, err
	}
	closeAll = outlet.Close
	var usage *postgres.DB
	if db.Apart() {
		if usage, err = OpenPool(cfg, db.MainURL, 2); err != nil {
			outlet.Close()
			return nil, nil, err
		}
		closeAll = func() { outlet.Close(); usage.Close() }
	}
	copies, err = fusillade.NewCopies(outlet, usage)
	return copies, closeAll, err
}

// NewAttester returns an Attester whose receipts name this build.
func NewAttester(db *postgres.DB) (*attest.Attester, error) {
	return attest.New(db, attest.Issuer{Build: BuildVersion().Version, Now: time.Now})
}

// HelperCommand is the hidden command that must call RunHelper. The helper watches the
// embedded PostgreSQL.
const HelperCommand = embeddedpg.HelperCommand

// RunHelper runs the helper and returns its exit code.
func RunHelper(stdin io.Reader, stdout, stderr io.Writer) int {
	return embeddedpg.RunHelper(stdin, stdout, stderr)
}

// Databases locates the tables.
type Databases struct {
	MainURL      string
	FusilladeURL string // empty: in the main database
	OutletURL    string // empty: in fusillade's database

	embedded *embeddedpg.Server // nil: the URLs were given
	Schemas  inspect.Schemas
}

// stopEmbeddedTimeout limits the stop of the embedded server, which writes a checkpoint
// first.
const stopEmbeddedTimeout = 20 * time.Second

// Open returns the configured databases without connecting to them. If none is
// configured, it starts the embedded one, or joins one that another lethe process runs
// in the same folder, and migrates its tables. progress receives a line for each slow
// step.
func Open(ctx context.Context, cfg *config.Config, progress io.Writer) (*Databases, error) {
	db := &Databases{
		MainURL:      cfg.Database.URL,
		FusilladeURL: cfg.Fusillade.DatabaseURL,
		OutletURL:    cfg.Outlet.DatabaseURL,
		Schemas: inspect.Schemas{
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
		return nil, fmt.Errorf("%w; data_dir (LETHE_DATA_DIR) sets this folder; to use your own database instead, set database.url (LETHE_DATABASE_URL)", err)
	}
	if err != nil {
		return nil, err
	}
	db.embedded, db.MainURL = server, server.URL()
	if _, err := migrate.Up(ctx, db.Target()); err != nil {
		return nil, errors.Join(fmt.Errorf("migrate the embedded database: %w", err), db.Close())
	}
	return db, nil
}

// Close stops the embedded server if this process has started it.
func (db *Databases) Close() error {
	if db.embedded == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), stopEmbeddedTimeout)
	defer cancel()
	return db.embedded.Stop(ctx)
}

// CloseInto closes db at the end of a command; err receives the error if it has none.
func (db *Databases) CloseInto(err *error) {
	if e := db.Close(); e != nil && *err == nil {
		*err = e
	}
}

// Gone is closed when the embedded server has ended. For a configured database it is
// nil.
func (db *Databases) Gone() <-chan struct{} {
	if db.embedded == nil {
		return nil
	}
	return db.embedded.Done()
}

// Apart reports whether fusillade has its own database.
func (db *Databases) Apart() bool { return db.FusilladeURL != "" }

// MainSides are the sides in the main database.
func (db *Databases) MainSides() []inspect.Side {
	if db.Apart() {
		return []inspect.Side{inspect.Main}
	}
	return []inspect.Side{inspect.Main, inspect.Fusillade}
}

// OwnURL is the URL of the database with fusillade's and Lethe's own tables.
func (db *Databases) OwnURL() string { return cmp.Or(db.FusilladeURL, db.MainURL) }

// Target is the target of migrations.
func (db *Databases) Target() migrate.Target {
	schemas := migrate.Schemas{Fusillade: db.Schemas.Fusillade, Outlet: db.Schemas.Outlet}
	if db.OutletURL != "" || db.Apart() && schemas.Outlet == "public" {
		// outlet is in another database, where Lethe creates nothing; in the main
		// database it is in its usual schema.
		schemas.Outlet = ""
	}
	return migrate.Target{MainURL: db.MainURL, FusilladeURL: db.FusilladeURL, Schemas: schemas}
}

// connectTimeout limits connection attempts of commands.
const connectTimeout = 10 * time.Second

// Connect opens a connection for a command.
func Connect(ctx context.Context, url string) (*pgx.Conn, error) {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, errors.New("the database URL is not valid") // the driver's message would repeat it
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = connectTimeout
	}
	config.RuntimeParams["application_name"] = ApplicationName
	conn, err := postgres.Connect(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("cannot reach %w: check that the server is running, and the host, port, user and password in the URL", err)
	}
	return conn, nil
}

// Reach connects to each database once. It fails within connectTimeout if one cannot be
// reached.
func (db *Databases) Reach(ctx context.Context) error {
	for _, url := range []string{db.MainURL, db.FusilladeURL, db.OutletURL} {
		if url == "" {
			continue
		}
		conn, err := Connect(ctx, url)
		if err != nil {
			return err
		}
		HangUp(conn)
	}
	return nil
}

// OpenPool opens up to maxConns connections for a command.
func OpenPool(cfg *config.Config, url string, maxConns int32, searchPath ...string) (*postgres.DB, error) {
	return postgres.Open(postgres.Config{
		URL: url, MaxConns: maxConns, SearchPath: searchPath, ApplicationName: ApplicationName, PgBouncer: cfg.Database.PgBouncer,
	})
}

// FirstOf names the first missing thing and counts the others.
func FirstOf(missing []string) string {
	if others := len(missing) - 1; others > 0 {
		return fmt.Sprintf("%s, and %d more", missing[0], others)
	}
	return missing[0]
}

// ApplicationName is the name of connections in pg_stat_activity.
const ApplicationName = "lethe"

// HangUp closes a connection of Connect.
func HangUp(conn *pgx.Conn) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = conn.Close(ctx)
}
