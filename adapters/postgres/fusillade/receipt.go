package fusillade

import (
	"slices"
	"time"

	"lethe/adapters/postgres"
	"lethe/domain"
	"lethe/receipt"
)

// Issuer is who issues receipts.
type Issuer struct {
	Origin string // the name of the log that they become leaves of
	Build  string // the program's version
	Now    func() time.Time
}

// receipt says what the eraser has removed, and by what warrant. What it cannot
// say anything of is listed in it: the bytes that Postgres keeps until it needs
// their room, and copies of the gateway's that no usage record leads to or that
// are still to come.
func (i Issuer) receipt(e *eraser, erased domain.Erased, w domain.Warrant) (postgres.Receipt, error) {
	salt := receipt.Salt(w.Salt)
	r := receipt.Receipt{
		ID: w.Receipt, Log: i.Origin, Level: receipt.LevelLogical,
		ExecutedAt: i.Now(), Build: i.Build, Verified: receipt.VerifiedInTransaction,
		NotCovered: []receipt.Gap{receipt.GapPages, receipt.GapWAL, receipt.GapBackups, receipt.GapReplicas, receipt.GapLateCopies},
		Trigger:    receipt.Trigger(w.Trigger), Ground: receipt.Ground(w.Ground),
		RequestedAt: w.RequestedAt, Actor: receipt.Actor(w.Role),
		Counts: receipt.Counts{
			Requests: erased.Requests, Steps: erased.Steps, Templates: erased.Templates,
			RawRequests: erased.RawRequests, RawResponses: erased.RawResponses, Tasks: erased.Tasks,
		},
	}
	if erased.RawRequests < erased.Requests || erased.RawResponses < erased.Requests {
		r.NotCovered = append(r.NotCovered, receipt.GapUnlocatedCopies)
	}
	for _, id := range e.requests {
		r.Responses = append(r.Responses, receipt.CommitResponse(salt, id))
	}
	for _, owner := range slices.Compact(slices.Sorted(slices.Values(e.owners))) {
		r.Subjects = append(r.Subjects, receipt.CommitSubject(salt, owner))
	}
	body, err := receipt.Encode(r)
	return postgres.Receipt{ID: w.Receipt, Body: body, Salt: salt[:], Actor: w.Actor}, err
}
