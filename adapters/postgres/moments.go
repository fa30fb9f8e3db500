package postgres

import (
	"errors"
	"time"

	"github.com/jackc/pgx/v5/pgtype"

	"lethe/domain"
)

// moments converts every timestamptz to Go's time: the driver's own codec fails on
// 'infinity', and with it the whole query.
type moments struct{ pgtype.TimestamptzCodec }

func (c *moments) PlanScan(m *pgtype.Map, oid uint32, format int16, target any) pgtype.ScanPlan {
	if _, ok := target.(*time.Time); !ok {
		return c.TimestamptzCodec.PlanScan(m, oid, format, target)
	}
	if plan := c.TimestamptzCodec.PlanScan(m, oid, format, new(pgtype.Timestamptz)); plan != nil {
		return scanMoment{plan}
	}
	return nil
}

func (c *moments) PlanEncode(m *pgtype.Map, oid uint32, format int16, value any) pgtype.EncodePlan {
	if _, ok := value.(time.Time); !ok {
		return c.TimestamptzCodec.PlanEncode(m, oid, format, value)
	}
	if plan := c.TimestamptzCodec.PlanEncode(m, oid, format, pgtype.Timestamptz{}); plan != nil {
		return encodeMoment{plan}
	}
	return nil
}

type scanMoment struct{ plan pgtype.ScanPlan }

func (s scanMoment) Scan(src []byte, target any) error {
	var read pgtype.Timestamptz
	if src == nil {
		return errors.New("a time cannot be null")
	}
	if err := s.plan.Scan(src, &read); err != nil {
		return err
	}
	into := target.(*time.Time)
	switch read.InfinityModifier {
	case pgtype.Infinity:
		*into = domain.InfiniteFuture
	case pgtype.NegativeInfinity:
		*into = domain.InfinitePast
	default:
		*into = read.Time
	}
	return nil
}

type encodeMoment struct{ plan pgtype.EncodePlan }

func (e encodeMoment) Encode(value any, buf []byte) ([]byte, error) {
	at := value.(time.Time)
	written := pgtype.Timestamptz{Time: at, Valid: true}
	switch {
	case at.Equal(domain.InfiniteFuture):
		written = pgtype.Timestamptz{InfinityModifier: pgtype.Infinity, Valid: true}
	case at.Equal(domain.InfinitePast):
		written = pgtype.Timestamptz{InfinityModifier: pgtype.NegativeInfinity, Valid: true}
	}
	return e.plan.Encode(written, buf)
}
