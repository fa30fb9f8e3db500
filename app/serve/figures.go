package serve

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"

	"lethe/adapters/postgres/translog"
	"lethe/adapters/telemetry"
	"lethe/domain"
)

// rowsOf returns row counts by the table names in metrics.
func rowsOf(e domain.Erased) map[string]int64 {
	return map[string]int64{
		"requests": e.Requests, "templates": e.Templates, "steps": e.Steps,
		"raw_requests": e.RawRequests, "raw_responses": e.RawResponses, "tasks": e.Tasks, "files": e.Files,
	}
}

func newErasureMetrics(metrics *telemetry.Metrics) (*telemetry.ErasureMetrics, error) {
	var tables []string
	for table := range rowsOf(domain.Erased{}) {
		tables = append(tables, table)
	}
	triggers := []string{
		string(domain.TriggerSingle), string(domain.TriggerBulk), string(domain.TriggerRetention), string(domain.TriggerSweep),
		string(domain.TriggerOrphans),
	}
	return metrics.WatchErasures(triggers, tables, slices.Collect(maps.Values(approvalOutcomes)))
}

// countedResponses counts what single erasures and sweeps remove.
type countedResponses struct {
	domain.Responses
	metrics *telemetry.ErasureMetrics
}

func (c countedResponses) Erase(ctx context.Context, id uuid.UUID, owners []string, permit func(domain.Found) (domain.Authorization, error)) (domain.Erased, error) {
	return c.count(ctx, id, owners, permit, c.Responses.Erase)
}

func (c countedResponses) EraseWithLaterTurns(ctx context.Context, id uuid.UUID, owners []string, permit func(domain.Found) (domain.Authorization, error)) (domain.Erased, error) {
	return c.count(ctx, id, owners, permit, c.Responses.EraseWithLaterTurns)
}

func (c countedResponses) count(
	ctx context.Context, id uuid.UUID, owners []string, permit func(domain.Found) (domain.Authorization, error),
	erase func(context.Context, uuid.UUID, []string, func(domain.Found) (domain.Authorization, error)) (domain.Erased, error),
) (domain.Erased, error) {
	var responses int64
	erased, err := erase(ctx, id, owners, func(found domain.Found) (domain.Authorization, error) {
		responses = 1 + found.LaterTurns
		return permit(found)
	})
	if err == nil {
		c.metrics.Erased(string(domain.TriggerSingle), responses, rowsOf(erased))
	}
	return erased, err
}

func (c countedResponses) Sweep(ctx context.Context, limit int, w domain.Authorization) (int, domain.Erased, error) {
	looked, erased, err := c.Responses.Sweep(ctx, limit, w)
	if erased != (domain.Erased{}) {
		c.metrics.Erased(string(domain.TriggerSweep), erased.Requests, rowsOf(erased))
	}
	return looked, erased, err
}

// countedOrphans counts the removed copies whose request is gone.
type countedOrphans struct {
	domain.Orphans
	metrics *telemetry.ErasureMetrics
}

func (c countedOrphans) SweepOrphans(ctx context.Context, before time.Time, limit int, pause time.Duration, w domain.Authorization) (domain.OrphansTurn, error) {
	turn, err := c.Orphans.SweepOrphans(ctx, before, limit, pause, w)
	if turn.Erased != (domain.Erased{}) {
		c.metrics.Erased(string(domain.TriggerOrphans), 0, rowsOf(turn.Erased))
	}
	return turn, err
}

// countedErasures counts what bulk erasures remove.
type countedErasures struct {
	domain.Erasures
	closed  []func(context.Context) *domain.Error // each returns why erasing must wait; nil: no reason
	metrics *telemetry.ErasureMetrics
}

