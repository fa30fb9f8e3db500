package search

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"golang.org/x/time/rate"

	"lethe/adapters/postgres"
)

const (
	batchBlocks   = 2048  // of a table, read with one statement: 16 MB, and their TOAST values
	lockTimeout   = "10s" // when somebody has locked a table
	rewrittenAsks = 3     // how often a table rewritten meanwhile is read again
)

// Options say how to read.
type Options struct {
	// Rate is the maximum number of bytes a second; 0: no limit.
	Rate int
	// BatchBlocks is how much of a table one statement reads, so that none keeps the
	// server from cleaning up; 0: 16 MB.
	BatchBlocks int64
	// ApplicationName is shown in pg_stat_activity.
	ApplicationName string
}

// Database is a connection that reads a database and changes nothing.
type Database struct {
	conn    *pgx.Conn
	options Options
	pace    *rate.Limiter
	matcher *matcher
	bytes   int64
}

// Row is a row in which a needle was found.
type Row struct {
	Key   string           // by Keys; "" if there is none
	Found map[string][]int // columns, and which needles are in each
}

// Open connects to a database, not through PgBouncer. Errors are those of MapError.
func Open(ctx context.Context, url string, options Options) (*Database, error) {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, errors.New("invalid database URL") // the driver's error would quote it
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = 10 * time.Second
	}
	for name, value := range map[string]string{
		"application_name":  options.ApplicationName,
		"statement_timeout": "0",
		"lock_timeout":      lockTimeout,
		// The sample's costs would trigger it, and it would gain nothing.
		"jit": "off",
		// Rows that are hidden from this role are an error, not skipped.
		"row_security": "off",
		// Every statement qualifies its tables.
		"search_path": "pg_catalog",
	} {
		config.RuntimeParams[name] = value
	}
	if options.BatchBlocks == 0 {
		options.BatchBlocks = batchBlocks
	}
	d := &Database{options: options}
	if options.Rate > 0 {
		d.pace = rate.NewLimiter(rate.Limit(options.Rate), max(options.Rate/10, 1))
	}
	if d.conn, err = postgres.Connect(ctx, config); err != nil {
		return nil, postgres.MapError(err)
	}
	if _, err := d.conn.Exec(ctx, "SET default_transaction_read_only = on"); err != nil {
		d.Close()
		return nil, postgres.MapError(err)
	}
	return d, nil
}

func (d *Database) Close() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = d.conn.Close(ctx)
}

// For sets the needles to look for from now on.
func (d *Database) For(needles []Needle) { d.matcher = newMatcher(needles) }

func (d *Database) Conn() *pgx.Conn { return d.conn }

func (d *Database) Bytes() int64 { return d.bytes }

// Identity is the same for two connections to the same database.
func (d *Database) Identity(ctx context.Context) (string, error) {
	var identity string
	err := d.conn.QueryRow(ctx, `
		SELECT s.system_identifier || '/' || d.oid FROM pg_control_system() s, pg_database d WHERE d.datname = current_database()`).Scan(&identity)
	return identity, postgres.MapError(err)
}

// Read reads a table. key is a text expression of SQL that identifies rows, or "". Read
// calls found with each row that holds a needle, one at a time, and progress with the
// part of the table that has been read, up to 1. A row changed meanwhile may be
// reported twice, but is not missed. A table that no longer exists counts as empty. If
// it cannot be read entirely, unread says why. Errors are those of MapError.
func (d *Database) Read(ctx context.Context, t Table, key string, found func(Row), progress func(part float64)) (unread string, err error) {
	unread, err = d.read(ctx, t, key, found, progress)
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	pg, is := errors.AsType[*pgconn.PgError](err)
	switch {
	case !is:
		return unread, postgres.MapError(err)
	case pg.Code == "42P01": // dropped meanwhile
		return "", nil
	case pg.Code == "42703":
		return "lost a column while it was read: search again", nil
	case pg.Code == "42501":
		return "may not be read by this role: search as the owner of the database", nil
	case pg.Code == "55P03":
		return "is locked by another session: search again later", nil
	case strings.HasPrefix(pg.Code, "08"), strings.HasPrefix(pg.Code, "57P"):
		return "", postgres.MapError(err)
	default:
		return "could not be read: " + postgres.Described(err), nil
	}
}

