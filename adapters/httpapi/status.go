package httpapi

import (
	"context"

	"lethe/domain"
)

func (s *server) GetStatus(ctx context.Context, _ GetStatusRequestObject) (GetStatusResponseObject, error) {
	status, err := s.Status.Execute(ctx, callerIn(ctx))
	if err != nil {
		return nil, err
	}
	return GetStatus200JSONResponse{Body: ServiceStatus{
		At: status.At.UTC(), Well: status.Well, Sentence: status.Sentence, Version: status.Version,
		Log: LogStatus{
			SealedAt: utc(status.Log.SealedAt), Leaves: status.Log.Leaves, PublishedLeaves: status.Log.Published,
			Unsealed: status.Log.Unsealed, OldestUnsealedSeconds: status.Log.Oldest.Seconds(),
		},
		Erasures: ErasureStatus{
			Unfinished: status.Erasures.Unfinished, OldestUnfinishedAt: utc(status.Erasures.Oldest), Failed: status.Erasures.Failed,
			AwaitingApproval: status.Erasures.Awaiting, OldestAwaitingAt: utc(status.Erasures.OldestAwaiting),
		},
		Holds: HoldStatus{
			HeldResponsesGone: status.Holds.Gone, PurgesWaiting: status.Holds.PurgesWaiting, PurgesFailed: status.Holds.PurgesFailed,
		},
		SubjectRequests: SubjectRequestStatus{
			Open: status.Subjects.Open, Overdue: status.Subjects.Overdue, NextDueAt: utc(status.Subjects.NextDue),
		},
		NextRules: convert(status.Rules, func(r domain.DueRule) DueRule { return DueRule{RuleId: r.ID, Name: r.Name, NextRunAt: r.At.UTC()} }),
		Schemas: convert(status.Databases, func(v domain.SchemaVersion) SchemaVersion {
			return SchemaVersion{Schema: v.Schema, Migration: v.Migration, FailedMigrations: convert(v.Failed, func(n int64) int64 { return n })}
		}),
	}}, nil
}
