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
	files := map[string]string{"23514": "execMain.c", "57014": "postgres.c"}
	pg := func(state string) error {
		return fmt.Errorf("wrapped: %w", &pgconn.PgError{
			Code: state, Message: "canceling statement", Detail: secret, Hint: secret, Where: secret, InternalQuery: secret,
			TableName: "requests", ColumnName: "error", ConstraintName: "failed_fields_check", File: files[state],
		})
	}
	own := domain.Errorf(domain.CodeForbidden, "no")
	cases := map[string]struct {
		err     error
		code    domain.Code
		message string // its beginning
	}{
		"no rows":             {pgx.ErrNoRows, domain.CodeNotFound, "No such row"},
		"own":                 {fmt.Errorf("with words: %w", own), domain.CodeForbidden, "with words"},
		"connection failure":  {pg("08006"), domain.CodeUnavailable, "The database cannot be reached"},
		"admin shutdown":      {pg("57P01"), domain.CodeUnavailable, "The database cannot be reached"},
		"starting up":         {pg("57P03"), domain.CodeUnavailable, "The database cannot be reached"},
		"idle in transaction": {pg("25P03"), domain.CodeUnavailable, "The database cannot be reached"},
		"transaction timeout": {pg("25P04"), domain.CodeUnavailable, "The database cannot be reached"},
		"idle":                {pg("57P05"), domain.CodeUnavailable, "The database cannot be reached"},
		"connection closed":   {pgconn.ErrConnClosed, domain.CodeUnavailable, "The database cannot be reached"},
		"end of stream":       {fmt.Errorf("receive: %w", io.ErrUnexpectedEOF), domain.CodeUnavailable, "The database cannot be reached"},
		"reset by peer":       {&net.OpError{Op: "read", Err: errors.New("connection reset")}, domain.CodeUnavailable, "The database cannot be reached"},
		"connecting":          {fmt.Errorf("w: %w", &pgconn.ConnectError{Config: &pgconn.Config{}}), domain.CodeUnavailable, "The database cannot be reached"},
		"too many":            {pg("53300"), domain.CodeUnavailable, "No database connection is free"},
		"disk full":           {pg("53100"), domain.CodeUnavailable, "The database's disk is full, and nothing was changed"},
		"out of memory":       {pg("53200"), domain.CodeUnavailable, "The database is out of resources"},
		"input or output":     {pg("58030"), domain.CodeUnavailable, "The database cannot read or write its files"},
		"statement timeout":   {pg("57014"), domain.CodeUnavailable, "The database took too long"},
		"lock timeout":        {pg("55P03"), domain.CodeUnavailable, "The database took too long"},
		"deadlock":            {pg("40P01"), domain.CodeUnavailable, "Another transaction is changing"},
		"serialization":       {pg("40001"), domain.CodeUnavailable, "Another transaction is changing"},
		"read only":           {pg("25006"), domain.CodeUnavailable, "The database does not accept changes"},
		"standby":             {&pgconn.PgError{Code: "0A000", Routine: "call_bool_check_hook"}, domain.CodeUnavailable, "The database does not accept changes"},
		"privilege":           {pg("42501"), domain.CodeUnavailable, "The database lacks"},
		"no table":            {pg("42P01"), domain.CodeUnavailable, "The database lacks"},
		"no column":           {pg("42703"), domain.CodeUnavailable, "The database lacks"},
		"no such operator":    {pg("42883"), domain.CodeUnavailable, "The database lacks"},
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
				t.Errorf("the error quotes a value: %s", all)
			}
			if _, ok := errors.AsType[*pgconn.PgError](got); ok {
				t.Error("the driver's error can be unwrapped")
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
	if got := postgres.MapError(pg("23514")).Error(); !strings.Contains(got, "SQLSTATE 23514: canceling statement, table requests, column error, constraint failed_fields_check") {
		t.Errorf("the error does not say where: %s", got)
	}
	if got := postgres.MapError(pg("57014")).Error(); !strings.Contains(got, "SQLSTATE 57014: canceling statement") {
		t.Errorf("the error does not say what: %s", got)
	}
}