func (d *Database) read(ctx context.Context, t Table, key string, found func(Row), progress func(part float64)) (string, error) {
	for range rewrittenAsks {
		before, blocks, err := d.file(ctx, t)
		if err != nil {
			return "", err
		}
		if err := d.readOnce(ctx, t, key, blocks, found, progress); err != nil {
			return "", err
		}
		after, _, err := d.file(ctx, t)
		if err != nil {
			return "", err
		}
		// One statement sees all rows, whatever becomes of the file.
		if after == before || blocks <= d.options.BatchBlocks {
			return "", nil
		}
	}
	return "was rewritten during each read: search again later", nil
}

// file returns the file of a table and its number of blocks.
func (d *Database) file(ctx context.Context, t Table) (file uint32, blocks int64, err error) {
	err = d.conn.QueryRow(ctx, fmt.Sprintf(`
		SELECT pg_relation_filenode(oid), pg_relation_size(oid) / current_setting('block_size')::bigint FROM pg_class WHERE oid = %d`, t.oid)).
		Scan(&file, &blocks)
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, 0, &pgconn.PgError{Code: "42P01"}
	}
	return file, blocks, err
}

// readOnce reads a table block by block. A long statement would keep the server from
// cleaning up everywhere; but between two statements, a row may move to blocks already
// read. So a last statement reads what was written since the beginning and skips the
// rest.
func (d *Database) readOnce(ctx context.Context, t Table, key string, blocks int64, found func(Row), progress func(part float64)) error {
	if blocks <= d.options.BatchBlocks {
		err := d.copy(ctx, t, key, "", found)
		progress(1)
		return err
	}
	var begun string
	if err := d.conn.QueryRow(ctx, "SELECT (pg_snapshot_xmin(pg_current_snapshot())::text::numeric % 4294967296)::text").Scan(&begun); err != nil {
		return err
	}
	for from := int64(0); from < blocks; from += d.options.BatchBlocks {
		where := fmt.Sprintf(" WHERE ctid >= '(%d,0)' AND ctid < '(%d,0)'", from, from+d.options.BatchBlocks)
		if err := d.copy(ctx, t, key, where, found); err != nil {
			return err
		}
		progress(min(1, float64(from+d.options.BatchBlocks)/float64(blocks+1)))
	}
	// Transactions are numbered modulo 2^32, and half of them lie ahead of any.
	err := d.copy(ctx, t, key, " WHERE (xmin::text::bigint - "+begun+" + 4294967296) % 4294967296 < 2147483648", found)
	progress(1)
	return err
}

// copy reads the rows of a table that match where.
func (d *Database) copy(ctx context.Context, t Table, key, where string, found func(Row)) error {
	err := d.copyAs(ctx, t, key, where, false, found)
	if pg, is := errors.AsType[*pgconn.PgError](err); is && pg.Code == "42883" {
		// Part of a composite has no binary form.
		err = d.copyAs(ctx, t, key, where, true, found)
	}
	return err
}

func (d *Database) copyAs(ctx context.Context, t Table, key, where string, texts bool, found func(Row)) error {
	var what []string
	if key != "" {
		what = append(what, "("+key+")")
	}
	first := len(what)
	for _, c := range t.columns {
		expression := pgx.Identifier{c.name}.Sanitize()
		if c.text || texts {
			expression += "::text"
		}
		what = append(what, expression)
	}
	only := ""
	if t.only {
		only = "ONLY "
	}
	sql := "COPY (SELECT " + strings.Join(what, ", ") + " FROM " + only + pgx.Identifier{t.Schema, t.Name}.Sanitize() + where + ") TO STDOUT (FORMAT binary)"

	var name []byte
	row := map[string][]int{}
	rows := newRows(ctx, d.pace, func(i int, value []byte) {
		if i < first {
			name = append(name[:0], value...)
			return
		}
		of := t.columns[i-first].name
		d.matcher.find(value, func(needle int) {
			if !slices.Contains(row[of], needle) {
				row[of] = append(row[of], needle)
			}
		})
	}, func() {
		if len(row) > 0 {
			found(Row{Key: string(name), Found: row})
			row = map[string][]int{}
		}
		name = name[:0]
	})
	_, err := d.conn.PgConn().CopyTo(ctx, rows, sql)
	d.bytes += rows.bytes
	if err == nil && !rows.over {
		err = errCopy
	}
	return err
}
