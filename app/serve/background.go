package serve

import (
	"context"
	"sync"
	"time"

	"go.uber.org/fx"
)

// whileServing runs these from when the service starts until it stops, which
// waits until they have returned: their context ends then.
func whileServing(lc fx.Lifecycle, works ...func(context.Context)) {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	lc.Append(fx.StartStopHook(func() {
		for _, work := range works {
			running.Go(func() { work(ctx) })
		}
	}, func() {
		cancel()
		running.Wait()
	}))
}

// every is what does something at once, and again after each pause.
func every(pause time.Duration, do func(context.Context)) func(context.Context) {
	return func(ctx context.Context) {
		tick := time.NewTicker(pause)
		defer tick.Stop()
		for {
			do(ctx)
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
		}
	}
}