// TestErrorsOmitValues tries every way in which an error may quote a value, and
// checks what it says instead.
func TestErrorsOmitValues(t *testing.T) {
	t.Parallel()
	url := pgtest.Empty(t).URL
	db := open(t, postgres.Config{URL: url})
	const secret = "S3CR3T-Canary"
	for _, sql := range []string{
		`CREATE TABLE notes (id int PRIMARY KEY, words text UNIQUE CHECK (words <> 'no S3CR3T-Canary'), n smallint, j jsonb, e text NOT NULL DEFAULT '', v varchar(5))`,
		`INSERT INTO notes (id, words) VALUES (1, 'S3CR3T-Canary')`,
		`CREATE TABLE others (words text REFERENCES notes (words), r int4range, EXCLUDE USING gist (r WITH &&))`,
		`INSERT INTO others VALUES ('S3CR3T-Canary', '[1,5)')`,
		`CREATE TABLE parts (words text) PARTITION BY LIST (words)`,
		`CREATE DOMAIN short AS text CHECK (length(VALUE) < 3)`,
		`CREATE FUNCTION refuse() RETURNS trigger AS $$ BEGIN
			RAISE EXCEPTION 'not %', OLD.words USING ERRCODE = TG_ARGV[0], DETAIL = OLD.words, HINT = OLD.words, TABLE = OLD.words, SCHEMA = OLD.words,
				COLUMN = OLD.words, CONSTRAINT = OLD.words, DATATYPE = OLD.words;
		END $$ LANGUAGE plpgsql`,
		`CREATE FUNCTION cast_it(words text) RETURNS int AS $$ BEGIN RETURN words::int; END $$ LANGUAGE plpgsql`,
		`CREATE FUNCTION run_it(words text) RETURNS int AS $$ DECLARE n int; BEGIN EXECUTE 'SELECT "' || words || '" FROM notes' INTO n; RETURN n; END $$ LANGUAGE plpgsql`,
		`CREATE FUNCTION assert_it(words text) RETURNS int AS $$ BEGIN ASSERT false, words; END $$ LANGUAGE plpgsql`,
		`CREATE FUNCTION null_it(words text) RETURNS int AS $$ BEGIN INSERT INTO notes (id, words, e) VALUES (9, words, NULL); RETURN 1; END $$ LANGUAGE plpgsql`,
	} {
		exec(t, db, sql)
	}
	raised := func(state string) string {
		table := "raising_" + strings.ToLower(state)
		exec(t, db, `CREATE TABLE `+table+` (words text); INSERT INTO `+table+` VALUES ('S3CR3T-Canary')`)
		exec(t, db, `CREATE TRIGGER refuse BEFORE DELETE ON `+table+` FOR EACH ROW EXECUTE FUNCTION refuse('`+state+`')`)
		return `-- name: Raise` + state + ` :exec` + "\n" + `DELETE FROM ` + table
	}
	type wanted struct {
		sql  string
		args []any
		want []string
	}
	cases := map[string]wanted{
		"unique": {`INSERT INTO notes (id, words) VALUES (2, $1)`, []any{secret}, []string{
			`SQLSTATE 23505: duplicate key value violates unique constraint "notes_words_key" (Key (words)=(…)), schema public, table notes, constraint notes_words_key`,
			"in statement `INSERT INTO notes (id, words) VALUES (2, $1)`"}},
		"check":        {`INSERT INTO notes (id, words) VALUES (2, $1)`, []any{"no " + secret}, []string{`violates check constraint "notes_words_check"`}},
		"not null":     {`INSERT INTO notes (id, words, e) VALUES (2, $1, NULL)`, []any{"x" + secret}, []string{`null value in column "e" of relation "notes"`}},
		"foreign key":  {`INSERT INTO others VALUES ($1)`, []any{"no " + secret}, []string{`violates foreign key constraint "others_words_fkey" (Key (words)=(…))`}},
		"referenced":   {`DELETE FROM notes WHERE words = $1`, []any{secret}, []string{`on table "others" (Key (words)=(…))`}},
		"exclusion":    {`INSERT INTO others VALUES (NULL, '[2,3)')`, nil, []string{`violates exclusion constraint`}},
		"no partition": {`INSERT INTO parts VALUES ($1)`, []any{secret}, []string{`no partition of relation "parts"`}},
		"domain":       {`SELECT $1::text::short`, []any{secret}, []string{"value for domain short violates check constraint"}},
		"cast":         {`SELECT $1::text::uuid`, []any{secret}, []string{"SQLSTATE 22P02: invalid input syntax for type uuid, in statement", "from string_to_uuid of uuid.c"}},
		"number":       {`SELECT $1::text::int`, []any{secret}, []string{"invalid input syntax for type integer"}},
		"time":         {`SELECT $1::text::timestamptz`, []any{secret}, []string{"invalid input syntax for type timestamp with time zone"}},
		"json":         {`SELECT $1::text::jsonb`, []any{`{"a": ` + secret + `}`}, []string{"invalid input syntax for type json"}},
		"json escape":  {`SELECT $1::text::jsonb->>'a'`, []any{`{"a": "` + secret + `\u0000"}`}, []string{"unsupported Unicode escape sequence"}},
		"array":        {`SELECT $1::text::text[]`, []any{`{` + secret}, []string{"malformed array literal"}},
		"regexp":       {`SELECT 'a' ~ $1`, []any{`(` + secret}, []string{"invalid regular expression"}},
		"too long":     {`INSERT INTO notes (id, v) VALUES (5, $1)`, []any{secret}, []string{"value too long for type character varying"}},
		"encode":       {`SELECT $1::int`, []any{secret}, nil},
		"bytes":        {`SELECT convert_from($1, 'UTF8')`, []any{append([]byte(secret), 0xff)}, []string{"SQLSTATE 22021"}},
		"scan":         {`-- name: Scan :one` + "\n" + `SELECT words FROM notes`, nil, []string{"column 1 (words) has an unexpected type, in statement Scan"}},
		"no column":    {`-- name: NoColumn :one` + "\n" + `SELECT n.nothing FROM notes n WHERE words = $1`, []any{secret}, []string{"SQLSTATE 42703: column n.nothing does not exist, in statement NoColumn at character 31, near n.nothing"}},
		"no operator":  {`SELECT id FROM notes WHERE j = id AND words = $1`, []any{secret}, []string{"operator does not exist: jsonb = integer (No operator matches the given name and argument types."}},
		"feature":      {`SELECT words FROM notes WHERE words = $1 GROUP BY words FOR UPDATE`, []any{secret}, []string{"SQLSTATE 0A000: FOR UPDATE is not allowed with GROUP BY clause, in statement"}},
		"cast in a function": {`SELECT cast_it($1)`, []any{secret}, []string{
			"invalid input syntax for type integer, in statement `SELECT cast_it($1)`, in PL/pgSQL function cast_it(text) line 1 at RETURN"}},
		"SQL made by a function":  {`SELECT run_it($1)`, []any{secret}, []string{"SQLSTATE 42703", "in PL/pgSQL function run_it(text) line 1 at EXECUTE", "see the server's log"}},
		"assertion in a function": {`SELECT assert_it($1)`, []any{secret}, []string{"SQLSTATE P0004", "see the server's log"}},
		"insert in a function":    {`SELECT null_it($1)`, []any{secret}, []string{`null value in column "e" of relation "notes"`}},
	}
	// A function may raise any state.
	for _, state := range []string{"P0001", "22P02", "23505", "23514", "42501", "42703", "0A000", "55000", "53100", "57014", "XX000", "XX001", "08006", "40001", "25006", "ZZ999"} {
		cases["raised as "+state] = wanted{raised(state), nil, []string{"SQLSTATE " + state, "in statement Raise" + state}}
		if state == "08006" { // counts as a lost connection
			cases["raised as "+state] = wanted{raised("08001"), nil, nil}
		}
	}
	for name, c := range cases {
		for how, ask := range map[string]func(conn postgres.Conn) error{
			"single": func(conn postgres.Conn) error {
				var n int
				return conn.QueryRow(t.Context(), c.sql, c.args...).Scan(&n)
			},
			"batch": func(conn postgres.Conn) error {
				var b pgx.Batch
				b.Queue(`SELECT 1`)
				b.Queue(c.sql, c.args...).QueryRow(func(row pgx.Row) error {
					var n int
					return row.Scan(&n)
				})
				b.Queue(`SELECT 2`)
				return conn.SendBatch(t.Context(), &b).Close()
			},
		} {
			for where, err := range map[string]error{
				"": db.Use(t.Context(), ask), " of a transaction": db.Tx(t.Context(), func(tx *postgres.Tx) error { return ask(tx) }),
			} {
				text := fmt.Sprintf("%v %+v %s", err, err, postgres.Described(err))
				if err == nil || strings.Contains(strings.ToLower(text), "s3cr3t") {
					t.Errorf("%s, %s%s: the error quotes a value: %s", name, how, where, text)
				}
				for _, want := range c.want {
					if !strings.Contains(text, want) {
						t.Errorf("%s, %s%s: want %s in %v", name, how, where, want, err)
					}
				}
			}
		}
	}
}

// TestUnreachableMessage: the driver lists every attempt, some of them twice; the message names
// each address once.
func TestUnreachableMessage(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]string{
		"postgres://u:hunter2@127.0.0.1:1/d":                             `database "d" at 127.0.0.1:1 as role "u": connection refused`,
		"postgres://u:hunter2@127.0.0.1:1/d?sslmode=require":             `database "d" at 127.0.0.1:1 as role "u": connection refused`,
		"postgres://u:hunter2@127.0.0.1:1,127.0.0.1:2/d?sslmode=disable": `database "d" at 127.0.0.1:1, 127.0.0.1:2 as role "u": connection refused`,
		"postgres://u:hunter2@lethe.invalid:1/d":                         `database "d" at lethe.invalid:1 as role "u": host "lethe.invalid" not found`,
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
