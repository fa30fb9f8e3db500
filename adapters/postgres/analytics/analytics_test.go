package analytics_test

import (
	"net/url"
	"testing"
	"time"

	"github.com/google/uuid"

	"lethe/adapters/postgres"
	"lethe/adapters/postgres/analytics"
	"lethe/domain"
	"lethe/domain/porttest"
	"lethe/internal/pgfixture"
	"lethe/internal/pgtest"
)

// TestLatest: a cost keeps its digits in every query mode, and of two rows with the
// same time the one stored last counts.
func TestLatest(t *testing.T) {
	t.Parallel()
	database := pgtest.New(t)
	rows := pgfixture.New(t, database.URL, pgfixture.Ports{})
	id, one := uuid.New(), int64(1)
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for _, price := range []domain.Decimal{"9.00000000", "0.00012500"} {
		rows.AddUsage(porttest.UsageRow{
			Response: id, At: at, PromptTokens: &one, CompletionTokens: &one, PromptPrice: &price, CompletionPrice: new(domain.Decimal("0")),
		})
	}
	for _, mode := range []string{"cache_statement", "cache_describe", "describe_exec", "exec", "simple_protocol"} {
		u, err := url.Parse(database.RoleURL)
		if err != nil {
			t.Fatal(err)
		}
		q := u.Query()
		q.Set("default_query_exec_mode", mode)
		u.RawQuery = q.Encode()
		db, err := postgres.Open(postgres.Config{URL: u.String()})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(db.Close)
		usage, err := analytics.New(postgres.Source{Primary: db})
		if err != nil {
			t.Fatal(err)
		}
		for _, ledger := range []bool{false, true} { // this database has no ledger
			usage.WithLedger(func() bool { return ledger })
			got, err := usage.Latest(t.Context(), []uuid.UUID{id, uuid.New()})
			if err != nil || len(got) != 1 || got[id].Cost == nil || *got[id].Cost != "0.00012500" {
				t.Errorf("%s: got %+v (error %v)", mode, got, err)
			}
		}
	}
	if _, err := analytics.New(postgres.Source{}); err == nil {
		t.Error("want an error without a database")
	}
}

func TestLatestMissingTables(t *testing.T) {
	t.Parallel()
	db, err := postgres.Open(postgres.Config{URL: pgtest.Empty(t).URL})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	usage, err := analytics.New(postgres.Source{Primary: db})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := usage.Latest(t.Context(), []uuid.UUID{uuid.New()}); domain.CodeOf(err) != domain.CodeUnavailable {
		t.Errorf("want %s, got %v", domain.CodeUnavailable, err)
	}
}
