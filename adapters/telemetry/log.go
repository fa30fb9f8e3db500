// Package telemetry makes the service's logger and its metrics.
package telemetry

import (
	"fmt"
	"io"
	"log/slog"
	"strings"
)

// NewLogger makes a logger that writes to w. level is debug, info, warn or
// error, format is text or json, both in either case; anything else is an
// error that names what there is.
func NewLogger(level, format string, w io.Writer) (*slog.Logger, error) {
	levels := map[string]slog.Level{
		"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError,
	}
	threshold, ok := levels[strings.ToLower(level)]
	if !ok {
		return nil, fmt.Errorf("the log level cannot be %q: use debug, info, warn or error", level)
	}
	options := &slog.HandlerOptions{Level: threshold}
	switch strings.ToLower(format) {
	case "text":
		return slog.New(slog.NewTextHandler(w, options)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(w, options)), nil
	}
	return nil, fmt.Errorf("the log format cannot be %q: use text or json", format)
}
