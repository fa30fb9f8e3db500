package postgres

import (
	"context"
	"errors"
	"time"
)

// Source is a database with, perhaps, a replica of it.
type Source struct {
	Primary *DB
	Replica *DB           // may be nil
	MaxLag  time.Duration // how far behind the replica may be; 0: however far
}

// Read is Use on the replica where there is one, else on the primary. It turns
// to the primary also when the replica cannot be reached, is further behind
// than MaxLag or gives the query up, and leaves a replica alone for a while
// that was not there. What it reads may be stale.
func (s Source) Read(ctx context.Context, fn func(Conn) error) error {
	_, err := s.ReadAnywhere(ctx, fn)
	return err
}

// ReadAnywhere is Read, and tells whether it was the replica that answered.
func (s Source) ReadAnywhere(ctx context.Context, fn func(Conn) error) (fromReplica bool, err error) {
	if s.Replica == nil || s.Replica.resting() {
		return false, s.Primary.Use(ctx, fn)
	}
	look := false
	if s.MaxLag > 0 {
		var near bool
		if near, look = s.Replica.lag.state(); !near && !look {
			return false, s.Primary.Use(ctx, fn)
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
	return false, s.Primary.Use(ctx, fn)
}

func (db *DB) rest() {
	db.reset()
	db.restsUntil.Store(time.Now().Add(replicaRest).UnixNano())
}

func (db *DB) resting() bool { return time.Now().UnixNano() < db.restsUntil.Load() }
