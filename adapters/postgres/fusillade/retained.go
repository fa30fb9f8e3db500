package fusillade

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"lethe/adapters/postgres/fusillade/internal/dbsqlc"
	"lethe/domain"
)

// fusillade-arsenal moves finished responses out of the requests, each with its
// prompt. A move is one transaction, so whoever looks at the requests first and
// then at what is retained misses none, and may see one twice.

// fencedFor is how long a late writer is kept from writing an erased response
// again. The sweep looks for what is written for a day; no writer of the gateway's
// has been seen to take longer than its longest timeout of some hours.
const fencedFor = 7 * 24 * time.Hour

var errNotAsSaid = domain.Errorf(domain.CodeRefused, "What is retained of the response is not what its group says, so nothing was erased: look at its rows in retained_response_objects and in the tables of routes")

// With what is retained in the place of the requests, or beside them. The
// identifiers are the second argument of the queries that take some.
var (
	_, retained, _  = strings.Cut(strings.TrimRight(dbsqlc.Retained, "\n "), "\n") // without its name
	insteadRetained = "requests AS NOT MATERIALIZED (" + retained + "\n)"
	besideRetained  = "requests AS NOT MATERIALIZED (" + union("", "AND NOT EXISTS (SELECT FROM requests r WHERE r.id = o.object_id)") + ")"
	ofThese         = "requests AS MATERIALIZED (" + union("WHERE id = ANY ($2::uuid[])", "AND q.request_id = ANY ($2::uuid[])") + ")"

	holdsOnBoth      = with(ofThese, dbsqlc.HoldsOn)
	holdsOnEachBoth  = with(ofThese, dbsqlc.HoldsOnEach)
	heldPurgesOfBoth = with(besideRetained, dbsqlc.HeldPurges)
	lockedOfRetained = with("requests AS NOT MATERIALIZED ("+retained+" AND q.request_id = ANY ($1::uuid[])\n)", strings.NewReplacer(
		"-- name: RequestsOf ", "-- name: RetainedOf ",
		"(SELECT t.file_id FROM request_templates t WHERE t.id = r.template_id)", "r.file_id",
	).Replace(dbsqlc.RequestsOf))
)

// union is both, with conditions on each.
func union(requests, retainedToo string) string {
	const columns = "id, batch_id, created_by, state, model, service_tier, created_at, started_at, completed_at, response_status, error"
	return "SELECT " + columns + " FROM requests " + requests + " UNION ALL SELECT " + columns + " FROM (" + retained + " " + retainedToo + "\n) retained"
}

// with is a query in which the table of a common table expression is another one.
func with(table, query string) string {
	name, body, _ := strings.Cut(query, "\n")
	body = strings.TrimLeft(body, "\n ")
	if rest, is := strings.CutPrefix(body, "WITH "); is && !strings.HasPrefix(rest, "RECURSIVE") {
		return name + "\nWITH " + table + ",\n" + rest
	}
	return name + "\nWITH " + table + "\n" + body
}

// getRetained is a query for one response, of those that are retained.
func getRetained(query string) string {
	return with(insteadRetained, strings.NewReplacer(
		"LEFT JOIN request_templates t ON t.id = r.template_id",
		"CROSS JOIN LATERAL (SELECT coalesce(r.template_id, r.id) AS id, r.prompt AS body, r.file_id, r.prompt_updated_at AS updated_at) t",
	).Replace(query))
}

// bothPages are the queries for a page, and then those for what is retained: each
// from its beginning, as what is skipped is known when they are merged.
func (f filter) bothPages(q domain.PageQuery) (all []query, particular bool) {
	q.Skip, q.Limit = 0, q.Skip+q.Limit
	all, particular = f.pages(q)
	for _, query := range slices.Clone(all) {
		query.sql = with(insteadRetained, query.sql)
		all = append(all, query)
	}
	return all, particular
}

