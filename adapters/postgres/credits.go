package postgres

import (
	"errors"

	"github.com/jackc/pgx/v5/pgconn"
)

// LedgerCost is a query for the cost of a response in the gateway's ledger of credits,
// as text, never negative, from its newest entry. response is an expression for its
// identifier. Only newer versions of dwctl have the column for it: see WithLedger.
func LedgerCost(response string) string {
	return `(SELECT abs(l.amount)::text FROM public.credits_transactions l
        WHERE l.fusillade_request_id = ` + response + ` AND l.transaction_type = 'usage' ORDER BY l.seq DESC LIMIT 1)`
}

// WithLedger calls read with whether it may use LedgerCost, which a non-nil ledger
// reports as last seen. If that no longer holds, as after a downgrade, a lost privilege
// or on a late replica, it calls read again.
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
