package fusillade_test

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"

	"lethe/adapters/postgres"
	"lethe/adapters/postgres/accesslog"
	"lethe/adapters/postgres/fusillade"
	"lethe/domain/porttest"
	"lethe/internal/pgfixture"
	"lethe/internal/pgtest"
)

func TestResponses(t *testing.T) {
	t.Parallel()
	porttest.Responses(t, func(t *testing.T) porttest.ResponsesFixture { return newFixture(t) })
}

// beside is a fixture whose responses are moved, like fusillade-arsenal does, which
// moves only finished ones.
type beside struct {
	*pgfixture.Fixture
	move func(porttest.Row)
}

func (b beside) AddResponse(row porttest.Row) {
	b.Fixture.AddResponse(row)
	b.move(row)
}

// TestResponsesBesideArsenal: lists are the same, whatever part has been moved.
func TestResponsesBesideArsenal(t *testing.T) {
	t.Parallel()
	for name, stays := range map[string]int{"all": 0, "most": 3} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			porttest.Lists(t, func(t *testing.T) porttest.ResponsesFixture {
				database := pgtest.WithArsenal(t)
				f := fixtureOn(t, database, postgres.Config{URL: database.RoleURL})
				always := func() bool { return true }
				f.Responses().(*fusillade.Responses).WithArsenal(always, always)
				conn, err := pgx.Connect(t.Context(), database.URL)
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = conn.Close(context.Background()) })
				if _, err := conn.Exec(t.Context(), "DELETE FROM fusillade.requests"); err != nil {
					t.Fatal(err)
				}
				n := 0
				return beside{f, func(row porttest.Row) {
					if n++; row.Batched || stays > 0 && n%stays == 0 {
						return
					}
					if _, err := conn.Exec(t.Context(), pgtest.Moved(row.ID.String())); err != nil {
						t.Fatal(err)
					}
				}}
			})
		})
	}
}

func TestHolds(t *testing.T) {
	t.Parallel()
	porttest.Holds(t, func(t *testing.T) porttest.HoldsFixture { return newFixture(t) })
}

func TestErasures(t *testing.T) {
	t.Parallel()
	porttest.Erasures(t, func(t *testing.T) porttest.ErasuresFixture { return newFixture(t) })
}

func TestRetention(t *testing.T) {
	t.Parallel()
	porttest.Retention(t, func(t *testing.T) porttest.RetentionFixture { return newFixture(t) })
}

func newFixture(t *testing.T) *pgfixture.Fixture {
	t.Helper()
	database := pgtest.New(t)
	return fixtureOn(t, database, postgres.Config{URL: database.RoleURL})
}

// fixtureOn has all ports on one connection to a database.
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
	accessLog, err := accesslog.New(db)
	if err != nil {
		t.Fatal(err)
	}
	return pgfixture.New(t, database.URL, pgfixture.Ports{Responses: responses, Holds: holds, Erasures: erasures, Retention: retention, AccessLog: accessLog})
}
