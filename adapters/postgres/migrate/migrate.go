// Package migrate creates the tables that Lethe works on if they are missing, and does
// not touch existing ones of other systems.
//
// The tables come in sets: main (users, keys, usage), fusillade (requests, templates,
// steps), outlet (raw copies of HTTP bodies), underway (queued jobs), lethe (the log of
// erasures, beside fusillade) and river (background work on erasures, beside that). A
// set is Lethe's own if its version table exists in schema lethe. A set whose tables
// exist without one belongs to another system, and only that system migrates it. The
// sets lethe and river are always Lethe's: they are created in other systems'
// databases, too.
//
// [Up] migrates a [Target] and [Status] looks at it; both report a [SetStatus] for each
// set, and an [IncompleteError] if a set is incomplete.
package migrate

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

type Schemas struct {
	Fusillade string // empty: "fusillade", or "public" in a database of its own
	Outlet    string // empty: "outlet"
}

// Target says which databases to migrate. The role in the URLs must be allowed to
// create schemas and tables if any are missing.
type Target struct {
	MainURL      string
	FusilladeURL string // empty: fusillade is in the main database
	Schemas      Schemas
}

// State is the state of a set of tables, or what Up did with it.
type State string

// States of a set.
const (
	Created    State = "created"    // Up has just created or upgraded it
	Current    State = "current"    // ours, at the newest version
	Pending    State = "pending"    // Up would create or upgrade it
	Foreign    State = "foreign"    // there before us: left alone
	Absent     State = "absent"     // missing, and not ours to create: the database is another system's
	Incomplete State = "incomplete" // some of its tables are missing
	Former     State = "former"     // from before the first release: no longer read
)

type SetStatus struct {
	Set      string // main, fusillade, outlet, underway, lethe or river
	Database string // the database's name
	Schema   string
	State    State
	Version  int64    // newest applied migration of ours; 0 for none
	Latest   int64    // newest migration this program carries
	Missing  []string // missing tables of the set, schema-qualified
}

// IncompleteError says that Up wrote nothing because a set exists only in part, or is
// missing where Lethe must not create it.
type IncompleteError struct{ Sets []SetStatus }

func (e *IncompleteError) Error() string {
	var b strings.Builder
	b.WriteString("nothing was written: ")
	for i, s := range e.Sets {
		if i > 0 {
			b.WriteString("; ")
		}
		missing := strings.Join(s.Missing, ", ")
		switch {
		case s.State == Former:
			fmt.Fprintf(&b, "database %q has tables from before the first release, which this version cannot read: start anew with another data_dir or database; or, beside another system and if this log of erasures need not be kept, run DROP SCHEMA %s CASCADE", s.Database, s.Schema)
		case s.State == Absent:
			fmt.Fprintf(&b, "database %q belongs to another system and lacks %s: check the database URLs and the names of the schemas, or let that system's own migrations create them", s.Database, missing)
		case s.Version > 0:
			fmt.Fprintf(&b, "%s records that Lethe created set %s, but database %q lacks %s: if the schema's name was changed, change it back; else restore the tables from a backup", versionTable(s.Set), s.Set, s.Database, missing)
		default:
			fmt.Fprintf(&b, "database %q has some tables of set %s but lacks %s: finish the migrations of the system that owns them, or point Lethe at an empty database", s.Database, s.Set, missing)
		}
	}
	return b.String()
}

const insufficientPrivilege = "42501"

// Status reports each set without writing anything.
func Status(ctx context.Context, t Target) ([]SetStatus, error) {
	s, err := open(ctx, t)
	if err != nil {
		return nil, err
	}
	defer s.close(ctx)
	return s.status(ctx)
}

// Up creates the sets that are missing entirely, upgrades those that Lethe created
// earlier, and returns the result for each set. It leaves sets of other systems alone;
// in a database with such a set (main or fusillade) it creates only the sets lethe and
// river. If a set is incomplete, it writes nothing and returns an *IncompleteError.
// Concurrent calls wait for each other.
func Up(ctx context.Context, t Target) ([]SetStatus, error) {
	s, err := open(ctx, t)
	if err != nil {
		return nil, err
	}
	defer s.close(ctx)

	found, err := s.status(ctx)
	if err != nil {
		return nil, err
	}
	var refused []SetStatus
	for _, f := range found {
		required := f.Set == setMain || f.Set == setFusillade
		if f.State == Incomplete || f.State == Former || f.State == Absent && required {
			refused = append(refused, f)
		}
	}
	if len(refused) > 0 {
		return found, &IncompleteError{Sets: refused}
	}
	for i := range found {
		if found[i].State != Pending {
			continue
		}
		if err := s.apply(ctx, found[i]); err != nil {
			return found, err
		}
		found[i].State, found[i].Version, found[i].Missing = Created, found[i].Latest, nil
	}
	return found, nil
}

