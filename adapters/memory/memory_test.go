package memory_test

import (
	"testing"

	"lethe/adapters/memory"
	"lethe/domain"
	"lethe/domain/porttest"
)

type fixture struct{ *memory.Store }

func (f fixture) Responses() domain.Responses       { return f.Store }
func (f fixture) UsageRecords() domain.UsageRecords { return f.Store }
func (f fixture) People() domain.People             { return f.Store }

func TestResponses(t *testing.T) {
	t.Parallel()
	porttest.Responses(t, func(*testing.T) porttest.ResponsesFixture { return fixture{memory.New()} })
}

func TestUsageRecords(t *testing.T) {
	t.Parallel()
	porttest.UsageRecords(t, func(*testing.T) porttest.UsageFixture { return fixture{memory.New()} })
}

func TestPeople(t *testing.T) {
	t.Parallel()
	porttest.People(t, func(*testing.T) porttest.PeopleFixture { return fixture{memory.New()} })
}
