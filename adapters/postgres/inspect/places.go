package inspect

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// Releases are the releases of dwctl that added, removed or changed a place, in order; the
// last is of fusillade's successor.
var Releases = []string{"8.52.1", "8.55.0", "8.59.0", "8.63.0", "10.10.0", "10.13.1", "arsenal 4.1.0"}

// Treatment is what happens to a place when its response is erased.
type Treatment string

const (
	// Erased: it is deleted with the response.
	Erased Treatment = "erased"
	// Indexed: it is deleted with the response if an index makes it cheap to find.
	Indexed Treatment = "erased where [an index](#which-copies-are-found) leads there"
	// Asked: it is deleted with the response on request.
	Asked Treatment = "erased [with `include_later_turns`](#later-turns)"
	// OfPerson: it belongs to a person, and nothing links it to a response.
	OfPerson Treatment = "not erased with a response, as it belongs to a person; erased [with all of theirs](#what-is-kept-by-person)"
)

// Place is where a part of a prompt or an answer may be stored, and one way to find it.
// Columns of a table that are treated alike are one place.
type Place struct {
	Side          Side
	Schema, Table string
	Columns       []string
	Since, Before string // the releases that first wrote it, and no longer write it; "": no limit
	Leads         string // how a response leads to it
	Treatment     Treatment
	Gap           string // the receipt's word if it is not erased; "": none
	// Beside are tables of the same schema that serving it requires. If one is missing,
	// the service is closed while the place is not empty.
	Beside []string
}

// Places lists every place of content in any of the Releases. The documentation, the
// doctor's checks and readiness are derived from it.
func Places(s Schemas) []Place {
	s = s.withDefaults()
	const unlocated = "unlocated_copies"
	places := []Place{
		{Side: Fusillade, Schema: s.Fusillade, Table: "requests", Columns: []string{"response_body", "error"},
			Leads: "its identifier", Treatment: Erased},
		{Side: Fusillade, Schema: s.Fusillade, Table: "request_templates", Columns: []string{"body"},
			Leads: "`template_id` of a request, with a file or without", Treatment: Erased},
		{Side: Fusillade, Schema: s.Fusillade, Table: "request_templates", Columns: []string{"body"}, Since: "10.10.0",
			Leads: "later turns, which quote the answer: their `previous_response_id`", Treatment: Asked, Gap: "later_turns"},
		{Side: Fusillade, Schema: s.Fusillade, Table: "response_steps", Columns: []string{"request_payload", "response_payload", "error"}, Before: "arsenal 4.1.0",
			Leads: "`request_id`, and the links between steps", Treatment: Erased},
		{Side: Fusillade, Schema: "underway", Table: "task", Columns: []string{"input"}, Before: "8.55.0",
			Leads: "`request_id` in it", Treatment: Erased},
	}
	for _, table := range []string{"http_requests", "http_responses"} {
		for _, way := range []struct {
			leads     string
			treatment Treatment
			gap       string
		}{
			{"`fusillade_request_id` of a usage record", Erased, ""},
			{"`response_step_id` of a usage record, alone", Indexed, unlocated},
			{"header `x-fusillade-request-id`, alone", Indexed, unlocated},
		} {
			places = append(places, Place{Side: s.CopiesIn(), Schema: s.Outlet, Table: table, Columns: []string{"body"},
				Leads: way.leads, Treatment: way.treatment, Gap: way.gap})
		}
	}
	return append(places,
		Place{Side: Main, Schema: "public", Table: "image_access", Columns: []string{"sha256"}, Since: "8.59.0",
			Leads: "nothing; the bytes are in an object store", Treatment: OfPerson, Gap: "image_store"},
		Place{Side: Main, Schema: "public", Table: "prompt_cache_entries", Columns: []string{"prefix_hash"}, Since: "8.63.0",
			Leads: "nothing; it runs out within a day of its last use", Treatment: OfPerson, Gap: "prompt_cache"},
		Place{Side: Fusillade, Schema: s.Fusillade, Table: "retained_response_objects", Columns: []string{"payload"}, Since: "arsenal 4.1.0",
			Leads: "`retained_response_request_routes`", Treatment: Erased, Beside: []string{
				"retained_response_request_routes", "retained_response_group_routes", "retained_response_buckets", Fences}},
		Place{Side: Fusillade, Schema: s.Fusillade, Table: "request_templates_g2", Columns: []string{"body"}, Since: "arsenal 4.1.0",
			Leads: "`template_id` of a request and `request_template_routes`", Treatment: Erased},
	)
}

// In reports whether a release writes to the place; false if it is not one of Releases.
func (p Place) In(release string) bool {
	at := slices.Index(Releases, release)
	return at >= max(0, slices.Index(Releases, p.Since)) && (p.Before == "" || at < slices.Index(Releases, p.Before))
}

// Versions describes the releases that write to the place.
func (p Place) Versions() string {
	switch {
	case p.Since != "" && p.Before != "":
		return p.Since + " until " + p.Before
	case p.Since == Releases[len(Releases)-1]:
		return p.Since
	case p.Since != "":
		return p.Since + " on"
	case p.Before != "":
		return "until " + p.Before
	}
	return "all"
}

