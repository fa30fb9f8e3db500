package fusillade_test

import (
	"testing"

	"lethe/adapters/postgres"
	"lethe/adapters/postgres/fusillade"
	"lethe/domain/porttest"
	"lethe/internal/pgfixture"
	"lethe/internal/pgtest"
)

// TestPortsSeparateCopies runs the ports' tests with the raw copies in another
// database.
func TestPortsSeparateCopies(t *testing.T) {
	t.Parallel()
	porttest.Responses(t, func(t *testing.T) porttest.ResponsesFixture { return newApart(t) })
	porttest.Erasures(t, func(t *testing.T) porttest.ErasuresFixture { return newApart(t) })
}

func newApart(t *testing.T) *pgfixture.Fixture {
	t.Helper()
	database, outlet := pgtest.New(t), pgtest.New(t)
	open := func(url string, schema string) *postgres.DB {
		db, err := postgres.Open(postgres.Config{URL: url, SearchPath: []string{schema}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(db.Close)
		return db
	}
	db := open(database.RoleURL, "fusillade")
	copies, err := fusillade.NewCopies(open(outlet.RoleURL, "outlet"), nil)
	if err != nil {
		t.Fatal(err)
	}
	responses, err := fusillade.New(postgres.Source{Primary: db}, "public", true, fusillade.TestIssuer)
	if err != nil {
		t.Fatal(err)
	}
	erasures, err := fusillade.NewErasures(db, "public", fusillade.TestIssuer)
	if err != nil {
		t.Fatal(err)
	}
	responses.WithCopies(copies)
	erasures.WithCopies(copies)
	holds, err := fusillade.NewHolds(db)
	if err != nil {
		t.Fatal(err)
	}
	f := pgfixture.New(t, database.URL, pgfixture.Ports{Responses: responses, Holds: holds, Erasures: erasures})
	f.CopiesIn(outlet.URL)
	return f
}
