package fusillade

import (
	"cmp"
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"lethe/adapters/postgres"
	"lethe/adapters/postgres/fusillade/internal/dbsqlc"
	"lethe/domain"
)

// fusillade-arsenal moves finished responses out of the requests, each with its prompt.
// A move is one transaction, so reading the requests first and the retained ones second
// misses none, and may see one twice.

// fencedFor is how long late writers cannot write an erased response again. The sweep
// looks for such rows for a day, and the gateway's longest timeout is some hours.
const fencedFor = 7 * 24 * time.Hour

var errNotAsDocumented = domain.Errorf(domain.CodeRefused, "The retained response does not match its group, so nothing was erased: check its rows in retained_response_objects and the route tables")

// These replace the requests table in a query. Queries that take identifiers take them
// as the second argument.
var (
	retained       = bare(dbsqlc.Retained)
	besideRetained = "requests AS NOT MATERIALIZED (" + union("", retained+" AND NOT EXISTS (SELECT FROM requests r WHERE r.id = o.object_id)") + ")"
	ofThese        = "requests AS MATERIALIZED (" + union("WHERE id = ANY ($2::uuid[])", retained+" AND q.request_id = ANY ($2::uuid[])") + ")"

	// The columns of retained objects and of their unpacked payloads, and of objects
	// that an index finds.
	ofObjects, _, _ = strings.Cut(retained, "\nFROM ")
	_, routed, _    = strings.Cut(bare(dbsqlc.RetainedRouted), "\n")

	holdsOnBoth      = with(ofThese, dbsqlc.HoldsOn)
	holdsOnEachBoth  = with(ofThese, dbsqlc.HoldsOnEach)
	heldPurgesOfBoth = with(besideRetained, dbsqlc.HeldPurges)
	lockedOfRetained = with(insteadRetained("AND q.request_id = ANY ($1::uuid[])"), strings.NewReplacer(
		"-- name: RequestsOf ", "-- name: RetainedOf ",
		"(SELECT t.file_id FROM request_templates t WHERE t.id = r.template_id)", "r.file_id",
	).Replace(neverNull.Replace(dbsqlc.RequestsOf)))
)

// neverNull replaces columns that are never NULL in requests.
var neverNull = strings.NewReplacer(
	" model, state,", " coalesce(model, '') AS model, coalesce(state, '') AS state,",
	" r.model, r.state,", " coalesce(r.model, '') AS model, coalesce(r.state, '') AS state,",
)

const unpacked = "CROSS JOIN LATERAL (SELECT o.payload -> 'request' AS request, o.payload -> 'template' AS template OFFSET 0) p"

// bare strips a query's name, for use within another query.
func bare(query string) string {
	_, body, _ := strings.Cut(strings.TrimRight(query, "\n ;"), "\n")
	return body
}

// insteadRetained replaces the requests with retained ones, with more conditions.
func insteadRetained(conditions string) string {
	return "requests AS NOT MATERIALIZED (" + retained + " " + conditions + "\n)"
}

// union combines the requests under a condition with the retained ones.
func union(condition, retained string) string {
	const columns = "id, batch_id, created_by, state, model, service_tier, created_at, started_at, completed_at, response_status, error"
	return "SELECT " + columns + " FROM requests " + condition + " UNION ALL SELECT " + columns + " FROM (" + retained + "\n) retained"
}

// with replaces the table of a common table expression in a query.
func with(table, query string) string {
	name, body, _ := strings.Cut(query, "\n")
	body = strings.TrimLeft(body, "\n ")
	if rest, is := strings.CutPrefix(body, "WITH "); is && !strings.HasPrefix(rest, "RECURSIVE") {
		return name + "\nWITH " + table + ",\n" + rest
	}
	return name + "\nWITH " + table + "\n" + body
}

