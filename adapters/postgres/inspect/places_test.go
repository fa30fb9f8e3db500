package inspect_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"lethe/adapters/postgres/inspect"
	"lethe/internal/pgtest"
)

// TestDocumentedPlaces: the documentation contains the current table of places.
func TestDocumentedPlaces(t *testing.T) {
	t.Parallel()
	const path = "../../../docs/erasure.md"
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if table := inspect.PlacesTable(); !strings.Contains(string(text), "\n\n"+table+"\n") {
		t.Errorf("%s does not contain this table:\n%s", path, table)
	}
}

func TestPlaces(t *testing.T) {
	t.Parallel()
	ways := map[string]bool{}
	for _, p := range inspect.Places(inspect.Schemas{}) {
		name := p.Schema + "." + p.Table
		for _, release := range []string{p.Since, p.Before} {
			if release != "" && !slices.Contains(inspect.Releases, release) {
				t.Errorf("%s: unknown release %q", name, release)
			}
		}
		if len(p.Columns) == 0 || p.Leads == "" || ways[name+p.Leads] {
			t.Errorf("%s: columns or lead missing, or duplicate: %+v", name, p)
		}
		ways[name+p.Leads] = true
		if p.Gap != "" && p.Treatment == inspect.Erased || p.Gap == "" && p.Treatment == inspect.OfPerson {
			t.Errorf("%s: wrong gap: %+v", name, p)
		}
	}
	for name, want := range map[string][]string{
		"response_steps": {"8.52.1", "10.13.1"}, "task": {"8.52.1"}, "image_access": {"8.59.0", "10.13.1", "arsenal 4.1.0"},
		"retained_response_objects": {"arsenal 4.1.0"}, "requests": {"8.52.1", "10.13.1", "arsenal 4.1.0"},
	} {
		for _, p := range inspect.Places(inspect.Schemas{}) {
			if p.Table != name {
				continue
			}
			for _, release := range []string{"8.52.1", "8.59.0", "10.13.1", "arsenal 4.1.0"} {
				if release == "8.59.0" && name != "image_access" {
					continue
				}
				if p.In(release) != slices.Contains(want, release) {
					t.Errorf("%s in release %s: got %v", name, release, p.In(release))
				}
			}
		}
	}
	for _, release := range []string{"", "8.52.2"} {
		if inspect.Places(inspect.Schemas{})[0].In(release) {
			t.Errorf("unknown release %q", release)
		}
	}
}

// TestFindContent makes one query if every table is served.
func TestFindContent(t *testing.T) {
	t.Parallel()
	db := connect(t, pgtest.New(t).URL)
	places := inspect.PlacesOn(inspect.Schemas{}, inspect.Main, inspect.Fusillade)
	look := func(queries int) inspect.Content {
		t.Helper()
		counted := &counter{Querier: db}
		content, err := inspect.FindContent(t.Context(), counted, places)
		if err != nil {
			t.Fatal(err)
		}
		if counted.n != queries {
			t.Errorf("got %d queries, want %d", counted.n, queries)
		}
		return content
	}
	if c := look(1); c.Tables != 6 || len(c.Unserved)+len(c.OfPerson)+len(c.Indirect) > 0 {
		t.Errorf("as migrated: got %+v", c)
	}
	exec(t, db, `CREATE TABLE fusillade.retained_response_objects (delete_on date, payload jsonb) PARTITION BY RANGE (delete_on);
		CREATE TABLE fusillade.d1 PARTITION OF fusillade.retained_response_objects FOR VALUES FROM ('2026-01-01') TO ('2026-01-02');
		CREATE TABLE fusillade.d2 PARTITION OF fusillade.retained_response_objects FOR VALUES FROM ('2026-01-02') TO ('2026-01-03')`)
	if c := look(1); c.Tables != 7 || len(c.Unserved) > 0 {
		t.Errorf("empty table: got %+v", c)
	}
	exec(t, db, "INSERT INTO fusillade.retained_response_objects VALUES ('2026-01-02', '{}')")
	if c := look(2); !slices.Equal(c.Unserved, []string{"fusillade.retained_response_objects"}) {
		t.Errorf("table with a row: got %+v", c)
	}
	exec(t, db, "DELETE FROM fusillade.retained_response_objects")
	if c := look(2); len(c.Unserved) > 0 {
		t.Errorf("table with dead rows: got %+v", c)
	}
	exec(t, db, "DROP TABLE fusillade.retained_response_objects; CREATE VIEW fusillade.retained_response_objects AS SELECT 1 AS n")
	if c := look(2); !slices.Equal(c.Unserved, []string{"fusillade.retained_response_objects"}) || !slices.Equal(c.Indirect, []string{"fusillade.retained_response_objects is a view"}) || c.Arsenal {
		t.Errorf("with a view: %+v", c)
	}
}

// TestPlacesExist: the columns exist in each version's tables.
func TestPlacesExist(t *testing.T) {
	t.Parallel()
	for release, create := range map[string]func(testing.TB) *pgtest.Database{
		"8.52.1": pgtest.WithFixture, "10.13.1": pgtest.WithNewer, "arsenal 4.1.0": pgtest.WithArsenal,
	} {
		t.Run(release, func(t *testing.T) {
			t.Parallel()
			db := connect(t, create(t).URL)
			for _, p := range inspect.Places(inspect.Schemas{}) {
				var columns int
				if err := db.QueryRow(t.Context(), `SELECT count(*) FROM information_schema.columns
					WHERE table_schema = $1 AND table_name = $2 AND column_name = ANY ($3)`, p.Schema, p.Table, p.Columns).Scan(&columns); err != nil {
					t.Fatal(err)
				}
				// A table of a later release does not exist yet; one that is no
				// longer written may exist.
				if p.In(release) && columns != len(p.Columns) || columns > 0 && !p.In(release) && p.Table != "task" && p.Since != "10.10.0" {
					t.Errorf("%s.%s has only %d of the columns %v", p.Schema, p.Table, columns, p.Columns)
				}
			}
		})
	}
}