// merged are the rows of both in the order of the page, none twice.
func merged(rows []dbsqlc.PageRow, q domain.PageQuery) []dbsqlc.PageRow {
	rows = once(rows, func(row dbsqlc.PageRow) uuid.UUID { return row.ID })
	slices.SortStableFunc(rows, func(a, b dbsqlc.PageRow) int {
		rank := 0
		if q.ActiveFirst {
			rank = cmp.Compare(domain.StateRank(a.State), domain.StateRank(b.State))
		}
		return cmp.Or(rank, b.CreatedAt.Compare(a.CreatedAt), compareIDs(b.ID, a.ID))
	})
	return rows[min(q.Skip, int64(len(rows))):]
}

// once leaves out what has been there before.
func once[T any](rows []T, id func(T) uuid.UUID) []T {
	seen := make(map[uuid.UUID]bool, len(rows))
	return slices.DeleteFunc(rows, func(row T) bool {
		was := seen[id(row)]
		seen[id(row)] = true
		return was
	})
}

// queueRows reads the requests of these identifiers, and those that are retained.
// Where they are not read for being erased, nothing is locked.
func (e *eraser) queueRows(b *pgx.Batch, ids []uuid.UUID, lock bool, rows *[]dbsqlc.LockRequestsRow) {
	read := dbsqlc.RequestsOf
	if lock {
		read = dbsqlc.LockRequests
	}
	b.Queue(read, ids).Query(func(r pgx.Rows) (err error) {
		*rows, err = pgx.CollectRows(r, pgx.RowToStructByPos[dbsqlc.LockRequestsRow])
		return err
	})
	if !e.Retained {
		return
	}
	if lock {
		b.Queue(dbsqlc.LockRetained, ids)
	}
	b.Queue(lockedOfRetained, ids).Query(func(r pgx.Rows) error {
		found, err := pgx.CollectRows(r, pgx.RowToStructByPos[dbsqlc.LockRequestsRow])
		n := len(*rows)
		*rows = once(append(*rows, found...), func(row dbsqlc.LockRequestsRow) uuid.UUID { return row.ID })
		if e.moved == nil {
			e.moved = make(map[uuid.UUID]bool)
		}
		for _, row := range (*rows)[n:] {
			e.moved[row.ID] = true
		}
		return err
	})
}

// queueRetainedThere tells whether readers find a response among what is retained.
func (e *eraser) queueRetainedThere(b *pgx.Batch, id uuid.UUID, is *bool) {
	if e.Retained {
		b.Queue(lockedOfRetained, []uuid.UUID{id}).Query(func(r pgx.Rows) error {
			found, err := pgx.CollectRows(r, pgx.RowToStructByPos[dbsqlc.LockRequestsRow])
			*is = *is || len(found) > 0
			return err
		})
	}
}

// queueDeleteRetained keeps late writers away, and removes what has been moved or
// is moved meanwhile.
func (e *eraser) queueDeleteRetained(b *pgx.Batch, erased *domain.Erased) {
	if !e.Retained {
		return
	}
	b.Queue(dbsqlc.Fence, pgtype.Interval{Microseconds: fencedFor.Microseconds(), Valid: true}, e.requests)
	b.Queue(dbsqlc.DeleteRetained, e.requests).QueryRow(func(row pgx.Row) error {
		var d dbsqlc.DeleteRetainedRow
		err := row.Scan(&d.Objects, &d.AsSaid)
		if err == nil && !d.AsSaid {
			err = errNotAsSaid
		}
		erased.Retained += d.Objects
		return err
	})
}

// nextOfBoth are the first of the rows of both, in the order of a walk.
func nextOfBoth(rows []dbsqlc.NextRow) []dbsqlc.NextRow {
	rows = once(rows, func(row dbsqlc.NextRow) uuid.UUID { return row.ID })
	slices.SortFunc(rows, func(a, b dbsqlc.NextRow) int {
		return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), compareIDs(a.ID, b.ID))
	})
	return rows
}

// countMoved is how many of the requests were found among what is retained.
func (e *eraser) countMoved() (n int64) {
	for _, id := range e.requests {
		if e.moved[id] {
			n++
		}
	}
	return n
}
