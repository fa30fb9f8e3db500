package fusillade

import (
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"lethe/adapters/postgres"
	"lethe/adapters/postgres/fusillade/internal/dbsqlc"
	"lethe/domain"
	"lethe/receipt"
)

// Issuer issues receipts.
type Issuer struct {
	Origin string // the name of the log that they become leaves of
	Build  string // the program's version
	Now    func() time.Time
	// Beyond returns what receipts do not cover because it belongs to a person and not to
	// a response; nil: nothing.
	Beyond func() []receipt.Gap
	// Estimates of lists are forgotten where a receipt has the same owner; nil: Responses
	// remembers its own, and other ports' erasures change nothing of it.
	Estimates *Estimates
}

func (i Issuer) check() error {
	if i.Origin == "" || i.Build == "" || i.Now == nil {
		return errors.New("receipts need a log, a version and a clock")
	}
	return nil
}

// now uses the program's clock, as the query for due erasures does.
func (i Issuer) now() time.Time { return domain.ToMicroseconds(i.Now()) }

// partOf is how many requests each of several receipts covers: even with as many owners
// and the names of all others, it is never too long.
const partOf = 500

// statement is what receipts state about an erasure.
type statement struct {
	requests []uuid.UUID
	owners   []string
	locked   []dbsqlc.LockRequestsRow // the rows of the requests
	erased   domain.Erased
	gaps     []receipt.Gap
	server   postgres.Server
}

// statement lists GapUnlocatedCopies unless every lead was followed and there were as
// many copies as requests, and GapLaterTurns unless an index has shown that no later turn
// quotes the response. A search by owner never shows that: it skips batches, and turns
// whose clock was behind that of what they follow.
func (e *eraser) statement(s selection, done deleted) statement {
	out := statement{requests: s.requests, owners: s.owners, locked: s.locked, erased: done.Erased, server: e.server()}
	if !e.everyLead(s) || min(done.RawRequests, done.RawResponses) < done.Requests+s.countMoved() {
		out.gaps = append(out.gaps, receipt.GapUnlocatedCopies)
	}
	if !done.unquoted {
		out.gaps = append(out.gaps, receipt.GapLaterTurns)
	}
	return out
}

// receipts state what was removed, and by what authorization. If one receipt would be too
// long, there are several: the first names the others and has the counts that are not by
// request. They list what they do not cover: the bytes that Postgres keeps until it needs
// the space, copies that the gateway has yet to write or that no lead found, and what
// belongs to a person.
func (i Issuer) receipts(s statement, w domain.Authorization) ([]postgres.Receipt, error) {
	owners := slices.Compact(slices.Sorted(slices.Values(s.owners)))
	i.Estimates.forget(owners)
	if len(s.requests) <= requestsAtOnce {
		one, err := i.receipt(w, s.requests, owners, s.erased, s.gaps, nil)
		one.Server, one.Owners, one.Everyones = s.server, owners, s.unowned(w)
		return []postgres.Receipt{one}, err
	}
	of := make(map[uuid.UUID]string, len(s.locked))
	for _, row := range s.locked {
		of[row.ID] = row.Owner
	}
	type part struct {
		w        domain.Authorization
		requests []uuid.UUID
		owners   []string
		counts   domain.Erased
	}
	var parts []part
	var others []uuid.UUID
	first := s.erased // minus what the others count
	reported := make(map[string]bool)
	for requests := range slices.Chunk(s.requests, partOf) {
		p := part{w: w, requests: requests}
		for _, id := range requests {
			if owner, locked := of[id]; locked {
				p.owners, p.counts.Requests = append(p.owners, owner), p.counts.Requests+1
				reported[owner] = true
			}
		}
		if len(parts) > 0 {
			p.w.Receipt, p.w.Shared = uuid.New(), true
			p.counts.Requests = min(p.counts.Requests, first.Requests)
			first.Requests -= p.counts.Requests
			others = append(others, p.w.Receipt)
		}
		parts = append(parts, p)
	}
	parts[0].counts = first
	parts[0].owners = append(parts[0].owners, slices.DeleteFunc(owners, func(owner string) bool { return reported[owner] })...)
	all := make([]postgres.Receipt, len(parts))
	for n, p := range parts {
		if n > 0 {
			others = nil
		}
		var err error
		if all[n], err = i.receipt(p.w, p.requests, slices.Compact(slices.Sorted(slices.Values(p.owners))), p.counts, s.gaps, others); err != nil {
			return nil, err
		}
		all[n].Server = s.server
	}
	all[0].Owners, all[0].Everyones = owners, s.unowned(w)
	return all, nil
}

