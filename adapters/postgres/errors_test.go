package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"lethe/adapters/postgres"
	"lethe/domain"
	"lethe/internal/pgtest"
)

func TestMapError(t *testing.T) {
	t.Parallel()
	const secret = "words of people"
	pg := func(state string) error {
		return fmt.Errorf("wrapped: %w", &pgconn.PgError{
			Code: state, Message: "canceling statement", Detail: secret, Hint: secret, Where: secret, InternalQuery: secret,
			TableName: "requests", ColumnName: "error", ConstraintName: "failed_fields_check",
		})
	}
	own := domain.Errorf(domain.CodeForbidden, "no")
	cases := map[string]struct {
		err     error
		code    domain.Code
		message string // its beginning
	}{
		"no rows":             {pgx.ErrNoRows, domain.CodeNotFound, "There is no"},
		"own":                 {fmt.Errorf("with words: %w", own), domain.CodeForbidden, "with words"},
		"connection failure":  {pg("08006"), domain.CodeUnavailable, "The database cannot be reached"},
		"admin shutdown":      {pg("57P01"), domain.CodeUnavailable, "The database cannot be reached"},
		"starting up":         {pg("57P03"), domain.CodeUnavailable, "The database cannot be reached"},
		"connection closed":   {pgconn.ErrConnClosed, domain.CodeUnavailable, "The database cannot be reached"},
		"end of stream":       {fmt.Errorf("receive: %w", io.ErrUnexpectedEOF), domain.CodeUnavailable, "The database cannot be reached"},
		"reset by peer":       {&net.OpError{Op: "read", Err: errors.New("connection reset")}, domain.CodeUnavailable, "The database cannot be reached"},
		"connecting":          {fmt.Errorf("w: %w", &pgconn.ConnectError{Config: &pgconn.Config{}}), domain.CodeUnavailable, "The database cannot be reached"},
		"too many":            {pg("53300"), domain.CodeUnavailable, "No database connection is free"},
		"statement timeout":   {pg("57014"), domain.CodeUnavailable, "The database took too long"},
		"lock timeout":        {pg("55P03"), domain.CodeUnavailable, "The database took too long"},
		"deadlock":            {pg("40P01"), domain.CodeUnavailable, "Others are changing"},
		"serialization":       {pg("40001"), domain.CodeUnavailable, "Others are changing"},
		"read only":           {pg("25006"), domain.CodeUnavailable, "The database takes no changes"},
		"privilege":           {pg("42501"), domain.CodeInternal, "The database lacks"},
		"no table":            {pg("42P01"), domain.CodeInternal, "The database lacks"},
		"no column":           {pg("42703"), domain.CodeInternal, "The database lacks"},
		"unique violation":    {pg("23505"), domain.CodeInternal, "The database could not"},
		"raised by a trigger": {pg("P0001"), domain.CodeInternal, "The database could not"},
		"unknown":             {errors.New(secret), domain.CodeInternal, "The database could not"},
		"scan":                {pgx.ScanArgError{ColumnIndex: 1, FieldName: "body", Err: errors.New(secret)}, domain.CodeInternal, "The database could not"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := postgres.MapError(c.err)
			if domain.CodeOf(got) != c.code || !strings.HasPrefix(got.Error(), c.message) {
				t.Errorf("want %s %q, got %s %q", c.code, c.message, domain.CodeOf(got), got)
			}
			if all := fmt.Sprintf("%v %+v %#v", got, errors.Unwrap(got), errors.Unwrap(got)); strings.Contains(all, secret) {
				t.Errorf("the error holds what the driver quoted: %s", all)
			}
			if _, ok := errors.AsType[*pgconn.PgError](got); ok {
				t.Error("the driver's error can still be had")
			}
		})
	}
	if got := postgres.MapError(nil); got != nil {
		t.Errorf("want nil, got %v", got)
	}
	for _, end := range []error{context.Canceled, context.DeadlineExceeded} {
		if got := postgres.MapError(fmt.Errorf("timeout: %w", end)); got != end {
			t.Errorf("want %v, got %v", end, got)
		}
	}
	if got := postgres.MapError(pg("23514")).Error(); !strings.Contains(got, "SQLSTATE 23514, table requests, column error, constraint failed_fields_check") {
		t.Errorf("the log would not say where: %s", got)
	}
	if got := postgres.MapError(pg("57014")).Error(); !strings.Contains(got, "SQLSTATE 57014: canceling statement") {
		t.Errorf("the log would not say what: %s", got)
	}
}