// getRetained turns a query for one response into one of retained responses.
func getRetained(query string) string {
	return with(insteadRetained(""), strings.NewReplacer(
		"LEFT JOIN request_templates t ON t.id = r.template_id",
		"CROSS JOIN LATERAL (SELECT coalesce(r.template_id, r.id) AS id, r.prompt AS body, r.file_id, r.prompt_updated_at AS updated_at) t",
	).Replace(neverNull.Replace(query)))
}

// retainedPages returns the queries for a page of retained responses, without skipping.
// Their plans have to be made in order.
func (f filter) retainedPages(q domain.PageQuery) (all []pageOf) {
	queries, read := pageOfRetained, ofAll.filtered.inOrder
	if f.MinTotalCost != "" {
		queries, read = pageOfRetainedOfCost, ofCost.filtered.inOrder
	}
	first := func(minRank, maxRank int, after *domain.Position) {
		a, retained := f.firstRetained(queries, minRank, maxRank, q.ActiveFirst)
		a.Skip, a.PageSize = q.Skip, q.Limit
		a.after(after)
		all = append(all, func(ctx context.Context, db postgres.DBTX) ([]row, error) {
			return read(ctx, retained(db), a)
		})
	}
	if !q.ActiveFirst {
		first(f.minRank, f.maxRank, q.After)
		return all
	}
	above := f.minRank - 1
	if q.After != nil {
		above = max(above, q.After.Rank)
		if r := q.After.Rank; f.minRank <= r && r <= f.maxRank {
			first(r, r, q.After)
		}
	}
	if above < f.maxRank {
		first(above+1, f.maxRank, nil)
	}
	return all
}

// Queries for the first retained rows, by the column whose index leads to them.
var (
	pageOfRetained       = pagesOfRetained[dbsqlc.PageParams](dbsqlc.Page)
	pageOfRetainedOfCost = pagesOfRetained[dbsqlc.PageOfCostParams](dbsqlc.PageOfCost)
	nextOfRetained       = byIndex(func(by string) string {
		return "-- name: NextOfRetained :many\nSELECT object_id AS id, created_at FROM (\n" + firstObjects(dbsqlc.Next, by, "ASC", reflect.TypeFor[dbsqlc.NextParams]().NumField()) + "\n) o"
	})
)

// pagesOfRetained makes these from a query for pages with these parameters.
func pagesOfRetained[P any](page string) map[string]string {
	return byIndex(func(by string) string {
		columns, _, _ := strings.Cut(neverNull.Replace(dbsqlc.Page), "\nFROM requests\n")
		return with("requests AS NOT MATERIALIZED ("+ofObjects+"\nFROM (\n"+firstObjects(page, by, "DESC", reflect.TypeFor[P]().NumField())+"\n) o\n"+unpacked+"\n)",
			strings.Replace(columns, "-- name: Page ", "-- name: PageOfRetained ", 1)+"\nFROM requests")
	})
}

func byIndex(query func(by string) string) map[string]string {
	all := make(map[string]string)
	for _, by := range []string{"state", "created_by", "model", "service_tier"} {
		all[by] = query(by)
	}
	return all
}

