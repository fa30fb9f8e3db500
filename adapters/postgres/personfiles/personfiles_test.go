package personfiles_test

import (
	"testing"
	"time"

	"lethe/adapters/postgres"
	"lethe/adapters/postgres/fusillade"
	"lethe/adapters/postgres/personfiles"
	"lethe/adapters/postgres/subjects"
	"lethe/domain"
	"lethe/domain/porttest"
	"lethe/internal/pgfixture"
	"lethe/internal/pgtest"
)

// fixture is a database with the ports on it, which use the role with the fewest grants.
type fixture struct {
	*pgfixture.Fixture
	files    *personfiles.Files
	subjects *subjects.SubjectRequests
}

func (f fixture) PersonFiles() domain.PersonFiles         { return f.files }
func (f fixture) SubjectRequests() domain.SubjectRequests { return f.subjects }

func newFixture(t *testing.T) porttest.PersonFilesFixture {
	t.Helper()
	database := pgtest.New(t)
	db, err := postgres.Open(postgres.Config{URL: database.RoleURL, SearchPath: []string{"fusillade", "outlet"}, MaxConns: 8})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	issuer := fusillade.Issuer{Origin: "lethe.test", Build: "test", Now: time.Now}
	responses, err := fusillade.New(postgres.Source{Primary: db}, "outlet", true, issuer)
	if err != nil {
		t.Fatal(err)
	}
	erasures, err := fusillade.NewErasures(db, "outlet", issuer)
	if err != nil {
		t.Fatal(err)
	}
	files, err := personfiles.New(db)
	if err != nil {
		t.Fatal(err)
	}
	requests, err := subjects.New(db)
	if err != nil {
		t.Fatal(err)
	}
	return fixture{pgfixture.New(t, database.URL, pgfixture.Ports{Responses: responses, Erasures: erasures}), files, requests}
}

func TestPersonFiles(t *testing.T) {
	t.Parallel()
	porttest.PersonFiles(t, newFixture)
	if _, err := personfiles.New(nil); err == nil {
		t.Error("New without a database: got no error")
	}
}
