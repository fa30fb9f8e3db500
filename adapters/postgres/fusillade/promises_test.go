package fusillade_test

import (
	"testing"

	"lethe/adapters/postgres"
	"lethe/adapters/postgres/fusillade"
	"lethe/domain/porttest"
	"lethe/internal/pgfixture"
	"lethe/internal/pgtest"
)

func TestPromises(t *testing.T) {
	t.Parallel()
	porttest.Responses(t, func(t *testing.T) porttest.ResponsesFixture { return newFixture(t) })
}

func TestPromisesOfHolds(t *testing.T) {
	t.Parallel()
	porttest.Holds(t, func(t *testing.T) porttest.HoldsFixture { return newFixture(t) })
}

func TestPromisesOfErasures(t *testing.T) {
	t.Parallel()
	porttest.Erasures(t, func(t *testing.T) porttest.ErasuresFixture { return newFixture(t) })
}

func TestPromisesOfRetention(t *testing.T) {
	t.Parallel()
	porttest.Retention(t, func(t *testing.T) porttest.RetentionFixture { return newFixture(t) })
}

func newFixture(t *testing.T) *pgfixture.Fixture {
	t.Helper()
	database := pgtest.New(t)
	return fixtureOn(t, database, postgres.Config{URL: database.RoleURL})
}

// fixtureOn has all ports on one way to a database.
func fixtureOn(t *testing.T, database *pgtest.Database, cfg postgres.Config) *pgfixture.Fixture {
	t.Helper()
	cfg.SearchPath = []string{"fusillade", "outlet"}
	db, err := postgres.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	responses, err := fusillade.New(postgres.Source{Primary: db}, "outlet", true, fusillade.TestIssuer)
	if err != nil {
		t.Fatal(err)
	}
	holds, err := fusillade.NewHolds(db)
	if err != nil {
		t.Fatal(err)
	}
	erasures, err := fusillade.NewErasures(db, "outlet", fusillade.TestIssuer)
	if err != nil {
		t.Fatal(err)
	}
	retention, err := fusillade.NewRetention(db)
	if err != nil {
		t.Fatal(err)
	}
	return pgfixture.New(t, database.URL, pgfixture.Ports{Responses: responses, Holds: holds, Erasures: erasures, Retention: retention})
}