func (s *session) status(ctx context.Context) ([]SetStatus, error) {
	all := make([]SetStatus, 0, len(s.sets))
	foreign := map[string]bool{}
	for _, set := range s.sets {
		st, err := s.inspect(ctx, set)
		if err != nil {
			if pg, ok := errors.AsType[*pgconn.PgError](err); ok && pg.Code == insufficientPrivilege {
				return nil, fmt.Errorf("the role in this database URL may not read Lethe's tables (%s): use the URL of the role that owns the tables", pg.Message)
			}
			return nil, fmt.Errorf("inspect set %s: %w", set.name, err)
		}
		foreign[set.name] = st.State == Foreign
		all = append(all, st)
	}
	for i := range all {
		if all[i].State == Pending && all[i].Version == 0 && len(all[i].Missing) > 0 && s.othersDatabase(all[i].Set, foreign) {
			all[i].State = Absent
		}
	}
	return all, nil
}

// othersDatabase reports whether a missing set must not be created. If dwctl owns set
// main, it also creates fusillade, outlet and underway, wherever they are; if fusillade
// exists before main, the main URL leads to a database of fusillade's.
func (s *session) othersDatabase(set string, foreign map[string]bool) bool {
	if set == setLethe || set == setRiver {
		return false
	}
	return foreign[setMain] || set != setFusillade && foreign[setFusillade] && s.fusillade == s.main
}

func (s *session) inspect(ctx context.Context, set set) (SetStatus, error) {
	conn := s.conn(set.name)
	st := SetStatus{Set: set.name, Schema: set.schema}
	var err error
	if st.Latest, err = latest(set.name); err != nil {
		return st, err
	}

	var versioned, former bool
	err = conn.QueryRow(ctx, `
		SELECT current_database(),
		       ARRAY (
		           SELECT t FROM unnest($2::text[]) WITH ORDINALITY AS wanted (t, n)
		           WHERE NOT EXISTS (
		               SELECT FROM pg_class c JOIN pg_namespace s ON s.oid = c.relnamespace
		               WHERE s.nspname = $1 AND c.relname IN (t, $4::jsonb ->> t) AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
		           ) ORDER BY n
		       ),
		       EXISTS (
		           SELECT FROM pg_class c JOIN pg_namespace s ON s.oid = c.relnamespace
		           WHERE s.nspname || '.' || c.relname = $3
		       ),
		       EXISTS (
		           SELECT FROM pg_class c JOIN pg_namespace s ON s.oid = c.relnamespace
		           WHERE s.nspname || '.' || c.relname = $5
		       )`, set.schema, set.tables, versionTable(set.name), replaced, formerTable).Scan(&st.Database, &st.Missing, &versioned, &former)
	if err != nil {
		return st, err
	}
	if former && set.name == setLethe {
		st.State = Former
		return st, nil
	}
	absent := len(st.Missing)
	for i, table := range st.Missing {
		st.Missing[i] = set.schema + "." + table
	}
	if !versioned {
		switch absent {
		case 0:
			st.State = Foreign
		case len(set.tables):
			st.State = Pending
		default:
			st.State = Incomplete
		}
		return st, nil
	}

	err = conn.QueryRow(ctx, versionQuery(set.name)).Scan(&st.Version)
	switch {
	case err != nil:
		return st, err
	case st.Version > 0 && absent > 0:
		st.State = Incomplete
	case st.Version < st.Latest:
		st.State = Pending
	default:
		st.State = Current
	}
	return st, nil
}

// Version is how far one of Lethe's own sets has been migrated.
type Version struct {
	Set     string
	Applied int64 // 0: not at all
	Newest  int64 // that this program carries
}

// OwnVersions returns the versions of the sets lethe and river in q's database. It
// fails if their version tables are missing.
func OwnVersions(ctx context.Context, q interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}) ([]Version, error) {
	versions := []Version{{Set: setLethe}, {Set: setRiver}}
	for i := range versions {
		v := &versions[i]
		var err error
		if v.Newest, err = latest(v.Set); err != nil {
			return nil, err
		}
		if err = q.QueryRow(ctx, versionQuery(v.Set)).Scan(&v.Applied); err != nil {
			return nil, err
		}
	}
	return versions, nil
}