// firstObjects selects the objects of the first rows of a query over retained responses.
// args is the query's number of arguments, of which the last is the limit. An index has
// the objects of each state or other value in order, so these are read separately and
// then merged. Payloads stay packed unless the filter
// needs them. More arguments follow: the range of ranks (two), the values, and whether
// ranks come first.
func firstObjects(query, by, direction string, args int) string {
	_, conditions, _ := strings.Cut(query, "\nFROM requests\n")
	of := func(condition string) string {
		return "SELECT * FROM (WITH requests AS NOT MATERIALIZED (" + ofObjects + ", o.payload\n" + routed + " AND " + condition + "\n)\n" +
			"SELECT id AS object_id, created_by, state, model, service_tier, created_at, payload FROM requests\n" + strings.TrimRight(conditions, "\n ;") + ") one"
	}
	parts := "SELECT s.state AS value, s.rank FROM (\n" + bare(dbsqlc.RetainedStates) + "\n) s\n" +
		"    WHERE s.rank BETWEEN $A AND $B AND ($V::text[] IS NULL OR s.state = ANY ($V::text[]))"
	rows := of("part.value IS NOT NULL AND o.state = part.value") + "\nUNION ALL\n" + of("part.value IS NULL AND o.state IS NULL")
	if by != "state" {
		active, ranks := "'"+strings.Join(domain.ActiveStates, "', '")+"'", ""
		for rank, state := range domain.ActiveStates {
			ranks += fmt.Sprintf("('%s', %d), ", state, rank)
		}
		ranks += fmt.Sprintf("(NULL, %d)", len(domain.ActiveStates))
		// One part for all finished states, as all should be finished: the planner knows
		// how common these are. Active ones are searched by state.
		parts = "SELECT v.value, s.state, s.rank FROM (SELECT DISTINCT unnest($V::text[]) AS value) v\n" +
			"    CROSS JOIN (VALUES " + ranks + ") s (state, rank) WHERE s.rank BETWEEN $A AND $B"
		rows = of("part.state IS NULL AND o."+by+" = part.value AND (o.state IS NULL OR o.state NOT IN ("+active+"))") +
			"\nUNION ALL\n" + of("part.state IS NOT NULL AND o.state = part.state AND (o."+by+" = part.value) IS TRUE")
	}
	return strings.NewReplacer(
		"$A", fmt.Sprintf("$%d::integer", args+1), "$B", fmt.Sprintf("$%d::integer", args+2), "$V", fmt.Sprintf("$%d", args+3),
		"$RANKED", fmt.Sprintf("$%d::boolean", args+4), "$MOST", fmt.Sprintf("$%d::bigint", args), "$DIRECTION", direction,
	).Replace("SELECT found.* FROM (\n" + parts + "\n) part\nCROSS JOIN LATERAL (\n" + rows + "\n) found\n" +
		"ORDER BY CASE WHEN $RANKED THEN part.rank END, found.created_at $DIRECTION, found.object_id $DIRECTION LIMIT $MOST")
}

// reckonedRetained is a count for the planner to estimate. It leaves out routes, as the
// planner would assume few matches. Each response also has an object for its group, without
// owner, state, model, tier or time, so each condition on these halves the planner's
// estimate once more; times corrects that.
func (f filter) reckonedRetained() (q counting, times int64) {
	q, times = f.count(), 2 // there is always a condition on owners
	q.sql = with("requests AS NOT MATERIALIZED ("+ofObjects+"\nFROM retained_response_objects o\n"+unpacked+"\nWHERE o.object_kind = 'request'\n)", q.sql)
	for _, is := range []bool{f.States != nil, f.Models != nil, f.Tiers != nil, f.CreatedAfter != nil || f.CreatedBefore != nil} {
		if is {
			times *= 2
		}
	}
	return q, times
}

// firstRetained picks the query by index for the filter. rest has the filter's other
// conditions.
func (f filter) firstRetained(queries map[string]string, minRank, maxRank int, ranked bool) (rest arguments, retained func(postgres.DBTX) postgres.DBTX) {
	rest = f.arguments
	by, values := "state", f.States
	switch {
	case f.Owners != nil:
		by, values, rest.Owners = "created_by", f.Owners, nil
	case f.Models != nil:
		by, values, rest.Models = "model", f.Models, nil
	case f.Tiers != nil && f.States == nil:
		by, values, rest.Tiers = "service_tier", f.Tiers, nil
	default:
		rest.States = nil
	}
	return rest, func(db postgres.DBTX) postgres.DBTX {
		return postgres.Rewritten{DBTX: db, SQL: queries[by], More: []any{minRank, maxRank, values, ranked}}
	}
}

// merged returns the rows of both in the order of the page, without duplicates.
func merged(rows []row, q domain.PageQuery) []row {
	rows = once(rows, func(r row) uuid.UUID { return r.ID })
	sortPage(rows, q.ActiveFirst)
	return rows[min(q.Skip, int64(len(rows))):]
}

