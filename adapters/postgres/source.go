package postgres

import (
	"context"
	"errors"
	"time"
)

// Source is a database with an optional replica.
type Source struct {
	Primary *DB
	Replica *DB           // may be nil
	MaxLag  time.Duration // the replica's maximum lag; 0: any
}

// Read is Use on the replica, or on the primary if there is no replica, if it cannot be
// reached, if its lag exceeds MaxLag or if it aborts the query. An unreachable replica is
// not tried again for a while. What Read returns may be stale.
func (s Source) Read(ctx context.Context, fn func(Conn) error) error {
	_, err := s.ReadAnywhere(ctx, fn)
	return err
}

// ReadAnywhere is Read, and reports whether the replica answered.
func (s Source) ReadAnywhere(ctx context.Context, fn func(Conn) error) (fromReplica bool, err error) {
	if answered, err := s.ReadReplica(ctx, fn); answered {
		return true, err
	}
	return false, s.Primary.Use(ctx, fn)
}

// ReadReplica is Read on the replica alone; answered is false where Read would go on to
// the primary.
func (s Source) ReadReplica(ctx context.Context, fn func(Conn) error) (answered bool, err error) {
	if s.Replica == nil || s.Replica.resting() {
		return false, nil
	}
	look := false
	if s.MaxLag > 0 {
		var near bool
		if near, look = s.Replica.lag.state(); !near && !look {
			return false, nil
		}
	}
	err = s.Replica.use(ctx, func(c Conn) error {
		if look {
			if err := s.Replica.lag.look(ctx, c, s.MaxLag); err != nil {
				return err
			}
		}
		return fn(c)
	})
	switch {
	case err == nil || ctx.Err() != nil:
		return true, mapWithin(ctx, err)
	case errors.Is(err, errBehind):
	case unreachable(err):
		s.Replica.rest()
	case !serialization(err):
		return true, mapWithin(ctx, err)
	}
	return false, nil
}

func (db *DB) rest() {
	db.reset()
	db.restsUntil.Store(time.Now().Add(replicaRest).UnixNano())
}

func (db *DB) resting() bool { return time.Now().UnixNano() < db.restsUntil.Load() }
