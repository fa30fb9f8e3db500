package users_test

import (
	"log/slog"
	"testing"

	"lethe/adapters/postgres"
	"lethe/adapters/postgres/users"
	"lethe/domain/porttest"
	"lethe/internal/pgfixture"
	"lethe/internal/pgtest"
)

func TestPeople(t *testing.T) {
	t.Parallel()
	porttest.People(t, func(t *testing.T) porttest.PeopleFixture {
		database := pgtest.New(t)
		db, err := postgres.Open(postgres.Config{URL: database.RoleURL})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(db.Close)
		people, err := users.New(postgres.Source{Primary: db}, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(people.Close)
		return pgfixture.New(t, database.URL, pgfixture.Ports{People: people})
	})
}
