package postgres

import (
	"errors"

	"github.com/jackc/pgx/v5/pgconn"
)

// LedgerCost is a query for what the gateway's ledger of credits says that the
// response with this identifier, an expression, cost: as text, never negative,
// of its newest entry. Only newer versions of dwctl have the column that leads
// there: see WithLedger.
func LedgerCost(response string) string {
	return `(SELECT abs(l.amount)::text FROM public.credits_transactions l
        WHERE l.fusillade_request_id = ` + response + ` AND l.transaction_type = 'usage' ORDER BY l.seq DESC LIMIT 1)`
}

// WithLedger calls read with whether it may ask for LedgerCost; ledger, where not
// nil, tells what was last seen. Where that is not so any more, as an upgrade was
// undone, a privilege was taken away or a replica is behind, it calls read again.
func WithLedger(ledger func() bool, read func(ledger bool) error) error {
	if ledger == nil || !ledger() {
		return read(false)
	}
	err := read(true)
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok && (pg.Code == "42703" || pg.Code == "42501" || pg.Code == "42P01") {
		return read(false)
	}
	return err
}
