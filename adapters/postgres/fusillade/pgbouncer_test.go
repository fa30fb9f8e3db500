package fusillade_test

import (
	"testing"

	"lethe/adapters/postgres"
	"lethe/domain/porttest"
	"lethe/internal/pgtest"
)

// TestPortsThroughPgBouncer runs the ports' tests through PgBouncer in
// transaction mode.
func TestPortsThroughPgBouncer(t *testing.T) {
	t.Parallel()
	through := pgtest.ThroughPgBouncer(t)
	porttest.Responses(t, func(t *testing.T) porttest.ResponsesFixture {
		database := pgtest.New(t)
		return fixtureOn(t, database, postgres.Config{URL: through(database.URL), PgBouncer: true})
	})
	porttest.AccessLog(t, func(t *testing.T) porttest.AccessLogFixture {
		database := pgtest.New(t)
		return fixtureOn(t, database, postgres.Config{URL: through(database.URL), PgBouncer: true})
	})
	porttest.Erasures(t, func(t *testing.T) porttest.ErasuresFixture {
		database := pgtest.New(t)
		return fixtureOn(t, database, postgres.Config{URL: through(database.URL), PgBouncer: true})
	})
}
