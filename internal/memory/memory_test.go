package memory_test

import (
	"testing"

	"github.com/google/uuid"

	"lethe/domain"
	"lethe/domain/porttest"
	"lethe/internal/memory"
	"lethe/internal/testreceipt"
)

type fixture struct{ *memory.Store }

func (f fixture) Responses() domain.Responses       { return f.Store }
func (f fixture) Holds() domain.Holds               { return f.Store.Holds() }
func (f fixture) Erasures() domain.Erasures         { return f.Store.Erasures() }
func (f fixture) Retention() domain.Retention       { return f.Store.Retention() }
func (f fixture) UsageRecords() domain.UsageRecords { return f.Store }
func (f fixture) People() domain.People             { return f.Store }

func TestResponses(t *testing.T) {
	t.Parallel()
	porttest.Responses(t, func(*testing.T) porttest.ResponsesFixture { return fixture{memory.New()} })
}

func TestHolds(t *testing.T) {
	t.Parallel()
	porttest.Holds(t, func(*testing.T) porttest.HoldsFixture { return fixture{memory.New()} })
}

func TestErasures(t *testing.T) {
	t.Parallel()
	porttest.Erasures(t, func(*testing.T) porttest.ErasuresFixture { return fixture{memory.New()} })
}

func TestRetention(t *testing.T) {
	t.Parallel()
	porttest.Retention(t, func(*testing.T) porttest.RetentionFixture { return fixture{memory.New()} })
}

func TestUsageRecords(t *testing.T) {
	t.Parallel()
	porttest.UsageRecords(t, func(*testing.T) porttest.UsageFixture { return fixture{memory.New()} })
}

func TestPeople(t *testing.T) {
	t.Parallel()
	porttest.People(t, func(*testing.T) porttest.PeopleFixture { return fixture{memory.New()} })
}

func TestAccessLog(t *testing.T) {
	t.Parallel()
	porttest.AccessLog(t, func(*testing.T) porttest.AccessLogFixture { return fixture{memory.New()} })
}

func (f fixture) PersonFiles() domain.PersonFiles { return memory.PersonFiles{Store: f.Store} }

func TestPersonFiles(t *testing.T) {
	t.Parallel()
	porttest.PersonFiles(t, func(*testing.T) porttest.PersonFilesFixture { return fixture{memory.New()} })
}

func (f fixture) SubjectRequests() domain.SubjectRequests { return f.Store.SubjectRequests() }

func TestSubjectRequests(t *testing.T) {
	t.Parallel()
	porttest.SubjectRequests(t, func(*testing.T) porttest.PersonFilesFixture { return fixture{memory.New()} })
}

func TestPersonFileStore(t *testing.T) {
	t.Parallel()
	porttest.PersonFileStore(t, func(*testing.T) domain.PersonFileStore { return memory.NewPersonFileStore() })
}

func TestSessions(t *testing.T) {
	t.Parallel()
	porttest.Sessions(t, func(*testing.T) domain.Sessions { return memory.NewSessions() })
}

func TestEvents(t *testing.T) {
	t.Parallel()
	porttest.Events(t, func(*testing.T) (domain.Events, func(domain.Event)) {
		events := &memory.Events{}
		return events, events.Add
	})
}

func TestLog(t *testing.T) {
	t.Parallel()
	porttest.Log(t, func(t *testing.T) porttest.LogFixture {
		return logFixture{memory.NewLog(testreceipt.Signer(t, testreceipt.Origin)), t}
	})
}

type logFixture struct {
	log *memory.Log
	t   *testing.T
}

func (f logFixture) Log() domain.Log { return f.log }

func (f logFixture) AddReceipt(actor, about *uuid.UUID) porttest.LogReceipt {
	var r porttest.LogReceipt
	if about != nil {
		r.ID, r.Body = testreceipt.NewAbout(f.t, testreceipt.Origin, *about)
	} else {
		r.ID, _, r.Body = testreceipt.New(f.t, testreceipt.Origin)
	}
	f.log.AddReceipt(r.ID, r.Body, actor, about)
	return r
}

func (f logFixture) Seal() {
	if err := f.log.Seal(); err != nil {
		f.t.Fatal(err)
	}
}

func (f logFixture) Publish() { f.log.Publish() }
