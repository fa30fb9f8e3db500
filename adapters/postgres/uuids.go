package postgres

import (
	"errors"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgtype"
	pgxuuid "github.com/vgarvardt/pgx-google-uuid/v5"
)

// uuids reads UUIDs as they are sent. The driver prefers the Scan method of uuid.UUID,
// which writes each as text first and parses that.
type uuids struct{ pgxuuid.UUIDCodec }

func (c uuids) PlanScan(m *pgtype.Map, oid uint32, format int16, target any) pgtype.ScanPlan {
	if _, ok := target.(*uuid.UUID); ok && format == pgtype.BinaryFormatCode {
		return scanUUID{}
	}
	return c.UUIDCodec.PlanScan(m, oid, format, target)
}

type scanUUID struct{}

func (scanUUID) Scan(src []byte, target any) error {
	into := target.(*uuid.UUID)
	if len(src) != len(into) {
		return errors.New("a UUID must have 16 bytes and cannot be null")
	}
	copy(into[:], src)
	return nil
}