// What real errors of server and driver quote, never comes through.
func TestErrorsQuoteNoValues(t *testing.T) {
	t.Parallel()
	db := open(t, postgres.Config{URL: pgtest.Empty(t).URL})
	const secret = "s3cr3t-words"
	exec(t, db, `CREATE TABLE notes (id int PRIMARY KEY, words text UNIQUE CHECK (words <> 'no '||'s3cr3t-words'), n smallint)`)
	exec(t, db, `INSERT INTO notes VALUES (1, $1)`, secret)
	exec(t, db, `CREATE FUNCTION refuse() RETURNS trigger AS $$ BEGIN RAISE EXCEPTION 'not %', OLD.words; END $$ LANGUAGE plpgsql`)
	exec(t, db, `CREATE TRIGGER refuse BEFORE DELETE ON notes FOR EACH ROW EXECUTE FUNCTION refuse()`)
	for name, c := range map[string]struct {
		sql  string
		args []any
	}{
		"unique": {`INSERT INTO notes VALUES (2, $1)`, []any{secret}},
		"check":  {`INSERT INTO notes VALUES (2, $1)`, []any{"no " + secret}},
		"cast":   {`SELECT $1::text::uuid`, []any{secret}},
		"encode": {`SELECT $1::int`, []any{secret}},
		"raise":  {`DELETE FROM notes`, nil},
		"bytes":  {`SELECT $1::text`, []any{secret + "\x00"}},
		"scan":   {`SELECT words FROM notes`, nil},
	} {
		err := db.Use(t.Context(), func(conn postgres.Conn) error {
			var n int
			return conn.QueryRow(t.Context(), c.sql, c.args...).Scan(&n)
		})
		if domain.CodeOf(err) != domain.CodeInternal {
			t.Errorf("%s: want %s, got %v", name, domain.CodeInternal, err)
		}
		if text := fmt.Sprintf("%v %+v", err, err); strings.Contains(text, "s3cr3t") {
			t.Errorf("%s: the error quotes a value: %s", name, text)
		}
	}
}

// TestAway: the driver tells of each way that it has tried, and of an address
// twice; who reads it needs it once.
func TestAway(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]string{
		"postgres://u:hunter2@127.0.0.1:1/d":                             `database "d" at 127.0.0.1:1 as role "u": connection refused`,
		"postgres://u:hunter2@127.0.0.1:1/d?sslmode=require":             `database "d" at 127.0.0.1:1 as role "u": connection refused`,
		"postgres://u:hunter2@127.0.0.1:1,127.0.0.1:2/d?sslmode=disable": `database "d" at 127.0.0.1:1, 127.0.0.1:2 as role "u": connection refused`,
		"postgres://u:hunter2@lethe.invalid:1/d":                         `database "d" at lethe.invalid:1 as role "u": there is no host "lethe.invalid"`,
	} {
		config, err := pgx.ParseConfig(url)
		if err != nil {
			t.Fatal(err)
		}
		conn, err := postgres.Connect(t.Context(), config)
		if conn != nil || err == nil || err.Error() != want {
			t.Errorf("%s: got %v, want %s", url, err, want)
		}
		db, err := postgres.Open(postgres.Config{URL: url})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(db.Close)
		err = db.Ping(t.Context())
		if away, ok := errors.AsType[*postgres.Away](err); !ok || away.Error() != want || !strings.HasPrefix(err.Error(), "The database cannot be reached") {
			t.Errorf("%s: got %v, want %s", url, err, want)
		}
	}
}
