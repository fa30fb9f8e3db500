package domain

import (
	"context"
	"log/slog"
	"maps"
	"slices"

	"github.com/google/uuid"
)

// enricher adds to responses what other stores know about them.
type enricher struct {
	usage  UsageRecords
	people People
	log    *slog.Logger
}

// enrich fails if usage cannot be read. Addresses are optional: if they cannot be
// read, they are nil and the log says why.
func (d enricher) enrich(ctx context.Context, caller Principal, responses []Response) ([]ResponseSummary, error) {
	summaries := make([]ResponseSummary, len(responses))
	if len(responses) == 0 {
		return summaries, nil
	}
	var ids []uuid.UUID // of responses whose usage is unknown
	emails := map[uuid.UUID]string{caller.ID: caller.Email}
	unknown := make(map[uuid.UUID]struct{})
	for _, r := range responses {
		if r.KnownUsage == nil {
			ids = append(ids, r.ID)
		}
		if owner, ok := ownerID(r.Owner); ok && owner != caller.ID {
			unknown[owner] = struct{}{}
		}
	}
	var usage map[uuid.UUID]Usage
	readUsage := func(ctx context.Context) (err error) {
		usage, err = d.usage.Latest(ctx, ids)
		return err
	}
	readEmails := func(ctx context.Context) error {
		return addEmails(ctx, d.people, d.log, unknown, emails)
	}
	var err error
	switch {
	case len(ids) > 0 && len(unknown) > 0:
		err = both(ctx, readUsage, readEmails)
	case len(ids) > 0:
		err = readUsage(ctx)
	case len(unknown) > 0:
		err = readEmails(ctx)
	}
	if err != nil {
		return nil, err
	}
	for i, r := range responses {
		summaries[i] = ResponseSummary{Response: r, Usage: usage[r.ID]}
		if r.KnownUsage != nil {
			summaries[i].Usage = *r.KnownUsage
		}
		if owner, ok := ownerID(r.Owner); ok {
			if email, ok := emails[owner]; ok {
				summaries[i].OwnerEmail = &email
			}
		}
	}
	return summaries, nil
}

// addEmails looks up the addresses of these people. They are optional: if they cannot
// be read, they are missing and the log says why. It returns only the context's
// error.
func addEmails(ctx context.Context, people People, log *slog.Logger, of map[uuid.UUID]struct{}, emails map[uuid.UUID]string) error {
	if len(of) == 0 {
		return nil
	}
	found, err := people.Emails(ctx, slices.Collect(maps.Keys(of)))
	if err != nil && ctx.Err() == nil {
		log.WarnContext(ctx, "Could not read email addresses; answering without them", "error", err)
	}
	maps.Copy(emails, found)
	return ctx.Err()
}

// enrich adds addresses; it returns only the context's error.
func (u *ListAccessLog) enrich(ctx context.Context, caller Principal, accesses []Access) ([]AccessSummary, error) {
	emails := map[uuid.UUID]string{caller.ID: caller.Email}
	unknown := make(map[uuid.UUID]struct{})
	for _, l := range accesses {
		unknown[l.By] = struct{}{}
		if owner, ok := ownerID(l.Owner); ok {
			unknown[owner] = struct{}{}
		}
	}
	delete(unknown, caller.ID)
	if err := addEmails(ctx, u.people, u.log, unknown, emails); err != nil {
		return nil, err
	}
	summaries := make([]AccessSummary, len(accesses))
	for i, l := range accesses {
		summaries[i] = AccessSummary{Access: l}
		if email, ok := emails[l.By]; ok {
			summaries[i].ByEmail = &email
		}
		if owner, ok := ownerID(l.Owner); ok {
			if email, ok := emails[owner]; ok {
				summaries[i].OwnerEmail = &email
			}
		}
	}
	return summaries, nil
}

// ownerID returns the person that an owner names, if any. Only the canonical spelling
// counts, because owners are compared as text.
func ownerID(owner string) (uuid.UUID, bool) {
	id, err := uuid.Parse(owner)
	return id, err == nil && id.String() == owner
}

// both runs two functions concurrently and waits for both. The first error cancels
// the other's context and is returned. A panic of either is passed on to the caller:
// in its own goroutine it would end the program.
func both(ctx context.Context, a, b func(context.Context) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	panicked := make(chan any, 1)
	go func() {
		defer func() { panicked <- recover() }()
		if err := b(ctx); err != nil {
			cancel(err)
		}
	}()
	if err := a(ctx); err != nil {
		cancel(err)
	}
	if p := <-panicked; p != nil {
		panic(p)
	}
	return context.Cause(ctx)
}
