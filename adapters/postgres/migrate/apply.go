package migrate

import (
	"context"
	"fmt"
	"log/slog"
	"maps"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"
)

func (s *session) apply(ctx context.Context, st SetStatus) error {
	conn := s.conn(st.Set)
	schema := pgx.Identifier{st.Schema}.Sanitize()
	for _, stmt := range []string{
		"CREATE SCHEMA IF NOT EXISTS " + ownSchema,
		"CREATE SCHEMA IF NOT EXISTS " + schema,
	} {
		if _, err := conn.Exec(ctx, stmt); err != nil {
			return fmt.Errorf("prepare set %s: %w", st.Set, err)
		}
	}

	if st.Set == setRiver {
		return applyRiver(ctx, conn)
	}
	db := stdlib.OpenDB(*conn.Config(), stdlib.OptionAfterConnect(func(ctx context.Context, c *pgx.Conn) error {
		_, err := c.Exec(ctx, "SET search_path TO "+schema)
		return err
	}))
	defer func() { _ = db.Close() }()
	dir, err := files(st.Set)
	if err != nil {
		return err
	}
	provider, err := goose.NewProvider(goose.DialectPostgres, db, dir,
		goose.WithTableName(versionTable(st.Set)),
		goose.WithLogger(goose.NopLogger()),
		goose.WithDisableGlobalRegistry(true),
	)
	if err != nil {
		return fmt.Errorf("read the migrations of set %s: %w", st.Set, err)
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("migrate set %s in database %q: %w", st.Set, st.Database, err)
	}
	return nil
}

// RiverMigrations returns the migrations that come with River, in order.
func RiverMigrations() ([]rivermigrate.Migration, error) {
	migrator, err := riverMigrator(nil)
	if err != nil {
		return nil, err
	}
	return migrator.AllVersions(), nil
}

func riverMigrator(pool *pgxpool.Pool) (*rivermigrate.Migrator[pgx.Tx], error) {
	migrator, err := rivermigrate.New(riverpgxv5.New(pool), &rivermigrate.Config{
		Schema: ownSchema, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return nil, fmt.Errorf("read the migrations of set %s: %w", setRiver, err)
	}
	return migrator, nil
}

// applyRiver lets River create its tables in conn's database.
func applyRiver(ctx context.Context, conn *pgx.Conn) error {
	config, err := pgxpool.ParseConfig(conn.Config().ConnString())
	if err != nil {
		return err
	}
	config.MaxConns, config.MinConns, config.MinIdleConns = 1, 0, 0
	config.ConnConfig.RuntimeParams = maps.Clone(conn.Config().RuntimeParams)
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return err
	}
	defer pool.Close()
	migrator, err := riverMigrator(pool)
	if err != nil {
		return err
	}
	if _, err := migrator.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return fmt.Errorf("migrate set %s in database %q: %w", setRiver, config.ConnConfig.Database, err)
	}
	return nil
}
