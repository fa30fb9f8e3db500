package postgres

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Classes and codes of SQLSTATE whose messages and details contain names of things, but
// never values: connections, features, transactions, privileges, missing things,
// statements, resources, limits, states, cancellation, files, damage.
var named = []string{"08", "0A", "25", "28", "2B", "3B", "3D", "3F", "40", "42", "53", "54", "55", "57", "58", "XX001", "XX002"}

// Source files of the server whose messages name only tables, columns, constraints and
// files, wherever the error arose.
var namingFiles = []string{
	"aclchk.c", "bufmgr.c", "deadlock.c", "execIndexing.c", "execMain.c", "execPartition.c", "fd.c", "heapam.c", "lmgr.c", "lock.c", "md.c",
	"nbtinsert.c", "nodeLockRows.c", "nodeModifyTable.c", "plancache.c", "postgres.c", "proc.c", "ri_triggers.c", "xlog.c",
}

// Source files of the server whose messages say what is wrong with a value, in fixed
// words up to where they quote it.
var valueFiles = []string{
	"arrayfuncs.c", "bool.c", "bytea.c", "datetime.c", "encode.c", "enum.c", "execExprInterp.c", "float.c", "formatting.c", "int.c", "int8.c",
	"json.c", "jsonapi.c", "jsonb.c", "jsonb_util.c", "jsonfuncs.c", "jsonpath_exec.c", "mbutils.c", "numeric.c", "numutils.c", "regexp.c",
	"timestamp.c", "uuid.c", "varchar.c", "varlena.c", "xml.c",
}

// Prefixes of the server's internal errors, which continue with a number or a name.
var faults = []string{
	"cache lookup failed", "could not find", "could not open relation with OID", "invalid memory alloc request size", "tuple concurrently",
	"unexpected chunk number", "missing chunk number",
}

// describe says what the database reported about a statement, without values of rows
// and arguments. Functions of the operator, other languages and other servers may put
// anything into an error, so of theirs it reports only the place.
func describe(pg *pgconn.PgError, statement string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "SQLSTATE %s", pg.Code)
	// Only errors from a function or from another server have a context.
	own := slices.Contains(namingFiles, pg.File) || pg.Where == "" && pg.InternalQuery == ""
	names := slices.ContainsFunc(named, func(class string) bool { return strings.HasPrefix(pg.Code, class) })
	said, withheld := "", false
	switch key := strings.HasPrefix(pg.Code, "23"); {
	case own && (names || key && slices.Contains(namingFiles, pg.File)):
		said = pg.Message
		more := []string{pg.Detail, pg.Hint}
		if key {
			more = []string{keyOnly(pg.Detail)}
		} else if pg.Where != "" {
			more = nil
		}
		for _, part := range more {
			if part != "" {
				said += " (" + part + ")"
			}
		}
	case slices.Contains(valueFiles, pg.File), own && slices.ContainsFunc(faults, func(words string) bool { return strings.HasPrefix(pg.Message, words) }):
		said = plainWords(pg.Message)
	default:
		withheld = pg.Message != ""
	}
	if said != "" {
		b.WriteString(": " + strings.Join(strings.Fields(said), " "))
	}
	if own {
		for _, part := range []struct{ name, value string }{
			{"schema", pg.SchemaName}, {"table", pg.TableName}, {"column", pg.ColumnName},
			{"type", pg.DataTypeName}, {"constraint", pg.ConstraintName},
		} {
			if part.value != "" {
				fmt.Fprintf(&b, ", %s %s", part.name, part.value)
			}
		}
	}
	if statement != "" {
		b.WriteString(", in statement " + nameOf(statement))
		if pg.Position > 0 {
			fmt.Fprintf(&b, " at character %d", pg.Position)
			if word := near(statement, pg.Position); word != "" {
				fmt.Fprintf(&b, ", near %s", word)
			}
		}
	}
	if place := placeIn(pg.Where); place != "" {
		b.WriteString(", in " + place)
	}
	if pg.Routine != "" && (said == "" || !names) {
		fmt.Fprintf(&b, ", from %s of %s:%d", pg.Routine, pg.File, pg.Line)
	}
	if withheld {
		b.WriteString("; see the server's log for the message, which may quote content")
	}
	return b.String()
}

// plainWords returns the start of a message up to where it may quote something.
func plainWords(message string) string {
	end := strings.IndexFunc(message, func(r rune) bool { return r != ' ' && r != '-' && !unicode.IsLetter(r) })
	if end >= 0 {
		message = message[:end]
	}
	return strings.TrimSpace(message)
}

// keyOnly returns a key's detail without values; empty for any other detail.
func keyOnly(detail string) string {
	if key := keyDetail.FindStringSubmatch(detail); key != nil {
		return key[1] + "=(…)"
	}
	return ""
}

var (
	keyDetail = regexp.MustCompile(`^(Key \([\w, ."]+\))=\(`)
	function  = regexp.MustCompile(`^(?:PL/\w+|SQL) function "?[\w.$]+"?(?:\([\w ,."\[\]]*\))?(?: line \d+| statement \d+)?(?: at [\w -]+)?$`)
)

// placeIn returns the function called by the statement in which an error arose, if its
// context names one, else "". The lines above the last may quote a statement that a
// function has built.
func placeIn(where string) string {
	return function.FindString(where[strings.LastIndexByte(where, '\n')+1:])
}

// Described returns what may be shown of a driver's error, as in the cause of MapError,
// and nothing more.
func Described(err error) string {
	pg, refused := errors.AsType[*pgconn.PgError](err)
	if _, scan := errors.AsType[pgx.ScanArgError](err); scan || refused && !connecting(err) {
		if refused {
			return describe(pg, statementOf(err))
		}
		return safeCause(err).Error()
	}
	return err.Error()
}
