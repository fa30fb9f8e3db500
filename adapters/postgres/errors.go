package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"lethe/domain"
)

const (
	msgUnreachable  = "The database cannot be reached; try again later"
	msgUndone       = "The database cannot be reached, and nothing was changed; try again later"
	msgUnconfirmed  = "The connection to the database was lost before it confirmed the change: check whether the change was made, or repeat the request"
	msgFull         = "The database's disk is full, and nothing was changed; its operator must free space"
	msgShort        = "The database is out of resources, and nothing was changed; try again later"
	msgStorage      = "The database cannot read or write its files, and nothing was changed; its operator must check its disk"
	msgNoConnection = "No database connection is free; try again later"
	msgTooLong      = "The database took too long; try again later"
	msgBlocked      = "Another transaction is changing the same rows; try again later"
	msgChanged      = "The database's tables are being changed; try again later"
	msgReadOnly     = "The database does not accept changes at present; try again later"
	msgStandby      = "The database is a standby, which does not accept changes; give the URL of its primary, or promote it"

	msgReadOnlySessions = "The database's sessions are read only, and sessions cannot change that through PgBouncer: reset default_transaction_read_only on the role, the database or the server"

	msgNotReady = "The database lacks a required table, column or privilege, or a column has the wrong type; run `lethe doctor`"
	msgFault    = "The database could not run a statement"
	msgNotFound = "No such row"
)

var errNoneFree = errors.New("all connections of the pool stayed in use until the limit for getting one")

// MapError turns a driver's error into a domain error. A domain error stays as it is;
// the end of a context becomes context.Canceled or DeadlineExceeded. The result may be
// logged: a driver's error can quote rows and arguments, so its cause is described
// without them.
func MapError(err error) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*domain.Error](err); ok {
		return err
	}
	fail := func(code domain.Code, message string) error {
		return &domain.Error{Code: code, Message: message, Cause: safeCause(err)}
	}
	switch state := sqlState(err); {
	case errors.Is(err, pgx.ErrNoRows):
		return domain.Errorf(domain.CodeNotFound, msgNotFound)
	case isUnattested(err):
		u, _ := errors.AsType[*unattested](err)
		return fail(domain.CodeUnavailable, u.message)
	case errors.Is(err, errNoneFree), state == "53300":
		return fail(domain.CodeUnavailable, msgNoConnection)
	case connecting(err):
		return fail(domain.CodeUnavailable, msgUnreachable)
	case errors.Is(err, context.Canceled):
		return context.Canceled
	case errors.Is(err, context.DeadlineExceeded):
		return context.DeadlineExceeded
	case unreachable(err):
		return fail(domain.CodeUnavailable, msgUnreachable)
	case state == "53100":
		return fail(domain.CodeUnavailable, msgFull)
	case strings.HasPrefix(state, "53"):
		return fail(domain.CodeUnavailable, msgShort)
	case state == "58030":
		return fail(domain.CodeUnavailable, msgStorage)
	case state == "57014", state == "55P03":
		return fail(domain.CodeUnavailable, msgTooLong)
	case serialization(err):
		return fail(domain.CodeUnavailable, msgBlocked)
	case outdated(err):
		return fail(domain.CodeUnavailable, msgChanged)
	case readOnly(err):
		return fail(domain.CodeUnavailable, msgReadOnly)
	case state == "42501", state == "42P01", state == "42703", state == "3F000", slices.Contains(mistyped, state):
		return fail(domain.CodeUnavailable, msgNotReady)
	}
	return fail(domain.CodeInternal, msgFault)
}

// mapWithin is MapError, except that the end of the caller's own context takes
// precedence over its effect on the query.
func mapWithin(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*domain.Error](err); !ok && ctx.Err() != nil {
		return ctx.Err()
	}
	return MapError(err)
}

func sqlState(err error) string {
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		return pg.Code
	}
	return ""
}

func connecting(err error) bool {
	_, driver := errors.AsType[*pgconn.ConnectError](err)
	_, own := errors.AsType[*Away](err)
	return driver || own
}

// ended are the states with which the server ends a session whose transaction is idle
// or open for too long: idle_in_transaction_session_timeout and transaction_timeout.
var ended = []string{"25P03", "25P04"}

// lost reports whether a connection broke.
func lost(err error) bool {
	if connecting(err) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return false
	}
	switch state := sqlState(err); {
	case strings.HasPrefix(state, "08"), strings.HasPrefix(state, "57P"), slices.Contains(ended, state):
		return true
	case state != "":
		return false
	}
	_, network := errors.AsType[net.Error](err)
	return network || errors.Is(err, pgconn.ErrConnClosed) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}