// Advance fails while the database has been rolled back, because an erasure that
// continues there may already be finished, and while it holds content that cannot be
// served, because the erasure would miss it. A part has erased the difference since
// judge was called, the last step before its erasure.
func (c countedErasures) Advance(ctx context.Context, id uuid.UUID, limit int, judge func(domain.Erasure, []domain.Part) ([]domain.Verdict, domain.Authorization)) (domain.Erasure, error) {
	for _, reason := range c.closed {
		if closed := reason(ctx); closed != nil {
			return domain.Erasure{}, domain.Errorf(domain.CodeUnavailable, "%s", closed.Message)
		}
	}
	var before *domain.Erasure
	after, err := c.Erasures.Advance(ctx, id, limit, func(e domain.Erasure, parts []domain.Part) ([]domain.Verdict, domain.Authorization) {
		before = &e
		return judge(e, parts)
	})
	if err == nil && before != nil {
		rows := rowsOf(after.Erased)
		for table, n := range rowsOf(before.Erased) {
			rows[table] -= n
		}
		c.metrics.Erased(string(after.Trigger), after.Done-before.Done, rows)
	}
	return after, err
}

// Decide counts decisions, and attempts to approve what one has asked for.
func (c countedErasures) Decide(ctx context.Context, id uuid.UUID, decide func(domain.Erasure) (domain.Erasure, error)) (domain.Erasure, error) {
	var before domain.ErasureState
	after, err := c.Erasures.Decide(ctx, id, func(e domain.Erasure) (domain.Erasure, error) {
		before = e.State
		return decide(e)
	})
	switch {
	case domain.CodeOf(err) == domain.CodeForbidden:
		c.metrics.Decided(approvalFailed)
	case err == nil && after.State != before:
		c.metrics.Decided(approvalOutcomes[after.State])
	}
	return after, err
}

// countedRules counts approvals of retention rules.
type countedRules struct {
	domain.Retention
	metrics *telemetry.ErasureMetrics
}

// Enable counts approvals, and attempts to approve what one has enabled.
func (c countedRules) Enable(ctx context.Context, id uuid.UUID, decide func(domain.RetentionRule) (domain.RetentionRule, error)) (domain.RetentionRule, error) {
	var before bool
	after, err := c.Retention.Enable(ctx, id, func(r domain.RetentionRule) (domain.RetentionRule, error) {
		before = r.Enabled
		return decide(r)
	})
	switch {
	case domain.CodeOf(err) == domain.CodeForbidden:
		c.metrics.Decided(approvalFailed)
	case err == nil && !before && after.Enabling.ApprovedBy != nil:
		c.metrics.Decided(approvalOutcomes[domain.ErasurePending])
	}
	return after, err
}

const approvalFailed = "failed"

// approvalOutcomes are the words of metrics for what became of an approval.
var approvalOutcomes = map[domain.ErasureState]string{
	domain.ErasurePending: "approved", domain.ErasureRefused: "refused", domain.ErasureExpired: "expired", domain.ErasureFailed: approvalFailed,
}

// countedLog counts reads that find the log damaged.
type countedLog struct {
	domain.Log
	metrics *telemetry.ErasureMetrics
}

func (c countedLog) Receipt(ctx context.Context, id uuid.UUID) (domain.LoggedReceipt, error) {
	receipt, err := c.Log.Receipt(ctx, id)
	countDamage(c.metrics, err)
	return receipt, err
}

func (c countedLog) Checkpoint(ctx context.Context) ([]byte, error) {
	checkpoint, err := c.Log.Checkpoint(ctx)
	countDamage(c.metrics, err)
	return checkpoint, err
}

func (c countedLog) Hashes(ctx context.Context, t domain.Tile) ([]byte, error) {
	hashes, err := c.Log.Hashes(ctx, t)
	countDamage(c.metrics, err)
	return hashes, err
}

func (c countedLog) Entries(ctx context.Context, t domain.Tile) ([]byte, error) {
	entries, err := c.Log.Entries(ctx, t)
	countDamage(c.metrics, err)
	return entries, err
}

// countDamage counts errors of a log that differs from what was signed or seen.
func countDamage(metrics *telemetry.ErasureMetrics, err error) {
	if errors.Is(err, translog.ErrDamaged) || errors.Is(err, translog.ErrRolledBack) {
		metrics.VerificationFailed()
	}
}
