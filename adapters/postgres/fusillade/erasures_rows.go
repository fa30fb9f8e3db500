package fusillade

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"time"

	"github.com/google/uuid"

	"lethe/adapters/postgres/fusillade/internal/dbsqlc"
	"lethe/domain"
)

// createParams returns the columns of a pending erasure.
func createParams(wanted domain.Erasure) (dbsqlc.CreateErasureParams, error) {
	target, err := encodeTarget(wanted.Target)
	if err != nil {
		return dbsqlc.CreateErasureParams{}, err
	}
	p := dbsqlc.CreateErasureParams{
		ID: wanted.ID, Trigger: string(wanted.Trigger), Kind: string(wanted.Kind), Target: target, Scope: wanted.Scope,
		AsOf: wanted.AsOf, Max: wanted.Max, Ground: string(wanted.Ground), Ticket: wanted.Ticket,
		RequestedAt: wanted.RequestedAt, RequestedBy: wanted.RequestedBy, Role: string(wanted.Role),
		RequestSum: wanted.RequestSum[:], State: string(wanted.State), Expected: wanted.Expected, SubjectRequest: wanted.SubjectRequest,
	}
	if wanted.Approval != nil {
		p.ApproveBy = &wanted.Approval.ExpiresAt
	}
	if wanted.Rule != nil {
		p.RuleID, p.RuleVersion = &wanted.Rule.ID, &wanted.Rule.Version
	}
	if wanted.Secret != nil {
		p.Secret = wanted.Secret[:]
	}
	if wanted.Preview != nil {
		p.Preview = wanted.Preview[:]
	}
	if wanted.IdempotencyKey != "" {
		p.IdempotencyKey = &wanted.IdempotencyKey
	}
	return p, nil
}

// The form of targets and failures in their columns.
type (
	storedTarget struct {
		Responses []uuid.UUID            `json:"responses,omitempty"`
		Owner     *uuid.UUID             `json:"owner,omitempty"`
		Filter    *domain.ResponseFilter `json:"filter,omitempty"`

		LaterTurns bool       `json:"later_turns,omitempty"`
		Until      *time.Time `json:"until,omitempty"`
	}
	storedFailure struct {
		Response uuid.UUID   `json:"response"`
		Code     domain.Code `json:"code"`
		Holds    []uuid.UUID `json:"holds,omitempty"`
	}
)

func encodeTarget(t *domain.ErasureTarget) (string, error) {
	if t == nil {
		return "", errors.New("a new erasure needs a target")
	}
	text, err := json.Marshal(storedTarget{t.Responses, t.Owner, t.Filter, t.LaterTurns, t.Until})
	return string(text), err
}

func encodeFailures(failures []domain.ErasureFailure) (string, error) {
	stored := make([]storedFailure, len(failures))
	for i, f := range failures {
		stored[i] = storedFailure(f)
	}
	text, err := json.Marshal(stored)
	return string(text), err
}

func erasureOf(row dbsqlc.LetheErasure) (domain.Erasure, error) {
	e := domain.Erasure{
		ID: row.ID, Trigger: domain.Trigger(row.Trigger), Kind: domain.TargetKind(row.Kind), Scope: row.Scope,
		AsOf: row.AsOf, Max: row.Max, Ground: domain.Ground(row.Ground), Ticket: row.Ticket, SubjectRequest: row.SubjectRequest,
		RequestedAt: row.RequestedAt, RequestedBy: row.RequestedBy, Role: domain.ActorRole(row.Role),
		State: domain.ErasureState(row.State), StartedAt: row.StartedAt, FinishedAt: row.FinishedAt,
		VerifyAt: row.VerifyAt, VerifiedAt: row.VerifiedAt,
		ErasureProgress: domain.ErasureProgress{
			Expected: row.Expected, Done: row.Done,
			Erased: domain.Erased{
				Requests: row.Requests, Steps: row.Steps, Templates: row.Templates,
				RawRequests: row.RawRequests, RawResponses: row.RawResponses, Tasks: row.Tasks,
				Files: row.Files, KeptTemplates: row.KeptTemplates, Retained: row.Retained,
			},
			Held: row.Held, NotFound: row.NotFound, Refused: row.Refused, Receipts: row.Receipts, LastError: row.LastError,
		},
	}
	copy(e.RequestSum[:], row.RequestSum)
	if row.ApproveBy != nil {
		e.Approval = &domain.Approval{ExpiresAt: *row.ApproveBy, DecidedAt: row.DecidedAt, DecidedBy: row.DecidedBy}
		if row.Refusal != nil {
			e.Approval.Reason = domain.RefusalReason(*row.Refusal)
		}
	}
	if row.RuleID != nil && row.RuleVersion != nil {
		e.Rule = &domain.RuleVersion{ID: *row.RuleID, Version: *row.RuleVersion}
	}
	if row.Secret != nil {
		e.Secret = new(domain.Salt)
		copy(e.Secret[:], row.Secret)
	}
	if row.Preview != nil {
		e.Preview = new([sha256.Size]byte)
		copy(e.Preview[:], row.Preview)
	}
	if row.IdempotencyKey != nil {
		e.IdempotencyKey = *row.IdempotencyKey
	}
	if row.Target != nil {
		var t storedTarget
		if err := json.Unmarshal(row.Target, &t); err != nil {
			return domain.Erasure{}, err
		}
		e.Target = &domain.ErasureTarget{Responses: t.Responses, Owner: t.Owner, Filter: t.Filter, LaterTurns: t.LaterTurns, Until: t.Until}
	}
	var failures []storedFailure
	if err := json.Unmarshal(row.Failures, &failures); err != nil {
		return domain.Erasure{}, err
	}
	for _, f := range failures {
		e.Failures = append(e.Failures, domain.ErasureFailure(f))
	}
	return e, nil
}