// answerLost reports whether the fate of the statement is unknown: the server has not
// refused it.
func answerLost(err error) bool {
	_, own := errors.AsType[*domain.Error](err)
	return !own && (lost(err) || sqlState(err) == "" &&
		(errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)))
}

// unattested is the loss of a connection in a transaction, with what is known of it.
type unattested struct {
	error
	message string
}

func (u *unattested) Unwrap() error { return u.error }

func isUnattested(err error) bool {
	u, ok := errors.AsType[*unattested](err)
	// A timeout or a cancelation is reported as such unless that hides more.
	return ok && (u.message == msgUnconfirmed || lost(u.error))
}

func unconfirmed(err error) bool {
	u, ok := errors.AsType[*unattested](err)
	return ok && u.message == msgUnconfirmed
}

func unreachable(err error) bool {
	return lost(err) || connecting(err)
}

// serialization reports whether Postgres aborted a transaction in favour of another: in
// a deadlock, or a replica's query in conflict with replay.
func serialization(err error) bool {
	state := sqlState(err)
	return state == "40001" || state == "40P01"
}

// readOnly reports whether a session may change nothing, or is on a standby, which
// refuses to begin transactions that may write.
func readOnly(err error) bool {
	pg, ok := errors.AsType[*pgconn.PgError](err)
	// The message is in the server's language, the function's name is not.
	return ok && (pg.Code == "25006" || pg.Code == "0A000" && pg.Routine == "call_bool_check_hook")
}

// outdated reports whether a statement was prepared for earlier versions of tables, or
// was dropped by somebody else.
func outdated(err error) bool {
	pg, ok := errors.AsType[*pgconn.PgError](err)
	// The message is in the server's language, the function's name is not.
	return ok && (pg.Code == "0A000" && pg.Routine == "RevalidateCachedQuery" || pg.Code == "26000")
}

// mistyped are the states of statements that do not fit the types of columns.
var mistyped = []string{"42804", "42883", "42P08", "42P18"}

// stale reports whether forgetting prepared statements may cure the error: it may for
// outdated ones, and for arguments whose type was fixed when a column had another.
func stale(err error) bool {
	return outdated(err) || slices.Contains(mistyped, sqlState(err))
}

// cause is what a log may hold of a driver's error. It does not unwrap: the error
// behind it quotes rows.
type cause string

func (c cause) Error() string { return string(c) }

// refusal is the cause if the server refused.
type refusal struct {
	cause
	state string
}

// Classes of SQLSTATE by which the database refuses to change certain rows while it may
// change others: errors caused by values, constraints, triggers, functions of the
// operator, and damaged files.
var refusals = []string{"21", "22", "23", "27", "38", "39", "44", "P0", "XX"}

// WhyRefused says whether an error of MapError concerns only the rows to be changed, so
// that others can be: CodeRefused if the database does not allow the change, CodeBusy
// if something else is using the rows. Otherwise it is empty.
func WhyRefused(err error) domain.Code {
	r, ok := errors.AsType[refusal](err)
	switch {
	case !ok:
		return ""
	case slices.Contains([]string{"55P03", "57014", "40001", "40P01"}, r.state):
		return domain.CodeBusy
	case slices.ContainsFunc(refusals, func(class string) bool { return strings.HasPrefix(r.state, class) }):
		return domain.CodeRefused
	}
	return ""
}

func safeCause(err error) error {
	if errors.Is(err, errNoneFree) {
		return cause(err.Error())
	}
	if away, ok := errors.AsType[*Away](err); ok {
		return away
	}
	if failed, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return awayOf(failed)
	}
	if lost(err) {
		return &Away{Reason: reason(err)} // addresses and the network's error
	}
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		return refusal{cause(describe(pg, statementOf(err))), pg.Code}
	}
	if scan, ok := errors.AsType[pgx.ScanArgError](err); ok {
		text := fmt.Sprintf("column %d (%s) has an unexpected type", scan.ColumnIndex+1, scan.FieldName)
		if statement := statementOf(err); statement != "" {
			text += ", in statement " + nameOf(statement)
		}
		return cause(text)
	}
	inner := err
	for next := errors.Unwrap(inner); next != nil; next = errors.Unwrap(inner) {
		inner = next
	}
	text := fmt.Sprintf("the driver failed with a %T", inner)
	if statement := statementOf(err); statement != "" {
		text += ", in statement " + nameOf(statement)
	}
	return cause(text)
}
