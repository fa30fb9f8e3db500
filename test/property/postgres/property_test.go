// Package postgres_test puts the questions to the use cases on Postgres.
package postgres_test

import (
	"log/slog"
	"math/rand/v2"
	"testing"
	"time"

	"lethe/adapters/postgres"
	"lethe/adapters/postgres/analytics"
	"lethe/adapters/postgres/fusillade"
	"lethe/adapters/postgres/users"
	"lethe/internal/pgfixture"
	"lethe/internal/pgtest"
	"lethe/test/property"
)

func TestRulesOfAccess(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	property.Run(t, newFixture, seed, 8)
}

func newFixture(t *testing.T) property.Fixture {
	t.Helper()
	database := pgtest.New(t)
	db, err := postgres.Open(postgres.Config{URL: database.RoleURL, SearchPath: []string{"fusillade", "outlet"}, MaxConns: 4})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	src := postgres.Source{Primary: db}
	responses, err := fusillade.New(src, "outlet", true, fusillade.Issuer{Origin: "lethe.test", Build: "test", Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	usage, err := analytics.New(src)
	if err != nil {
		t.Fatal(err)
	}
	people, err := users.New(src, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(people.Close)
	return pgfixture.New(t, database.URL, pgfixture.Ports{Responses: responses, UsageRecords: usage, People: people})
}