// PlacesTable returns the places as the table in the documentation.
func PlacesTable() string {
	var b strings.Builder
	b.WriteString("| place | versions | led to by | an erasure |\n|---|---|---|---|\n")
	for _, p := range Places(Schemas{}) {
		columns := make([]string, len(p.Columns))
		for i, c := range p.Columns {
			columns[i] = "`" + c + "`"
		}
		treatment := string(p.Treatment)
		switch {
		case p.Treatment == Indexed, p.Treatment == Asked:
			treatment += "; else receipts say `" + p.Gap + "`"
		case p.Gap != "":
			treatment += "; receipts say `" + p.Gap + "`"
		}
		fmt.Fprintf(&b, "| `%s.%s`: %s | %s | %s | %s |\n", p.Schema, p.Table, strings.Join(columns, ", "), p.Versions(), p.Leads, treatment)
	}
	return b.String()
}

// Content says which places exist in a database.
type Content struct {
	Tables   int      // that exist
	Unserved []string // tables with content that cannot be served, or that the role may not read
	OfPerson []Place  // that no response leads to
	Arsenal  bool     // there are fusillade-arsenal's prompts by day
	Retained bool     // there are its retained responses, and they are served
	Indirect []string // those that are not tables, with what they are: a view or a foreign table
}

type table struct {
	Schema, Name string
	Kind         string // pg_class.relkind
	Readable     bool
	Bytes        int64 // with partitions
}

var kinds = map[string]string{"v": "a view", "m": "a materialized view", "f": "a foreign table"}

// FindContent finds out which tables of these places exist and how they are treated. It
// makes one query, and another for each table that cannot be served and has a size. If
// the role may not read such a table, any size counts as content.
func FindContent(ctx context.Context, q Querier, places []Place) (Content, error) {
	var c Content
	known := map[string]Place{}
	var schemas, tables []string
	for _, p := range places {
		name := p.Schema + "." + p.Table
		if _, is := known[name]; !is {
			known[name] = p
			schemas, tables = append(schemas, p.Schema), append(tables, p.Table)
			for _, beside := range p.Beside {
				schemas, tables = append(schemas, p.Schema), append(tables, beside)
			}
		}
	}
	if len(tables) == 0 {
		return c, nil
	}
	rows, err := q.Query(ctx, `
		SELECT s.nspname::text, c.relname::text, c.relkind::text,
		       pg_catalog.has_schema_privilege(s.oid, 'USAGE') AND pg_catalog.has_any_column_privilege(c.oid, 'SELECT'),
		       CASE WHEN c.relkind IN ('r', 'p') THEN
		           coalesce((SELECT sum(pg_catalog.pg_relation_size(t.relid))::bigint FROM pg_catalog.pg_partition_tree(c.oid) t),
		                    pg_catalog.pg_relation_size(c.oid), 0)
		       ELSE 1 END
		FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS wanted (schema_name, table_name, n)
		JOIN pg_catalog.pg_namespace s ON s.nspname = wanted.schema_name
		JOIN pg_catalog.pg_class c
		  ON c.relnamespace = s.oid AND c.relname = wanted.table_name AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
		ORDER BY wanted.n`, schemas, tables)
	if err != nil {
		return c, err
	}
	there, err := pgx.CollectRows(rows, pgx.RowToStructByPos[table])
	if err != nil {
		return c, err
	}
	readable := map[string]bool{}
	for _, t := range there {
		readable[t.Schema+"."+t.Name] = t.Readable && kinds[t.Kind] == ""
	}
	for _, t := range there {
		name := t.Schema + "." + t.Name
		place, is := known[name]
		if !is {
			continue
		}
		c.Tables++
		served := len(place.Beside) == 0 || readable[name]
		for _, beside := range place.Beside {
			served = served && readable[t.Schema+"."+beside]
		}
		if kind, is := kinds[t.Kind]; is {
			c.Indirect = append(c.Indirect, name+" is "+kind)
		}
		switch {
		case place.Treatment == OfPerson:
			c.OfPerson = append(c.OfPerson, place)
		case served && place.ofArsenal():
			c.Arsenal = c.Arsenal || len(place.Beside) == 0
			c.Retained = c.Retained || len(place.Beside) > 0
		case !served:
			holds := t.Bytes > 0
			if holds && t.Readable {
				if err := q.QueryRow(ctx, "SELECT EXISTS (SELECT FROM "+pgx.Identifier{t.Schema, t.Name}.Sanitize()+")").Scan(&holds); err != nil {
					return c, err
				}
			}
			if holds {
				c.Unserved = append(c.Unserved, name)
			}
		}
	}
	return c, nil
}

func PlacesOn(s Schemas, sides ...Side) []Place {
	return slices.DeleteFunc(Places(s), func(p Place) bool { return !slices.Contains(sides, p.Side) })
}

// WatchedOn returns the places of these sides that change what the service reports and
// where it looks: those of a person, and those of fusillade-arsenal.
func WatchedOn(s Schemas, sides ...Side) []Place {
	return slices.DeleteFunc(PlacesOn(s, sides...), func(p Place) bool {
		return p.Treatment != OfPerson && !p.ofArsenal()
	})
}

func (p Place) ofArsenal() bool { return p.Since == Releases[len(Releases)-1] }
