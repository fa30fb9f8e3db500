package subjects_test

import (
	"testing"

	"lethe/adapters/postgres"
	"lethe/adapters/postgres/subjects"
	"lethe/domain"
	"lethe/domain/porttest"
	"lethe/internal/pgtest"
)

// With the role that has the fewest grants.
func TestSubjectRequests(t *testing.T) {
	t.Parallel()
	porttest.SubjectRequests(t, func(t *testing.T) domain.SubjectRequests {
		db, err := postgres.Open(postgres.Config{URL: pgtest.New(t).RoleURL})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(db.Close)
		s, err := subjects.New(db)
		if err != nil {
			t.Fatal(err)
		}
		return s
	})
	if _, err := subjects.New(nil); err == nil {
		t.Error("New without a database: got no error")
	}
}
