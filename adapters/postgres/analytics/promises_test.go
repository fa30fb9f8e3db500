package analytics_test

import (
	"testing"

	"lethe/adapters/postgres"
	"lethe/adapters/postgres/analytics"
	"lethe/domain/porttest"
	"lethe/internal/pgfixture"
	"lethe/internal/pgtest"
)

func TestUsageRecords(t *testing.T) {
	t.Parallel()
	porttest.UsageRecords(t, func(t *testing.T) porttest.UsageFixture {
		database := pgtest.WithNewer(t)
		db, err := postgres.Open(postgres.Config{URL: database.RoleURL})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(db.Close)
		usage, err := analytics.New(postgres.Source{Primary: db})
		if err != nil {
			t.Fatal(err)
		}
		usage.WithLedger(func() bool { return true })
		return pgfixture.New(t, database.URL, pgfixture.Ports{UsageRecords: usage})
	})
}