// unowned reports whether a response was erased that may have been anyone's. Late and
// orphaned copies are only the gateway's raw ones, which no person's file has.
func (s statement) unowned(w domain.Authorization) bool {
	return len(s.requests) > 0 && len(s.owners) == 0 && w.Trigger != domain.TriggerSweep && w.Trigger != domain.TriggerOrphans
}

func (i Issuer) receipt(w domain.Authorization, requests []uuid.UUID, owners []string, counts domain.Erased, gaps []receipt.Gap, parts []uuid.UUID) (postgres.Receipt, error) {
	salt := receipt.Salt(w.Salt)
	if w.Shared {
		salt = receipt.DeriveSalt(salt, w.Receipt)
	}
	r := receipt.Receipt{
		ID: w.Receipt, Log: i.Origin, Level: receipt.LevelLogical,
		ExecutedAt: i.Now(), Build: i.Build, Verified: receipt.VerifiedInTransaction,
		NotCovered: []receipt.Gap{receipt.GapPages, receipt.GapWAL, receipt.GapBackups, receipt.GapReplicas, receipt.GapLateCopies},
		Trigger:    receipt.Trigger(w.Trigger), Ground: receipt.Ground(w.Ground),
		RequestedAt: w.RequestedAt, Actor: receipt.Actor(w.Role), Parts: parts,
		Counts: receipt.Counts(counts),
	}
	if w.Rule != nil {
		r.Rule = &receipt.Rule{ID: w.Rule.ID, Version: w.Rule.Version}
	}
	r.NotCovered = append(r.NotCovered, gaps...)
	if i.Beyond != nil {
		r.NotCovered = append(r.NotCovered, i.Beyond()...)
	}
	for _, id := range requests {
		r.Responses = append(r.Responses, receipt.CommitResponse(salt, id))
	}
	for _, owner := range owners {
		r.Owners = append(r.Owners, receipt.CommitOwner(salt, owner))
	}
	body, err := receipt.Encode(r)
	if err != nil {
		return postgres.Receipt{}, &domain.Error{Code: domain.CodeRefused, Message: "This is too much for one receipt, so nothing was erased", Cause: err}
	}
	written := postgres.Receipt{ID: w.Receipt, Body: body, Salt: salt[:], Actor: w.Actor}
	// The sweep keeps looking for its own requests anyway. For orphans it would remove
	// requests that have come back; their next pass looks instead.
	if w.Trigger != domain.TriggerSweep && w.Trigger != domain.TriggerOrphans {
		written.Requests, written.LookAfter = requests, domain.SweepAfter[0]
	}
	return written, nil
}

// queueReceipts queues the receipts and links them to their bulk erasure, if any.
func queueReceipts(b *pgx.Batch, all []postgres.Receipt, erasure *uuid.UUID, at time.Time, responses int64) {
	for _, r := range all {
		postgres.QueueReceipt(b, r)
		if erasure != nil {
			queueExec(b, (*dbsqlc.Queries).AddErasureReceipt, dbsqlc.AddErasureReceiptParams{ReceiptID: r.ID, ErasureID: *erasure, At: at, Responses: responses})
			responses = 0 // counted in the first one
		}
	}
}
