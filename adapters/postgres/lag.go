package postgres

import (
	"context"
	"errors"
	"math"
	"sync/atomic"
	"time"
)

// lag is what is known of how far a replica is behind. Until it has been
// looked at, it counts as too far.
type lag struct {
	near     atomic.Bool
	nextLook atomic.Int64 // Unix time in nanoseconds, as below
	caughtUp atomic.Int64 // when it was last seen to have replayed everything
}

var errBehind = errors.New("the replica is too far behind its primary")

// state tells whether the replica is near enough, and whether it is the
// caller's turn to look: of all callers one, at most once in lagInterval.
func (l *lag) state() (near, look bool) {
	next, now := l.nextLook.Load(), time.Now()
	look = now.UnixNano() >= next && l.nextLook.CompareAndSwap(next, now.Add(lagInterval).UnixNano())
	return l.near.Load(), look
}

// look asks the replica. errBehind where it is more than most behind, or where
// that cannot be told. Until it knows, others go by what was so before.
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

// A standby that has replayed all it received, and goes on receiving, is
// current however old its last transaction is; so is a primary. Of another one
// the age of that transaction is known, which is more than it lags where there
// was nothing to replay in between.
const lagQuery = `-- name: ReplicaLag :one
SELECT NOT pg_is_in_recovery()
       OR coalesce(pg_last_wal_receive_lsn() <= pg_last_wal_replay_lsn(), false)
          AND EXISTS (SELECT FROM pg_stat_wal_receiver WHERE pid IS NOT NULL),
       extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp())::float8`
