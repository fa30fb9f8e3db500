package postgres

import (
	"encoding/hex"
	"errors"

	"github.com/jackc/pgx/v5/pgtype"
)

// octets reads bytea in both of the server's text formats. The driver's own codec knows
// only one, and River's queries, which go through PgBouncer without settings of their
// own, get the format of the server's role.
type octets struct{ pgtype.ByteaCodec }

func (o octets) PlanScan(m *pgtype.Map, oid uint32, format int16, target any) pgtype.ScanPlan {
	if _, ok := target.(*[]byte); ok && format == pgtype.TextFormatCode {
		return scanOctets{}
	}
	return o.ByteaCodec.PlanScan(m, oid, format, target)
}

type scanOctets struct{}

func (scanOctets) Scan(src []byte, target any) (err error) {
	into := target.(*[]byte)
	switch {
	case src == nil:
		*into = nil
	case len(src) >= 2 && src[0] == '\\' && src[1] == 'x':
		*into = make([]byte, hex.DecodedLen(len(src)-2))
		_, err = hex.Decode(*into, src[2:])
	default:
		*into, err = unescape(src)
	}
	return err
}

// unescape undoes bytea_output = escape: a backslash is doubled, and a byte that is not
// printable ASCII is a backslash and three octal digits.
func unescape(src []byte) ([]byte, error) {
	all := make([]byte, 0, len(src))
	for len(src) > 0 {
		switch {
		case src[0] != '\\':
			all, src = append(all, src[0]), src[1:]
		case len(src) >= 2 && src[1] == '\\':
			all, src = append(all, '\\'), src[2:]
		case len(src) >= 4 && src[1] <= '3' && octal(src[1]) && octal(src[2]) && octal(src[3]):
			all, src = append(all, (src[1]-'0')<<6|(src[2]-'0')<<3|(src[3]-'0')), src[4:]
		default:
			return nil, errors.New("unknown format of bytea")
		}
	}
	return all, nil
}

func octal(c byte) bool { return c >= '0' && c <= '7' }
