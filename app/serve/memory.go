package serve

import (
	"context"
	"runtime/debug"
	"runtime/metrics"
	"time"

	"go.uber.org/fx"
)

const (
	// The runtime looks for what is used no more when the heap has doubled, or every
	// two minutes, and then keeps a part of it.
	lookAtMemoryEvery = 10 * time.Second
	muchMemory        = 4 << 20
)

// giveMemoryBack gives back to the system what a burst has taken: large answers, a
// crowd of connections, counting many responses.
func giveMemoryBack(lc fx.Lifecycle) {
	least := uint64(0)
	whileServing(lc, every(lookAtMemoryEvery, func(context.Context) {
		if least > 0 && heldMemory() < least+muchMemory {
			return
		}
		debug.FreeOSMemory()
		if now := heldMemory(); least == 0 || now < least {
			least = now
		}
	}))
}

// heldMemory is what the runtime has of the system, in use or not.
func heldMemory() uint64 {
	figures := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(figures)
	return figures[0].Value.Uint64() - figures[1].Value.Uint64()
}
