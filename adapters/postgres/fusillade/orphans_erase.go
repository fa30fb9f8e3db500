package fusillade

import (
	"context"
	"maps"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"lethe/adapters/postgres"
	"lethe/adapters/postgres/fusillade/internal/dbsqlc"
	"lethe/domain"
	"lethe/receipt"
)

// ofOrphans returns what a receipt for these orphans covers: all that they name. The same
// requests may have copies that are younger or further on.
func ofOrphans(orphans []orphan) statement {
	ids, owners := map[uuid.UUID]struct{}{}, map[string]struct{}{}
	for _, o := range orphans {
		for _, id := range o.requests {
			ids[id] = struct{}{}
		}
		for _, owner := range o.owners {
			owners[owner] = struct{}{}
		}
	}
	return statement{requests: inOrder(ids), owners: slices.Sorted(maps.Keys(owners)), gaps: []receipt.Gap{receipt.GapUnlocatedCopies, receipt.GapLaterTurns}}
}

// eraseOrphans removes the copies in the same database and queues the receipt. It
// counts what cannot be removed.
func (f finisher) eraseOrphans(ctx context.Context, b *pgx.Batch, e *eraser, orphans []orphan, w domain.Authorization, careful bool) (erased domain.Erased, refused int64, err error) {
	if orphans, _, _, err = stillThere(ctx, e.tx, orphans); err != nil {
		return domain.Erased{}, 0, err
	}
	removed, erased, err := removeAt(ctx, e.tx, orphans, careful)
	if err != nil {
		return domain.Erased{}, 0, err
	}
	if len(removed) > 0 {
		requests := ofOrphans(removed).requests
		back := false
		note := func(ids []uuid.UUID) { back = back || len(ids) > 0 }
		if err := e.send(ctx, func(b *pgx.Batch) {
			queue(b, (*dbsqlc.Queries).RowsRemain, requests, note)
			queue(b, (*dbsqlc.Queries).StepsRemain, requests, note)
		}); err != nil {
			return domain.Erased{}, 0, err
		}
		if back {
			return domain.Erased{}, 0, errCameBack
		}
	}
	leftRequests, leftResponses, err := copiesAt(ctx, e.tx, orphans)
	if err != nil {
		return domain.Erased{}, 0, err
	}
	refused = leftRequests + leftResponses
	if len(removed) == 0 || erased == (domain.Erased{}) {
		return domain.Erased{}, refused, nil
	}
	s := ofOrphans(removed)
	s.erased, s.server = erased, e.server()
	written, err := f.issuer.receipts(s, w)
	if err != nil {
		return domain.Erased{}, 0, err
	}
	queueReceipts(b, written, nil, f.issuer.now(), 0)
	return erased, refused, nil
}

// recordOrphans queues an intent to remove copies in another database.
func (f finisher) recordOrphans(ctx context.Context, b *pgx.Batch, e *eraser, orphans []orphan, w domain.Authorization) (copies int64, err error) {
	var rawRequests, rawResponses int64
	var left []orphan
	if err := e.onCopies(ctx, func(conn postgres.Conn) (err error) {
		left, rawRequests, rawResponses, err = stillThere(ctx, conn, orphans)
		return err
	}); err != nil || len(left) == 0 {
		return 0, err
	}
	s := ofOrphans(left)
	s.erased = domain.Erased{RawRequests: rawRequests, RawResponses: rawResponses}
	if _, err := f.issuer.receipts(s, w); err != nil {
		return 0, err
	}
	instances, correlations := locatedOf(left).distinct()
	in := intentOf(w, s.requests, s.owners)
	in.RawRequests, in.RawResponses, in.InstanceIds, in.CorrelationIds = rawRequests, rawResponses, instances, correlations
	queueExec(b, (*dbsqlc.Queries).AddIntent, in)
	return rawRequests + rawResponses, nil
}

