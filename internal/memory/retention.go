package memory

import (
	"bytes"
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

	"lethe/domain"
)

// Retention implements domain.Retention on a store.
type Retention struct {
	store *Store
}

var _ domain.Retention = Retention{}

// Retention is that of the store's responses.
func (s *Store) Retention() Retention { return Retention{s} }

// rule is one with what it said before.
type rule struct {
	domain.RetentionRule
	versions []domain.RetentionVersion
}

// shown is a copy that its caller may keep.
func (r *rule) shown() domain.RetentionRule {
	copied := r.RetentionRule
	if r.DryRun != nil {
		d := *r.DryRun
		copied.DryRun = &d
	}
	if r.LastRun != nil {
		run := *r.LastRun
		copied.LastRun = &run
	}
	return copied
}

var (
	errNoRule    = domain.Errorf(domain.CodeNotFound, "no such retention rule")
	errOtherRule = domain.Errorf(domain.CodeConflict, "the retention rule has changed")
)

// change calls fn with a rule and returns it as it is then.
func (m Retention) change(ctx context.Context, id uuid.UUID, fn func(*rule) error) (domain.RetentionRule, error) {
	if err := ctx.Err(); err != nil {
		return domain.RetentionRule{}, err
	}
	m.store.mu.Lock()
	defer m.store.mu.Unlock()
	i := slices.IndexFunc(m.store.rules, func(r *rule) bool { return r.ID == id })
	if i < 0 {
		return domain.RetentionRule{}, errNoRule
	}
	if err := fn(m.store.rules[i]); err != nil {
		return domain.RetentionRule{}, err
	}
	return m.store.rules[i].shown(), nil
}

// changeVersion is change for one that is still of this version.
func (m Retention) changeVersion(ctx context.Context, id uuid.UUID, version int64, fn func(*rule) error) (domain.RetentionRule, error) {
	return m.change(ctx, id, func(r *rule) error {
		if r.Version != version || r.RemovedAt != nil {
			return errOtherRule
		}
		return fn(r)
	})
}

// stop keeps a rule from running and ends the run that is not over.
func (s *Store) stop(r *rule) {
	r.Enabled, r.Enabling, r.NextRunAt = false, nil, nil
	for _, e := range s.erasures {
		if e.Rule != nil && e.Rule.ID == r.ID {
			e.end(domain.ErasureCanceled)
		}
	}
}

func (m Retention) Create(ctx context.Context, r domain.RetentionRule) (domain.RetentionRule, error) {
	if err := ctx.Err(); err != nil {
		return domain.RetentionRule{}, err
	}
	m.store.mu.Lock()
	defer m.store.mu.Unlock()
	kept := &rule{r, []domain.RetentionVersion{r.RetentionVersion}}
	m.store.rules = append(m.store.rules, kept)
	return kept.shown(), nil
}

func (m Retention) Change(ctx context.Context, id uuid.UUID, v domain.RetentionVersion) (domain.RetentionRule, error) {
	return m.changeVersion(ctx, id, v.Version-1, func(r *rule) error {
		m.store.stop(r)
		r.RetentionVersion, r.DryRun = v, nil
		r.versions = append(r.versions, v)
		return nil
	})
}

func (m Retention) Get(ctx context.Context, id uuid.UUID) (domain.RetentionRule, error) {
	return m.change(ctx, id, func(*rule) error { return nil })
}

func (m Retention) Version(ctx context.Context, id uuid.UUID, version int64) (v domain.RetentionVersion, err error) {
	_, err = m.change(ctx, id, func(r *rule) error {
		if version < 1 || version > r.Version {
			return errNoRule
		}
		v = r.versions[version-1]
		return nil
	})
	return v, err
}

func (m Retention) Page(ctx context.Context, q domain.RuleQuery) ([]domain.RetentionRule, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m.store.mu.Lock()
	defer m.store.mu.Unlock()
	var found []domain.RetentionRule
	for _, r := range m.store.rules {
		if (r.RemovedAt != nil) == q.Removed && (q.After == nil || r.Position().Compare(*q.After) > 0) {
			found = append(found, r.shown())
		}
	}
	slices.SortFunc(found, func(a, b domain.RetentionRule) int { return a.Position().Compare(b.Position()) })
	return found[:min(q.Limit, int64(len(found)))], nil
}

func (m Retention) RecordDryRun(ctx context.Context, id uuid.UUID, version int64, d domain.DryRun) (domain.RetentionRule, error) {
	return m.changeVersion(ctx, id, version, func(r *rule) error {
		r.DryRun = &d
		return nil
	})
}

// The store is locked while decide runs, so decide must not use it.
func (m Retention) Enable(ctx context.Context, id uuid.UUID, decide func(domain.RetentionRule) (domain.RetentionRule, error)) (domain.RetentionRule, error) {
	return m.change(ctx, id, func(r *rule) error {
		decided, err := decide(r.shown())
		if err == nil {
			r.Enabled, r.Enabling, r.NextRunAt = decided.Enabled, decided.Enabling, decided.NextRunAt
		}
		return err
	})
}

func (m Retention) Disable(ctx context.Context, id uuid.UUID) (domain.RetentionRule, error) {
	return m.change(ctx, id, func(r *rule) error {
		m.store.stop(r)
		return nil
	})
}

func (m Retention) Remove(ctx context.Context, id, by uuid.UUID) error {
	_, err := m.change(ctx, id, func(r *rule) error {
		m.store.stop(r)
		if r.RemovedAt == nil {
			r.RemovedAt, r.RemovedBy = instant(), &by
		}
		return nil
	})
	return err
}

func (r *rule) due(now time.Time) bool { return r.NextRunAt != nil && !r.NextRunAt.After(now) }

func (m Retention) Due(ctx context.Context, now time.Time, limit int) ([]uuid.UUID, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m.store.mu.Lock()
	defer m.store.mu.Unlock()
	var due []*rule
	for _, r := range m.store.rules {
		if r.due(now) {
			due = append(due, r)
		}
	}
	slices.SortFunc(due, func(a, b *rule) int {
		if c := a.NextRunAt.Compare(*b.NextRunAt); c != 0 {
			return c
		}
		return bytes.Compare(a.ID[:], b.ID[:])
	})
	var ids []uuid.UUID
	for _, r := range due[:min(limit, len(due))] {
		ids = append(ids, r.ID)
	}
	return ids, nil
}

// The store is locked while begin runs, so begin must not use it.
func (m Retention) Start(ctx context.Context, id uuid.UUID, now time.Time, begin func(domain.RetentionRule) (domain.Erasure, time.Time)) (domain.RetentionRule, domain.RunOutcome, error) {
	outcome := domain.RunNotDue
	started, err := m.change(ctx, id, func(r *rule) error {
		if !r.due(now) {
			return nil
		}
		e, next := begin(r.shown())
		r.NextRunAt = &next
		if slices.ContainsFunc(m.store.erasures, func(e *erasure) bool {
			return e.Rule != nil && e.Rule.ID == id && !e.State.Finished()
		}) {
			outcome, r.SkippedAt = domain.RunSkipped, &now
			return nil
		}
		outcome, r.LastRun = domain.RunStarted, &domain.RetentionRun{At: now, Version: r.Version, Erasure: e.ID}
		kept := &erasure{Erasure: e}
		kept.rewind()
		m.store.erasures = append(m.store.erasures, kept)
		return nil
	})
	return started, outcome, err
}
