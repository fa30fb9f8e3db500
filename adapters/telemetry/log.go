// Package telemetry makes the service's logger and its metrics.
//
// [Metrics] is what Prometheus fetches, [Export] sends metrics and traces over OTLP,
// and [ErasureMetrics] is one of the sets of metrics that parts of the service fill.
package telemetry

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"go.opentelemetry.io/otel/trace"
)

// NewLogger makes a logger that writes to w. level is debug, info, warn or error,
// format is text or json, in any case; anything else is an error that names the
// choices. Lines of a traced request carry the trace_id.
func NewLogger(level, format string, w io.Writer) (*slog.Logger, error) {
	levels := map[string]slog.Level{
		"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError,
	}
	threshold, ok := levels[strings.ToLower(level)]
	if !ok {
		return nil, fmt.Errorf("invalid log level %q: use debug, info, warn or error", level)
	}
	options := &slog.HandlerOptions{Level: threshold}
	switch strings.ToLower(format) {
	case "text":
		return slog.New(tracing{slog.NewTextHandler(w, options)}), nil
	case "json":
		return slog.New(tracing{slog.NewJSONHandler(w, options)}), nil
	}
	return nil, fmt.Errorf("invalid log format %q: use text or json", format)
}

// tracing adds to each line the trace that it belongs to.
type tracing struct{ slog.Handler }

func (h tracing) Handle(ctx context.Context, line slog.Record) error {
	if span := trace.SpanContextFromContext(ctx); span.IsValid() {
		line = line.Clone()
		line.AddAttrs(slog.String("trace_id", span.TraceID().String()))
	}
	return h.Handler.Handle(ctx, line)
}

func (h tracing) WithAttrs(attrs []slog.Attr) slog.Handler {
	return tracing{h.Handler.WithAttrs(attrs)}
}

func (h tracing) WithGroup(name string) slog.Handler { return tracing{h.Handler.WithGroup(name)} }
