package inspect

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
)

// Holder is something that keeps vacuum from removing dead rows.
type Holder struct {
	Oldest uint64 // the oldest transaction that it still needs to see
	Behind int64  // how many transactions have begun since
	What   string // a description
	Advice string
	Age    time.Duration // of a transaction; 0: unknown
}

func (h Holder) String() string { return h.What + ": " + h.Advice }

// Holders returns what keeps vacuum from removing dead rows of q's database, the oldest
// first. Without pg_read_all_stats it sees only the role's own transactions.
func Holders(ctx context.Context, q Querier) ([]Holder, error) {
	rows, err := q.Query(ctx, `
		WITH now AS (SELECT pg_snapshot_xmax(pg_current_snapshot())::text::numeric AS next),
		held AS (
		    SELECT 'slot' AS kind, slot_name::text AS name, xmin, 0 AS seconds FROM pg_catalog.pg_replication_slots
		    UNION ALL
		    SELECT 'prepared', gid, transaction, extract(epoch FROM clock_timestamp() - prepared)
		    FROM pg_catalog.pg_prepared_xacts WHERE database = current_database()
		    UNION ALL
		    SELECT 'standby', coalesce(application_name, ''), backend_xmin, 0 FROM pg_catalog.pg_stat_replication
		    UNION ALL
		    SELECT 'session', pid::text, held.xid, extract(epoch FROM clock_timestamp() - coalesce(xact_start, clock_timestamp()))
		    FROM pg_catalog.pg_stat_activity, unnest(ARRAY[backend_xid, backend_xmin]) AS held (xid)
		    WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type <> 'walsender'
		      AND pid NOT IN (SELECT pid FROM pg_catalog.pg_stat_progress_vacuum)
		)
		-- xmin has 32 bits: it is a transaction at most 2^31 before or after the next.
		SELECT kind, name, min(greatest(next - behind, 0))::text, greatest(max(behind), 0)::bigint, max(seconds)::float8
		FROM held, now, LATERAL (SELECT mod(next - xmin::text::numeric + 6442450944, 4294967296) - 2147483648 AS behind) d
		WHERE xmin IS NOT NULL
		GROUP BY kind, name
		ORDER BY max(behind) DESC, kind, name`)
	if err != nil {
		return nil, err
	}
	var holders []Holder
	var kind, name, oldest string
	var behind int64
	var seconds float64
	_, err = pgx.ForEachRow(rows, []any{&kind, &name, &oldest, &behind, &seconds}, func() (err error) {
		h := Holder{Behind: behind, Age: time.Duration(seconds * float64(time.Second))}
		switch age := h.Age.Round(time.Second); kind {
		case "slot":
			h.What = fmt.Sprintf("replication slot %q", name)
			h.Advice = "let its consumer catch up, or drop it"
		case "prepared":
			h.What = fmt.Sprintf("prepared transaction %q, %s old", name, age)
			h.Advice = "commit it or roll it back"
		case "standby":
			h.What = fmt.Sprintf("a query on standby %q, by hot_standby_feedback", name)
			h.Advice = "wait for it, or end it there"
		default:
			h.What = fmt.Sprintf("the transaction of process %s, open for %s", name, age)
			h.Advice = "wait until it ends, or end it with pg_terminate_backend"
		}
		h.Oldest, err = strconv.ParseUint(oldest, 10, 64)
		holders = append(holders, h)
		return err
	})
	return holders, err
}

// Autovacuum reports whether the server vacuums tables by itself.
func Autovacuum(ctx context.Context, q Querier) (on bool, err error) {
	err = q.QueryRow(ctx, "SELECT current_setting('autovacuum')::boolean AND current_setting('track_counts')::boolean").Scan(&on)
	return on, err
}
