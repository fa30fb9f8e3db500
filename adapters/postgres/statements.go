package postgres

import (
	"context"
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// statements remembers, on each connection, the current statement and the first that
// failed.
type statements struct{}

var (
	_ pgx.QueryTracer = statements{}
	_ pgx.BatchTracer = statements{}
)

type asked struct{ sql, failed string }

const askedKey = "lethe.asked" // in what a connection carries for its user

func askedOn(conn *pgx.Conn) *asked {
	carried := conn.PgConn().CustomData()
	a, _ := carried[askedKey].(*asked)
	if a == nil {
		a = &asked{}
		carried[askedKey] = a
	}
	return a
}

func (statements) TraceQueryStart(ctx context.Context, conn *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	askedOn(conn).sql = data.SQL
	return ctx
}

func (statements) TraceQueryEnd(_ context.Context, conn *pgx.Conn, data pgx.TraceQueryEndData) {
	if a := askedOn(conn); data.Err != nil && a.failed == "" {
		a.failed = a.sql
	}
}

func (statements) TraceBatchStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceBatchStartData) context.Context {
	return ctx
}

func (statements) TraceBatchQuery(_ context.Context, conn *pgx.Conn, data pgx.TraceBatchQueryData) {
	if a := askedOn(conn); data.Err != nil && a.failed == "" {
		a.failed = data.SQL
	}
}

// If a statement could not be prepared, none was executed.
func (statements) TraceBatchEnd(_ context.Context, conn *pgx.Conn, data pgx.TraceBatchEndData) {
	if early, ok := errors.AsType[pgx.ErrPreprocessingBatch](data.Err); ok {
		if a := askedOn(conn); a.failed == "" {
			a.failed = early.SQL()
		}
	}
}

// failure is a driver's error with the statement that caused it.
type failure struct {
	error
	sql string
}

func (f *failure) Unwrap() error { return f.error }

// within calls fn, which uses the connection, and adds the statement that failed to its
// error.
func within(conn *pgxpool.Conn, fn func() error) error {
	a := askedOn(conn.Conn())
	a.failed = ""
	if err := fn(); err != nil {
		if a.failed != "" {
			return &failure{err, a.failed}
		}
		return err
	}
	return nil
}

func statementOf(err error) string {
	if f, ok := errors.AsType[*failure](err); ok {
		return f.sql
	}
	return ""
}

const maxStatementName = 60

// nameOf returns the name of a statement in queries/, which sqlc keeps in its first
// line, or else its beginning without any constants.
func nameOf(sql string) string {
	if rest, ok := strings.CutPrefix(sql, "-- name: "); ok {
		if name, _, ok := strings.Cut(rest, " "); ok && len(name) <= maxStatementName {
			return name
		}
	}
	words, _, _ := strings.Cut(strings.Join(strings.Fields(sql), " "), "'")
	if len(words) > maxStatementName {
		words = strings.ToValidUTF8(words[:maxStatementName], "") + "…"
	}
	return "`" + words + "`"
}

// near returns the word of a statement at a position, in characters from 1.
func near(sql string, position int32) string {
	for range position - 1 {
		_, size := utf8.DecodeRuneInString(sql)
		sql = sql[size:]
	}
	end := strings.IndexFunc(sql, func(r rune) bool {
		return r != '_' && r != '.' && r != '$' && !unicode.IsLetter(r) && !unicode.IsDigit(r)
	})
	if end < 0 {
		end = len(sql)
	}
	return sql[:min(end, maxStatementName)]
}
