package postgres

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Away is why a database cannot be reached, with each reason once: the driver lists
// every attempt. It holds no password and does not unwrap.
type Away struct {
	Database string // which one, where and as whom; empty if a connection was lost
	Reason   string
}

func (a *Away) Error() string {
	if a.Database == "" {
		return a.Reason
	}
	return a.Database + ": " + a.Reason
}

// refusedByPooler is a pooler's code for a connection that begins with settings unknown
// to it.
const refusedByPooler = "08P01"

// Connect connects with the settings of RelyOn or, if a pooler refuses these, with
// those that it accepts. It fails with an *Away or with the error of the context.
func Connect(ctx context.Context, config *pgx.ConnConfig) (*pgx.Conn, error) {
	RelyOn(config.RuntimeParams, false)
	conn, err := pgx.ConnectConfig(ctx, config)
	if sqlState(err) == refusedByPooler {
		RelyOn(config.RuntimeParams, true)
		conn, err = pgx.ConnectConfig(ctx, config)
	}
	if failed, ok := errors.AsType[*pgconn.ConnectError](err); ok && ctx.Err() == nil {
		return nil, awayOf(failed)
	}
	if err != nil && ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return conn, err
}

func awayOf(err *pgconn.ConnectError) *Away {
	a := &Away{Database: describeDatabase(err.Config), Reason: "the server gave no reason"}
	if all := slices.Compact(reasons(err.Unwrap())); len(all) > 0 {
		a.Reason = strings.Join(all, "; ")
	}
	return a
}

func describeDatabase(c *pgconn.Config) string {
	places := []string{place(c.Host, c.Port)}
	for _, other := range c.Fallbacks {
		if next := place(other.Host, other.Port); !slices.Contains(places, next) {
			places = append(places, next)
		}
	}
	return fmt.Sprintf("database %q at %s as role %q", c.Database, strings.Join(places, ", "), c.User)
}

func place(host string, port uint16) string { return net.JoinHostPort(host, fmt.Sprint(port)) }

func reasons(err error) (all []string) {
	for e := err; e != nil; e = errors.Unwrap(e) {
		if several, ok := e.(interface{ Unwrap() []error }); ok {
			for _, one := range several.Unwrap() {
				all = append(all, reasons(one)...)
			}
			return all
		}
	}
	if err == nil {
		return nil
	}
	return []string{reason(err)}
}

func reason(err error) string {
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		return describe(pg, "")
	}
	if dns, ok := errors.AsType[*net.DNSError](err); ok && dns.IsNotFound {
		return fmt.Sprintf("host %q not found", dns.Name)
	}
	if network, ok := errors.AsType[net.Error](err); ok && network.Timeout() || errors.Is(err, context.DeadlineExceeded) {
		return "no answer in time"
	}
	if number, ok := errors.AsType[syscall.Errno](err); ok {
		return number.Error()
	}
	text := err.Error()
	if _, words, ok := strings.Cut(text, "): "); ok { // after the address
		text = words
	}
	return text
}
