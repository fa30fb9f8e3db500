package fusillade

import (
	"context"
	"errors"
	"reflect"

	"github.com/jackc/pgx/v5"

	"lethe/adapters/postgres"
	"lethe/adapters/postgres/fusillade/internal/dbsqlc"
)

// shares are the numbers of rows that the planner expects by statistics on responses
// alone. Most rows of the table may be of batches, whose states, models and durations
// differ, and the planner takes being a response and passing a filter for independent.
type shares struct {
	known bool // the table has these statistics
	rows  []float64
}

// queue explains the query Shares, and looks whether its statistics exist.
func (s *shares) queue(ctx context.Context, b *pgx.Batch, f filter) {
	p := f.sharesParams()
	postgres.Queue(b, func(db postgres.DBTX) (err error) {
		s.known, err = dbsqlc.New(db).KnowsShares(ctx)
		return err
	})
	postgres.Queue(b, func(db postgres.DBTX) error {
		_, err := dbsqlc.New(postgres.Rewritten{DBTX: db, SQL: explain + dbsqlc.Shares}).Shares(ctx, p)
		return err
	}).QueryRow(func(row pgx.Row) error {
		result, err := planOf(row)
		if err != nil {
			return err
		}
		if len(result.Plans) != reflect.TypeFor[dbsqlc.SharesRow]().NumField() {
			return errors.New("the plan of the shares has another form than expected")
		}
		for _, part := range result.Plans {
			if len(part.Plans) == 0 {
				return errors.New("a part of the plan of the shares has another form than expected")
			}
			s.rows = append(s.rows, part.Plans[0].Rows)
		}
		return nil
	})
}

// owners returns whose responses are listed; nil: everyone's.
func (f filter) owners() []string {
	if f.owned {
		return []string{f.Owner}
	}
	return f.Owners
}

func (f filter) sharesParams() dbsqlc.SharesParams {
	return dbsqlc.SharesParams{
		Owners: f.owners(),
		States: f.States, StatusMin: f.StatusMin, StatusMax: f.StatusMax, HasError: f.HasError,
		Models: f.Models, Tiers: f.Tiers,
		CreatedAfter: f.CreatedAfter, CreatedBefore: f.CreatedBefore, MinDuration: f.MinDuration,
	}
}

// total returns how many responses pass: of those of the owners, the share of all
// responses that pass each part of the filter.
func (s shares) total(f filter) int64 {
	responses, total := s.rows[0], s.rows[1]
	for part, narrows := range []bool{
		f.States != nil || f.StatusMin != nil || f.StatusMax != nil || f.HasError != nil,
		f.Models != nil,
		f.Tiers != nil,
		f.CreatedAfter != nil || f.CreatedBefore != nil,
		f.MinDuration.Valid,
	} {
		if narrows {
			total *= min(s.rows[2+part]/max(responses, 1), 1)
		}
	}
	return int64(total)
}
