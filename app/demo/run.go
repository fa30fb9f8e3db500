package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime/debug"
	"time"

	"github.com/jackc/pgx/v5"

	"lethe/adapters/postgres/migrate"
	"lethe/app/boot"
	"lethe/app/config"
	"lethe/app/serve"
)

// Options are the flags of `lethe demo`.
type Options struct {
	OnThisDatabase bool // allow a configured database
	FillOnly       bool
}

// Run fills the database unless it is filled already, prints keys and commands to out,
// and serves until ctx ends.
func Run(ctx context.Context, cfg *config.Config, o Options, out, progress io.Writer) (err error) {
	if err := mayFill(cfg, o); err != nil {
		return err
	}
	log, err := boot.NewLogger(cfg)
	if err != nil {
		return err
	}
	if !o.FillOnly {
		if err := serve.MayListen(ctx, cfg); err != nil {
			return err
		}
	}
	db, err := boot.Open(ctx, cfg, progress)
	if err != nil {
		return err
	}
	defer db.CloseInto(&err)

	access, err := fill(ctx, cfg, db, progress)
	if err != nil || o.FillOnly {
		return err
	}
	var printing error
	err = serve.RunOn(ctx, cfg, db, log, func(addr string) {
		printing = access.Print(out, baseURL(addr))
		debug.FreeOSMemory() // filling took some 50 MB, which the service does not need
	})
	return errors.Join(err, printing)
}

func mayFill(cfg *config.Config, o Options) error {
	switch {
	case cfg.Embedded():
		return nil
	case !o.OnThisDatabase:
		return errors.New("the demo would fill the configured database with sample data: unset LETHE_DATABASE_URL to use the embedded one, or add --on-this-database")
	case cfg.Fusillade.DatabaseURL != "":
		return errors.New("the demo needs all tables in one database: unset LETHE_FUSILLADE_DATABASE_URL")
	}
	return nil
}

func fill(ctx context.Context, cfg *config.Config, db *boot.Databases, progress io.Writer) (access Access, err error) {
	if err := db.Reach(ctx); err != nil {
		return access, err
	}
	sets, err := migrate.Status(ctx, db.Target())
	if err != nil {
		return access, err
	}
	for _, s := range sets {
		switch s.State {
		case migrate.Current:
		case migrate.Pending:
			return access, fmt.Errorf("the tables of set %[2]s are missing in database %[1]q: run `lethe migrate up` first", s.Database, s.Set)
		default:
			return access, fmt.Errorf("the %s tables of database %q belong to another system, so the demo does not touch them: use an empty database, after `lethe migrate up`", s.Set, s.Database)
		}
	}
	conn, err := boot.Connect(ctx, db.MainURL)
	if err != nil {
		return access, err
	}
	defer boot.HangUp(conn)
	schemas := Schemas{Fusillade: cfg.Fusillade.Schema, Outlet: cfg.Outlet.Schema}
	began := time.Now()
	filled, err := Fill(ctx, conn, schemas, began)
	switch {
	case errors.Is(err, ErrOtherData):
		return access, fmt.Errorf("%s, so the demo writes nothing: use an empty database, or another LETHE_DATA_DIR", ErrOtherData)
	case err != nil:
		return access, err
	case filled:
		var rows int64
		if err := conn.QueryRow(ctx, "SELECT count(*) FROM "+pgx.Identifier{schemas.Fusillade, "requests"}.Sanitize()+" WHERE batch_id IS NULL").Scan(&rows); err != nil {
			return access, err
		}
		_, _ = fmt.Fprintf(progress, "Wrote %d responses from the last 30 days in %s\n", rows, time.Since(began).Round(10*time.Millisecond))
	default:
		_, _ = fmt.Fprintln(progress, "The sample data is already there; nothing was written")
	}
	return ReadAccess(ctx, conn, schemas)
}

// baseURL returns the URL of the service for clients on this machine.
func baseURL(addr string) string {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return "http://" + addr
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return "http://" + net.JoinHostPort(host, port)
}