// once removes duplicates.
func once[T any](rows []T, id func(T) uuid.UUID) []T {
	seen := make(map[uuid.UUID]bool, len(rows))
	return slices.DeleteFunc(rows, func(row T) bool {
		was := seen[id(row)]
		seen[id(row)] = true
		return was
	})
}

// queueRows reads these requests, and the retained ones. It locks nothing unless lock
// is set, as for an erasure.
func (e *eraser) queueRows(b *pgx.Batch, ids []uuid.UUID, lock bool, rows *requestRows) {
	if lock {
		queue(b, (*dbsqlc.Queries).LockRequests, ids, func(found []dbsqlc.LockRequestsRow) { rows.locked = found })
	} else {
		queueFixed(b, (*dbsqlc.Queries).PlanByIndex)
		queue(b, (*dbsqlc.Queries).RequestsOf, ids, func(found []dbsqlc.RequestsOfRow) { rows.locked = requestsAmong(found) })
		queueFixed(b, (*dbsqlc.Queries).PlanForAny)
	}
	if !e.Retained {
		return
	}
	if lock {
		queueExec(b, (*dbsqlc.Queries).LockRetained, ids)
	}
	queueRetained(b, ids, func(found []dbsqlc.LockRequestsRow) {
		n := len(rows.locked)
		rows.locked = once(append(rows.locked, found...), func(row dbsqlc.LockRequestsRow) uuid.UUID { return row.ID })
		rows.moved = make(map[uuid.UUID]bool)
		for _, row := range rows.locked[n:] {
			rows.moved[row.ID] = true
		}
	})
}

// queueRetained reads the retained ones of these requests.
func queueRetained(b *pgx.Batch, ids []uuid.UUID, read func([]dbsqlc.LockRequestsRow)) {
	queueRewritten(b, lockedOfRetained, (*dbsqlc.Queries).RequestsOf, ids, func(found []dbsqlc.RequestsOfRow) error {
		read(requestsAmong(found))
		return nil
	})
}

// requestsAmong converts rows of different queries to requests.
func requestsAmong[R dbsqlc.LockAloneRow | dbsqlc.RequestsOfRow](rows []R) []dbsqlc.LockRequestsRow {
	requests := make([]dbsqlc.LockRequestsRow, len(rows))
	for i, row := range rows {
		requests[i] = dbsqlc.LockRequestsRow(row)
	}
	return requests
}

// queueRetainedThere checks whether readers find a response of these owners among the
// retained ones.
func (e *eraser) queueRetainedThere(b *pgx.Batch, id uuid.UUID, owners []string, is *bool) {
	if e.Retained {
		queueRetained(b, []uuid.UUID{id}, func(found []dbsqlc.LockRequestsRow) {
			*is = *is || len(found) > 0 && (owners == nil || slices.Contains(owners, found[0].Owner))
		})
	}
}

// queueDeleteRetained fences off late writers, and removes what has been moved or is
// moved meanwhile.
func (e *eraser) queueDeleteRetained(b *pgx.Batch, requests []uuid.UUID, erased *domain.Erased) {
	if !e.Retained {
		return
	}
	queueExec(b, (*dbsqlc.Queries).Fence, dbsqlc.FenceParams{Within: postgres.Interval(fencedFor), Ids: requests})
	queueChecked(b, (*dbsqlc.Queries).DeleteRetained, requests, func(d dbsqlc.DeleteRetainedRow) error {
		if !d.AsSaid {
			return errNotAsDocumented
		}
		erased.Retained += d.Objects
		return nil
	})
}

// nextOfBoth returns the first rows of both, in the order of a walk.
func nextOfBoth(rows []dbsqlc.NextRow) []dbsqlc.NextRow {
	rows = once(rows, func(row dbsqlc.NextRow) uuid.UUID { return row.ID })
	slices.SortFunc(rows, func(a, b dbsqlc.NextRow) int {
		return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), compareIDs(a.ID, b.ID))
	})
	return rows
}
