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

// Classes and codes of SQLSTATE whose messages and details the server makes of
// the names of things, or of nothing, but never of a value: connections,
// features, transactions, privileges, missing things, statements, resources,
// limits, states, cancellation, files, damage.
var named = []string{"08", "0A", "25", "28", "2B", "3B", "3D", "3F", "40", "42", "53", "54", "55", "57", "58", "XX001", "XX002"}

// Files of the server whose messages name tables, columns, constraints and files
// only, wherever the error came about.
var namingFiles = []string{
	"aclchk.c", "bufmgr.c", "deadlock.c", "execIndexing.c", "execMain.c", "execPartition.c", "fd.c", "heapam.c", "lmgr.c", "lock.c", "md.c",
	"nbtinsert.c", "nodeLockRows.c", "nodeModifyTable.c", "plancache.c", "postgres.c", "proc.c", "ri_triggers.c", "xlog.c",
}

// Files of the server that say of a value what is wrong with it: in words of
// their own up to where they quote it.
var valueFiles = []string{
	"arrayfuncs.c", "bool.c", "bytea.c", "datetime.c", "encode.c", "enum.c", "execExprInterp.c", "float.c", "formatting.c", "int.c", "int8.c",
	"json.c", "jsonapi.c", "jsonb.c", "jsonb_util.c", "jsonfuncs.c", "jsonpath_exec.c", "mbutils.c", "numeric.c", "numutils.c", "regexp.c",
	"timestamp.c", "uuid.c", "varchar.c", "varlena.c", "xml.c",
}

// How faults of the server's own begin whose rest is a number or a name.
var faults = []string{
	"cache lookup failed", "could not find", "could not open relation with OID", "invalid memory alloc request size", "tuple concurrently",
	"unexpected chunk number", "missing chunk number",
}

// describe is what the database said of a statement, without values of rows and
// arguments. Functions of the operator's, other languages and other servers say
// what they like in each part of an error: of theirs it tells where it was.
func describe(pg *pgconn.PgError, statement string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "SQLSTATE %s", pg.Code)
	// What comes out of a function, or from another server, has a context.
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
		b.WriteString("; its words are in the server's log, as they may hold contents")
	}
	return b.String()
}

// plainWords is the beginning of a message up to where it may quote something.
func plainWords(message string) string {
	end := strings.IndexFunc(message, func(r rune) bool { return r != ' ' && r != '-' && !unicode.IsLetter(r) })
	if end >= 0 {
		message = message[:end]
	}
	return strings.TrimSpace(message)
}

// keyOnly is the detail of a key without its values; empty for any other detail.
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

// placeIn is the function that the statement called and an error came about in, as
// far as its context tells; empty where there is none. The lines above the last
// can be those of a statement that a function has made.
func placeIn(where string) string {
	return function.FindString(where[strings.LastIndexByte(where, '\n')+1:])
}

// Described is what may be told of an error of a driver, as in the cause of
// MapError, with nothing around it.
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
