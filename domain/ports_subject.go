package domain

import (
	"context"
	"time"

	"github.com/google/uuid"
)

// SubjectRequests stores what people ask about their own data, in the database of the
// erasures. Errors are those of Responses. Nothing is stale.
type SubjectRequests interface {
	SubjectRequestReader

	// Create stores a request and returns it.
	Create(ctx context.Context, r SubjectRequest) (SubjectRequest, error)

	// Change stores what change makes of a request and the work for it, and returns that:
	// State, DueAt, and what says whether the identity was checked, the time extended and
	// the request ended. An error of change is returned, and nothing is stored. Concurrent
	// calls for one request wait for each other, and no erasure and no file can be begun
	// for it meanwhile. CodeNotFound if there is none. change may be called again if the
	// transaction has to be repeated.
	Change(ctx context.Context, id uuid.UUID, change func(SubjectRequest, SubjectWork) (SubjectRequest, error)) (SubjectRequest, error)

	// Forget removes from requests that ended before that time who they were about, who
	// worked on them, the ticket, and what is known of their files that are gone. It returns how many there were.
	Forget(ctx context.Context, before time.Time) (int64, error)
}

// SubjectRequestReader reads them: see SubjectRequests.
type SubjectRequestReader interface {
	// Get returns one, without Erasures and Duplicates; CodeNotFound if there is none.
	Get(ctx context.Context, id uuid.UUID) (SubjectRequest, error)

	// Page returns the part of the list that q describes, which may be empty.
	Page(ctx context.Context, q SubjectRequestQuery) ([]SubjectRequest, error)

	// Waiting counts the open requests; those due before now are overdue.
	Waiting(ctx context.Context, now time.Time) (SubjectRequestStatus, error)
}
