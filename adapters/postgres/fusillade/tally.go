package fusillade

import (
	"context"
	"time"

	"lethe/adapters/postgres"
	"lethe/adapters/postgres/fusillade/internal/dbsqlc"
	"lethe/domain"
)

// Tally is the number of erasures of one state and trigger.
type Tally struct {
	State   domain.ErasureState
	Trigger domain.Trigger
	Count   int64
	Oldest  time.Time // when the oldest of them was requested
}

// Tally counts the erasures whose details are still kept: unfinished and recent ones.
// It makes one round trip. Errors are those of MapError.
func (e *Erasures) Tally(ctx context.Context) ([]Tally, error) {
	var rows []dbsqlc.TallyErasuresRow
	err := e.db.Use(ctx, func(c postgres.Conn) (err error) {
		rows, err = dbsqlc.New(c).TallyErasures(ctx)
		return err
	})
	tally := make([]Tally, len(rows))
	for i, r := range rows {
		tally[i] = Tally{domain.ErasureState(r.State), domain.Trigger(r.Trigger), r.Erasures, r.Oldest}
	}
	return tally, err
}
