package postgres

import (
	"context"
	"errors"
	"math"
	"sync/atomic"
	"time"
)

// lag is what is known of a replica's lag. Until the first look, the lag counts as too
// long.
type lag struct {
	near     atomic.Bool
	nextLook atomic.Int64 // Unix time in nanoseconds, as below
	caughtUp atomic.Int64 // when it was last seen to have replayed everything
}

var errBehind = errors.New("the replica is too far behind its primary")

// state reports whether the replica is near enough, and whether this caller has to
// look: one of all callers does, at most once in lagInterval.
func (l *lag) state() (near, look bool) {
	next, now := l.nextLook.Load(), time.Now()
	look = now.UnixNano() >= next && l.nextLook.CompareAndSwap(next, now.Add(lagInterval).UnixNano())
	return l.near.Load(), look
}

// look asks the replica. It fails with errBehind if the lag exceeds limit or is
// unknown. Meanwhile the others rely on the previous look.
func (l *lag) look(ctx context.Context, c Conn, limit time.Duration) (err error) {
	defer func() { l.near.Store(err == nil) }()
	begun := time.Now()
	var current bool
	var seconds *float64
	if err := c.QueryRow(ctx, lagQuery).Scan(&current, &seconds); err != nil {
		if unreachable(err) || ctx.Err() != nil {
			return err
		}
		return errBehind
	}
	behind := time.Duration(math.MaxInt64)
	if current {
		l.caughtUp.Store(begun.UnixNano())
		behind = 0
	} else if at := l.caughtUp.Load(); at != 0 {
		behind = begun.Sub(time.Unix(0, at))
	}
	if seconds != nil && *seconds < behind.Seconds() {
		behind = time.Duration(*seconds * float64(time.Second))
	}
	if behind > limit {
		return errBehind
	}
	return nil
}

// A standby that has replayed all it received, and is still receiving, is current
// however old its last transaction is; so is a primary. For any other, the age of that
// transaction is an upper bound of the lag: it is more if there was nothing to replay
// in between.
const lagQuery = `-- name: ReplicaLag :one
SELECT NOT pg_is_in_recovery()
       OR coalesce(pg_last_wal_receive_lsn() <= pg_last_wal_replay_lsn(), false)
          AND EXISTS (SELECT FROM pg_stat_wal_receiver WHERE pid IS NOT NULL),
       extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp())::float8`
