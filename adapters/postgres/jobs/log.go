package jobs

import (
	"context"
	"log/slog"

	"golang.org/x/time/rate"
)

// quietly is a log for River, which logs much, and repeats every failure of each of its
// services while the database is unavailable. River's warnings and errors become
// warnings, at most one every reportEvery; the rest is logged at debug.
func quietly(log *slog.Logger) *slog.Logger {
	return slog.New(quiet{log.Handler().WithAttrs([]slog.Attr{slog.String("from", "river")}), &rate.Sometimes{Interval: reportEvery}})
}

type quiet struct {
	slog.Handler
	seldom *rate.Sometimes
}

func (q quiet) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn && q.Handler.Enabled(ctx, slog.LevelWarn) || q.Handler.Enabled(ctx, slog.LevelDebug)
}

func (q quiet) Handle(ctx context.Context, r slog.Record) error {
	level := slog.LevelDebug
	if r.Level >= slog.LevelWarn {
		q.seldom.Do(func() { level = slog.LevelWarn })
	}
	if !q.Handler.Enabled(ctx, level) {
		return nil
	}
	r.Level = level
	return q.Handler.Handle(ctx, r)
}

func (q quiet) WithAttrs(attrs []slog.Attr) slog.Handler {
	return quiet{q.Handler.WithAttrs(attrs), q.seldom}
}

func (q quiet) WithGroup(name string) slog.Handler { return quiet{q.Handler.WithGroup(name), q.seldom} }
