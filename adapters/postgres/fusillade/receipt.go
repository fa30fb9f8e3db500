package fusillade

import (
	"errors"
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

func (i Issuer) check() error {
	if i.Origin == "" || i.Build == "" || i.Now == nil {
		return errors.New("receipts need a log, a version and a clock")
	}
	return nil
}

// now is by the clock of the program, as what is due is asked of it, too.
func (i Issuer) now() time.Time { return i.Now().UTC().Truncate(time.Microsecond) }

// receipt says what the eraser has removed, and by what warrant. What it cannot
// say anything of is listed in it: the bytes that Postgres keeps until it needs
// their room, and copies of the gateway's that no usage record leads to or that
// are still to come.
func (i Issuer) receipt(e *eraser, erased domain.Erased, w domain.Warrant) (postgres.Receipt, error) {
	salt := receipt.Salt(w.Salt)
	if w.Shared {
		salt = receipt.DeriveSalt(salt, w.Receipt)
	}
	r := receipt.Receipt{
		ID: w.Receipt, Log: i.Origin, Level: receipt.LevelLogical,
		ExecutedAt: i.Now(), Build: i.Build, Verified: receipt.VerifiedInTransaction,
		NotCovered: []receipt.Gap{receipt.GapPages, receipt.GapWAL, receipt.GapBackups, receipt.GapReplicas, receipt.GapLateCopies},
		Trigger:    receipt.Trigger(w.Trigger), Ground: receipt.Ground(w.Ground),
		RequestedAt: w.RequestedAt, Actor: receipt.Actor(w.Role),
		Counts: receipt.Counts{
			Requests: erased.Requests, Steps: erased.Steps, Templates: erased.Templates,
			RawRequests: erased.RawRequests, RawResponses: erased.RawResponses, Tasks: erased.Tasks,
			Files: erased.Files, KeptTemplates: erased.KeptTemplates,
		},
	}
	if w.Rule != nil {
		r.Rule = &receipt.Rule{ID: w.Rule.ID, Version: w.Rule.Version}
	}
	if len(e.requests) == 0 || erased.RawRequests < erased.Requests || erased.RawResponses < erased.Requests {
		r.NotCovered = append(r.NotCovered, receipt.GapUnlocatedCopies)
	}
	for _, id := range e.requests {
		r.Responses = append(r.Responses, receipt.CommitResponse(salt, id))
	}
	for _, owner := range slices.Compact(slices.Sorted(slices.Values(e.owners))) {
		r.Subjects = append(r.Subjects, receipt.CommitSubject(salt, owner))
	}
	body, err := receipt.Encode(r)
	if err != nil {
		return postgres.Receipt{}, domain.Errorf(domain.CodeInternal, "No receipt can be written of a response of %d requests, so nothing was erased: %v", len(e.requests), err)
	}
	written := postgres.Receipt{ID: w.Receipt, Body: body, Salt: salt[:], Actor: w.Actor}
	if w.Trigger != domain.TriggerSweep { // which goes on looking for them as it is
		written.Requests, written.LookAfter = e.requests, domain.SweepAfter[0]
	}
	return written, nil
}
