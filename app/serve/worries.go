package serve

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"lethe/adapters/postgres"
)

// worries says what goes wrong in the background. While a database is away,
// everything there fails for this one reason, which is said once.
type worries struct {
	log  *slog.Logger
	mu   sync.Mutex
	away map[string]time.Time // when it was last said of each database
}

func newWorries(log *slog.Logger) *worries { return &worries{log: log, away: map[string]time.Time{}} }

// tell logs what could not be done and why; or, where a database is away, that,
// once a minute for each.
func (w *worries) report(ctx context.Context, level slog.Level, what string, err error, args ...any) {
	if away, ok := errors.AsType[*postgres.Away](err); ok {
		if w.said(away.Database) {
			return
		}
		// The rest of the error says the same.
		what, args, err = "a database is away; what needs it waits, and goes on by itself when it answers again", nil, away
	}
	w.log.Log(ctx, level, what, append(args, "error", err)...)
}

// said tells whether it was said lately that this database is away, and notes
// that it is now. Of a connection that was lost it is not known whose it was.
func (w *worries) said(database string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for known, at := range w.away {
		if lately := time.Since(at) < workLogEvery; !lately {
			delete(w.away, known)
		} else if database == "" || known == database || known == "" {
			return true
		}
	}
	w.away[database] = time.Now()
	return false
}