// finishOrphans carries out what recordOrphans has recorded, as far as it still
// applies. Copies that are left there do not count as removed.
func (f finisher) finishOrphans(ctx context.Context, e *eraser, in dbsqlc.LetheIntent, w domain.Authorization) (erased domain.Erased, err error) {
	noted := placesAt(in.InstanceIds, in.CorrelationIds)
	found, err := e.orphansAmong(ctx, noted, in.RequestedAt.Add(-domain.OrphansAfter))
	if err != nil {
		return domain.Erased{}, err
	}
	remove := func(careful bool) (removed []orphan, err error) {
		err = f.copies.outlet.Tx(ctx, func(outlet *postgres.Tx) error {
			if err := dbsqlc.New(outlet).Durably(ctx); err != nil {
				return err
			}
			removed, _, err = removeAt(ctx, outlet, found.orphans, careful)
			return err
		})
		return removed, err
	}
	removed, err := remove(false)
	if err != nil && whyRefused(err) != "" && ctx.Err() == nil {
		removed, err = remove(true)
	}
	if err != nil {
		return domain.Erased{}, err
	}
	all := make([]orphan, len(noted))
	for i, at := range noted {
		all[i].copyAt = at
	}
	var leftRequests, leftResponses int64
	if err := e.onCopies(ctx, func(conn postgres.Conn) (err error) {
		leftRequests, leftResponses, err = copiesAt(ctx, conn, all)
		return err
	}); err != nil {
		return domain.Erased{}, err
	}
	erased = domain.Erased{RawRequests: max(in.RawRequests-leftRequests, 0), RawResponses: max(in.RawResponses-leftResponses, 0)}
	var b pgx.Batch
	queueExec(&b, (*dbsqlc.Queries).DropIntents, []uuid.UUID{in.ID})
	if erased != (domain.Erased{}) {
		gone := make(map[copyAt]bool)
		for _, o := range removed {
			gone[o.copyAt] = true
		}
		for _, o := range found.orphans {
			if !gone[o.copyAt] {
				for _, id := range o.requests {
					found.kept[id] = true
				}
			}
		}
		s := ofOrphans(nil)
		s.requests = slices.DeleteFunc(slices.Clone(in.RequestIds), func(id uuid.UUID) bool { return found.kept[id] })
		if len(s.requests) == 0 {
			s.requests = in.RequestIds
		}
		s.owners, s.erased, s.server = in.Owners, erased, e.server()
		written, err := f.issuer.receipts(s, w)
		if err != nil {
			return domain.Erased{}, err
		}
		queueReceipts(&b, written, nil, f.issuer.now(), 0)
	}
	return erased, e.tx.CommitWith(ctx, &b)
}

func locatedOf(orphans []orphan) (l located) {
	for _, o := range orphans {
		l.instances, l.correlations = append(l.instances, o.instance), append(l.correlations, o.correlation)
	}
	return l
}

// copiesAt counts the copies at these places.
func copiesAt(ctx context.Context, conn postgres.Conn, orphans []orphan) (requests, responses int64, err error) {
	_, requests, responses, err = stillThere(ctx, conn, orphans)
	return requests, responses, err
}

// stillThere is copiesAt that also returns the places with copies: others may have been
// emptied since, under another receipt.
func stillThere(ctx context.Context, conn postgres.Conn, orphans []orphan) (there []orphan, requests, responses int64, err error) {
	if len(orphans) == 0 {
		return nil, 0, 0, nil
	}
	var b pgx.Batch
	var ofRequests, ofResponses []copyAt
	locatedOf(orphans).queue(&b, &ofRequests, &ofResponses)
	if err := conn.SendBatch(ctx, &b).Close(); err != nil {
		return nil, 0, 0, err
	}
	found := make(map[copyAt]bool)
	for _, at := range slices.Concat(ofRequests, ofResponses) {
		found[at] = true
	}
	for _, o := range orphans {
		if found[o.copyAt] {
			there = append(there, o)
		}
	}
	return there, int64(len(ofRequests)), int64(len(ofResponses)), nil
}

// removeAt deletes the copies at these places and reads back that none is left. If
// careful is set, it skips places with a refusal and returns the others, with the
// number of copies that it has deleted; those that others delete meanwhile do not
// count.
func removeAt(ctx context.Context, tx *postgres.Tx, orphans []orphan, careful bool) (removed []orphan, erased domain.Erased, err error) {
	if !careful {
		erased, err = emptied(ctx, tx, orphans)
		return orphans, erased, err
	}
	if err := dbsqlc.New(tx).WaitShortly(ctx); err != nil {
		return nil, erased, err
	}
	for _, o := range orphans {
		var of domain.Erased
		refused, err := attempt(ctx, tx, func() (err error) {
			of, err = emptied(ctx, tx, []orphan{o})
			return err
		})
		if err != nil {
			return nil, erased, err
		}
		if !refused {
			removed = append(removed, o)
			erased.Add(of)
		}
	}
	return removed, erased, nil
}

// emptied deletes the copies at these places; errStillThere if some are left.
func emptied(ctx context.Context, tx *postgres.Tx, orphans []orphan) (erased domain.Erased, err error) {
	if len(orphans) == 0 {
		return erased, nil
	}
	var at located
	at.instances, at.correlations = locatedOf(orphans).distinct()
	var b pgx.Batch
	at.queueDeletes(&b, &erased.RawRequests, &erased.RawResponses)
	if err := tx.SendBatch(ctx, &b).Close(); err != nil {
		return erased, err
	}
	left, more, err := copiesAt(ctx, tx, orphans)
	if err == nil && left+more > 0 {
		err = errStillThere
	}
	return erased, err
}
