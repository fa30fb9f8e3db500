package serve

import (
	"context"
	"time"

	"go.uber.org/fx"

	"lethe/adapters/gate"
	"lethe/adapters/postgres/keys"
	"lethe/adapters/postgres/users"
)

const (
	// Maximum concurrent look-ups of unknown keys: a small part of a connection pool.
	// As many more may wait as take up a small part of the concurrent requests.
	unknownKeysAtOnce = 2
	unknownKeysWait   = 32
	unknownKeyWaits   = time.Second

	knownKeys        = 65_536 // some megabytes
	recordKeysEvery  = 10 * time.Second
	recordKeysAtStop = 2 * time.Second
)

// newGate returns the gate in front of the look-ups of callers.
func newGate(w *workers, p *pools) (*gate.People, error) {
	people, err := users.New(p.main, w.log)
	if err != nil {
		return nil, err
	}
	w.lc.Append(fx.StopHook(people.Close))
	g, err := gate.New(people, gate.Config{
		AtOnce: unknownKeysAtOnce, Waiting: unknownKeysWait, Wait: unknownKeyWaits, Entries: knownKeys, Refused: w.metrics.Refuse,
	})
	if err != nil {
		return nil, err
	}
	stored, err := keys.New(p.fusillade.Primary)
	if err != nil {
		return nil, err
	}
	remembers := false
	var fresh []gate.Mark // not stored yet
	note := func(ctx context.Context) error {
		if !remembers {
			secret, known, err := stored.Known(ctx, knownKeys)
			if err != nil {
				return err
			}
			g.Remember(secret, known)
			remembers = true
		}
		if fresh = append(fresh, g.Fresh()...); len(fresh) == 0 {
			return nil
		}
		err := stored.Note(ctx, fresh)
		if err == nil {
			fresh = nil
		}
		return err
	}
	// Runs after the repeated work has stopped.
	w.lc.Append(fx.StopHook(func(ctx context.Context) {
		last, cancel := context.WithTimeout(ctx, recordKeysAtStop)
		defer cancel()
		_ = note(last) // otherwise the last keys are unknown after a restart
	}))
	w.repeat("keys", recordKeysEvery, 0, "Could not store which keys have worked; after a restart, callers who guess keys may delay others", note)
	return g, nil
}
