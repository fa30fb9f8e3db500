package postgres

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"lethe/turns"
)

type callerKey struct{}

// By attaches the caller to a context, as far as known. Callers take turns for
// connections, and each gets only a part, so that a busy caller delays nobody; queries
// without a caller count as one caller's.
func By(ctx context.Context, caller uuid.UUID) context.Context {
	return context.WithValue(ctx, callerKey{}, caller)
}

// places are connections that may be used at a time.
type places struct {
	*turns.Places[uuid.UUID]
	each                        int // how many one caller may have
	waited, inVain, nanoseconds atomic.Int64
}

func newPlaces(all, each int) *places {
	return &places{Places: turns.New[uuid.UUID](turns.Bounds{All: all, Each: each}), each: each}
}

// eachOf is how many of these connections one caller may use at a time: that caller's
// statements may wait for each other, or for locks, while others need one.
func eachOf(conns int) int { return conns - conns/4 }

func (p *places) take(ctx context.Context) (giveBack func(), err error) {
	caller, _ := ctx.Value(callerKey{}).(uuid.UUID)
	if giveBack := p.Try(caller); giveBack != nil {
		return giveBack, nil
	}
	begun := time.Now()
	giveBack, err = p.Take(ctx, caller)
	p.nanoseconds.Add(int64(time.Since(begun)))
	if p.waited.Add(1); err != nil {
		p.inVain.Add(1)
	}
	return giveBack, err
}

// leaving gives back what has been taken.
type leaving []func()

func (l leaving) leave() {
	for _, giveBack := range l {
		giveBack()
	}
}

// Stat is a pool's statistics, including the waits for a turn.
type Stat struct {
	*pgxpool.Stat
	waited, inVain int64
	wait           time.Duration
}

func (p *places) stat(pool *pgxpool.Pool) *Stat {
	return &Stat{pool.Stat(), p.waited.Load(), p.inVain.Load(), time.Duration(p.nanoseconds.Load())}
}

// EmptyAcquireCount counts how often no connection was free at once.
func (s *Stat) EmptyAcquireCount() int64 { return s.Stat.EmptyAcquireCount() + s.waited }

// CanceledAcquireCount counts how often none was free in time.
func (s *Stat) CanceledAcquireCount() int64 { return s.Stat.CanceledAcquireCount() + s.inVain }

// AcquireDuration is the total time spent on getting connections.
func (s *Stat) AcquireDuration() time.Duration { return s.Stat.AcquireDuration() + s.wait }
