package search

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"lethe/adapters/postgres"
)

// Table is a table that holds rows: a partition, but not a partitioned table.
type Table struct {
	Schema, Name string
	// Root is the partitioned table that it belongs to, in the form of String; for
	// others, the table itself.
	Root  string
	Bytes int64 // on disk

	oid     uint32
	only    bool // it may have children, which are read separately
	columns []column
}

func (t Table) String() string { return t.Schema + "." + t.Name }

type column struct {
	name string
	text bool // it has no binary form, and is read as text
}

// Unread is a table, or something else, that cannot be read, and why.
type Unread struct{ Name, Why string }

// Tables lists the tables to read, and what cannot be read: foreign tables, places
// without tables, tables that this role may not read entirely, and large objects. It
// leaves out PostgreSQL's own catalogue, views, which hold nothing, and other sessions'
// temporary tables.
func (d *Database) Tables(ctx context.Context, places []string) (tables []Table, unread []Unread, err error) {
	tables, unread, err = d.tables(ctx, places)
	return tables, unread, postgres.MapError(err)
}

func (d *Database) tables(ctx context.Context, places []string) (tables []Table, unread []Unread, err error) {
	types, err := d.types(ctx)
	if err != nil {
		return nil, nil, err
	}
	result, err := d.conn.Query(ctx, `
		SELECT c.oid, n.nspname::text, c.relname::text, c.relkind::text,
		       CASE WHEN c.relispartition THEN (SELECT rn.nspname || '.' || r.relname FROM pg_class r JOIN pg_namespace rn ON rn.oid = r.relnamespace
		                                        WHERE r.oid = pg_partition_root(c.oid))
		            ELSE n.nspname || '.' || c.relname END,
		       CASE WHEN c.relkind IN ('r', 'm') THEN pg_table_size(c.oid) ELSE 0 END,
		       has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT'),
		       row_security_active(c.oid),
		       c.relispopulated,
		       coalesce(a.names, '{}'), coalesce(a.types, '{}')
		FROM pg_class c
		JOIN pg_namespace n ON n.oid = c.relnamespace
		LEFT JOIN LATERAL (
		    SELECT array_agg(a.attname::text ORDER BY a.attnum) AS names, array_agg(a.atttypid ORDER BY a.attnum) AS types
		    FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
		) a ON true
		WHERE c.relkind IN ('r', 'm', 'f', 'v') AND c.relpersistence <> 't'
		  AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_toast'
		ORDER BY 2, 3`)
	if err != nil {
		return nil, nil, err
	}
	var t Table
	var kind string
	var may, secured, populated bool
	var names []string
	var oids []uint32
	_, err = pgx.ForEachRow(result, []any{&t.oid, &t.Schema, &t.Name, &kind, &t.Root, &t.Bytes, &may, &secured, &populated, &names, &oids}, func() error {
		t.only, t.columns = kind == "r", nil
		for i, name := range names {
			if types.canHold(oids[i]) {
				t.columns = append(t.columns, column{name: name, text: !types.binary(oids[i])})
			}
		}
		why := ""
		switch {
		case kind == "v":
			if slices.Contains(places, t.String()) {
				why = "is a view: its rows may be in another database; search there, too"
			}
		case len(t.columns) == 0:
		case kind == "f":
			why = "is a foreign table: search its own database"
		case !may:
			why = "may not be read by this role: search as the owner of the database"
		case secured:
			why = "hides rows from this role: search as a role that bypasses row security"
		case kind == "m" && !populated: // nothing is in it
		default:
			tables = append(tables, t)
		}
		if why != "" {
			unread = append(unread, Unread{t.String(), why})
		}
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	var large int64
	if err := d.conn.QueryRow(ctx, "SELECT count(*) FROM pg_largeobject_metadata").Scan(&large); err != nil {
		return nil, nil, err
	}
	if large > 0 {
		unread = append(unread, Unread{"large objects", fmt.Sprintf("%d exist and are not searched", large)})
	}
	return tables, unread, nil
}

// kinds are the types of a database, by their oids.
type kinds map[uint32]kind

type kind struct {
	sort, category string // pg_type.typtype, typcategory
	base, element  uint32
	sends          bool // it has a binary form
}

func (d *Database) types(ctx context.Context) (kinds, error) {
	result, err := d.conn.Query(ctx, `SELECT oid, typtype::text, typcategory::text, typbasetype, typelem, typsend <> 0 FROM pg_type`)
	if err != nil {
		return nil, err
	}
	all := kinds{}
	var oid uint32
	var k kind
	_, err = pgx.ForEachRow(result, []any{&oid, &k.sort, &k.category, &k.base, &k.element, &k.sends}, func() error {
		all[oid] = k
		return nil
	})
	return all, err
}

// canHold reports whether a value of this type can hold a text, an identifier or bytes:
// numbers, times, and enums cannot.
func (all kinds) canHold(oid uint32) bool {
	switch k := all[oid]; {
	case k.sort == "d":
		return all.canHold(k.base)
	case k.category == "A":
		return all.canHold(k.element)
	default:
		return !strings.Contains("BDENT", k.category)
	}
}

// binary reports whether values of this type have a binary form. For composites, only
// reading tells.
func (all kinds) binary(oid uint32) bool {
	switch k := all[oid]; {
	case k.sort == "d":
		return all.binary(k.base)
	case k.category == "A":
		return all.binary(k.element)
	default:
		return k.sends
	}
}
