package fusillade_test

import (
	"testing"

	"lethe/adapters/postgres"
	"lethe/adapters/postgres/fusillade"
	"lethe/domain/porttest"
	"lethe/internal/pgfixture"
	"lethe/internal/pgtest"
)

// Whatever the port promises, it keeps through PgBouncer in transaction mode.
func TestPromisesThroughPgBouncer(t *testing.T) {
	t.Parallel()
	through := pgtest.ThroughPgBouncer(t)
	porttest.Responses(t, func(t *testing.T) porttest.ResponsesFixture {
		database := pgtest.New(t)
		db, err := postgres.Open(postgres.Config{
			URL: through(database.URL), SearchPath: []string{"fusillade", "outlet"}, PgBouncer: true,
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(db.Close)
		responses, err := fusillade.New(postgres.Source{Primary: db}, "outlet", true, fusillade.TestIssuer)
		if err != nil {
			t.Fatal(err)
		}
		return pgfixture.New(t, database.URL, pgfixture.Ports{Responses: responses})
	})
}
