package fusillade

import (
	"context"

	"lethe/adapters/postgres"
	"lethe/adapters/postgres/fusillade/internal/dbsqlc"
	"lethe/domain"
)

// reach is where erasures find copies besides fusillade's own tables.
type reach struct {
	copies *Copies       // nil: in the same database, if anywhere
	known  func() *Known // nil: nothing is known
}

// WithCopies makes the port erase raw copies in another database. Call it first.
func (r *reach) WithCopies(c *Copies) { r.copies = c }

// WithKnown makes the port refuse to erase while a table is missing that known reports
// as seen before. Call it first.
func (r *reach) WithKnown(known func() *Known) { r.known = known }

// Known are the tables that only some databases have, and that erasures delete from or
// follow to copies if they exist. A table that has disappeared, perhaps renamed, may
// still hold prompts and responses.
type Known struct{ is dbsqlc.PrepareRow }

// Look returns which of the tables exist or were known before; before is nil at first. If
// a table has disappeared, the error names it.
func Look(ctx context.Context, c postgres.Conn, outlet string, apart bool, before *Known) (*Known, error) {
	now, err := dbsqlc.New(c).Prepare(ctx, outlet)
	if err != nil {
		return before, err
	}
	if before == nil {
		return &Known{now}, nil
	}
	was := before.is
	both := dbsqlc.PrepareRow{
		Analytics: now.Analytics || was.Analytics, Tasks: now.Tasks || was.Tasks,
		TemplatesElsewhere: now.TemplatesElsewhere || was.TemplatesElsewhere, Retained: now.Retained || was.Retained,
		RawRequests: now.RawRequests || was.RawRequests, RawResponses: now.RawResponses || was.RawResponses,
	}
	return &Known{both}, before.gone(now, apart)
}

// gone fails with CodeUnavailable if a table no longer exists. If copies are apart, in
// another database, it does not check theirs.
func (k *Known) gone(now dbsqlc.PrepareRow, apart bool) error {
	for _, table := range []struct {
		was, is bool
		name    string
	}{
		{k.is.Analytics, now.Analytics, "public.http_analytics"},
		{k.is.Tasks, now.Tasks, "underway.task"},
		{k.is.TemplatesElsewhere, now.TemplatesElsewhere, "request_templates_g2"},
		{k.is.Retained, now.Retained, "retained_response_resurrection_fences"},
		{k.is.RawRequests && !apart, now.RawRequests, "http_requests of the outlet"},
		{k.is.RawResponses && !apart, now.RawResponses, "http_responses of the outlet"},
	} {
		if table.was && !table.is {
			return domain.Errorf(domain.CodeUnavailable,
				"Table %s no longer exists, so copies of prompts and responses could be missed and nothing is erased: restore it, or restart the service if it was removed on purpose", table.name)
		}
	}
	return nil
}
