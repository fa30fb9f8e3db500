package telemetry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/exaring/otelpgx"
	"github.com/jackc/pgx/v5"
	prometheusbridge "go.opentelemetry.io/contrib/bridges/prometheus"
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/propagation"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"golang.org/x/time/rate"
)

// Export sends traces and metrics to a collector by OTLP over HTTP, in protobuf. The
// variables of the OpenTelemetry specification configure it; without a collector in
// them, it does nothing.
type Export struct {
	traces  *sdktrace.TracerProvider // nil: no traces
	metrics *sdkmetric.MeterProvider // nil: no metrics
}

// complaintEvery bounds how often an unreachable collector is logged.
const complaintEvery = time.Minute

// StartExport starts to send what the environment requests: the traces of Handler and
// QueryTracer, and the metrics of m. Stop ends it. An unreachable collector is not an
// error; it is logged, as are unusable variables, which switch their part of the export
// off.
func StartExport(ctx context.Context, version string, m *Metrics, log *slog.Logger) (*Export, error) {
	traces, metrics := wanted("TRACES", log), wanted("METRICS", log)
	e := &Export{}
	if !traces && !metrics {
		return e, nil
	}
	complaints := rate.Sometimes{Interval: complaintEvery}
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) {
		complaints.Do(func() {
			log.Warn("Could not send telemetry; the next failure is logged after a minute", "error", err)
		})
	}))
	// The providers also read these variables, and report malformed ones.
	about, _ := resource.New(ctx, resource.WithAttributes(
		attribute.String("service.name", "lethe"), attribute.String("service.version", version),
	), resource.WithTelemetrySDK(), resource.WithFromEnv())
	if traces {
		exporter, err := otlptracehttp.New(ctx)
		if err != nil {
			return nil, fmt.Errorf("start the export of traces: %w", err)
		}
		e.traces = sdktrace.NewTracerProvider(sdktrace.WithResource(about), sdktrace.WithBatcher(discreet{exporter}))
	}
	if metrics {
		exporter, err := otlpmetrichttp.New(ctx)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("start the export of metrics: %w", err), e.Stop(ctx))
		}
		e.metrics = sdkmetric.NewMeterProvider(sdkmetric.WithResource(about), sdkmetric.WithReader(
			sdkmetric.NewPeriodicReader(exporter, sdkmetric.WithProducer(
				prometheusbridge.NewMetricProducer(prometheusbridge.WithGatherer(m.registry))))))
	}
	log.Info("Sending telemetry over OTLP", "traces", traces, "metrics", metrics)
	return e, nil
}

// wanted reports whether to send a signal, TRACES or METRICS. It knows only one
// exporter; as the specification says, unknown ones are ignored with a warning.
func wanted(signal string, log *slog.Logger) bool {
	if strings.EqualFold(os.Getenv("OTEL_SDK_DISABLED"), "true") {
		return false
	}
	first := func(names ...string) (name, value string) {
		for _, name := range names {
			if value := strings.TrimSpace(os.Getenv(name)); value != "" {
				return name, value
			}
		}
		return "", ""
	}
	name, exporters := first("OTEL_" + signal + "_EXPORTER")
	switch listed := strings.Split(exporters, ","); {
	case exporters == "none":
		return false
	case exporters == "":
		if _, endpoint := first("OTEL_EXPORTER_OTLP_"+signal+"_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"); endpoint == "" {
			return false
		}
	case !slices.ContainsFunc(listed, func(e string) bool { return strings.TrimSpace(e) == "otlp" }):
		log.Warn(name + " names no supported exporter, so nothing is sent: set it to otlp or none")
		return false
	}
	name, protocol := first("OTEL_EXPORTER_OTLP_"+signal+"_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
	if protocol != "" && protocol != "http/protobuf" {
		log.Warn(name+" names an unsupported protocol, so nothing is sent: set it to http/protobuf and use the collector's port for it, usually 4318", "signal", strings.ToLower(signal))
		return false
	}
	return true
}

// Stop sends what is left and ends the export. It waits for the collector no longer
// than ctx.
func (e *Export) Stop(ctx context.Context) error {
	var errs []error
	if e.traces != nil {
		errs = append(errs, e.traces.Shutdown(ctx))
	}
	if e.metrics != nil {
		errs = append(errs, e.metrics.Shutdown(ctx))
	}
	return errors.Join(errs...)
}

// Handler adds to next a span around each request to one of the paths, which are
// patterns such as /things/{id} and the names of the spans. Other requests and their
// queries get no spans. Without traces it returns next itself.
func (e *Export) Handler(next http.Handler, paths []string) http.Handler {
	if e.traces == nil {
		return next
	}
	patterns := http.NewServeMux() // only to find the pattern of a path
	for _, path := range paths {
		patterns.Handle(path, http.NotFoundHandler())
	}
	traced := otelhttp.NewHandler(next, "request",
		otelhttp.WithTracerProvider(e.traces),
		otelhttp.WithMeterProvider(noop.NewMeterProvider()), // Metrics has these
		otelhttp.WithPropagators(propagation.TraceContext{}),
	)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, pattern := patterns.Handler(r)
		if pattern == "" {
			next.ServeHTTP(w, r)
			return
		}
		named := *r // leaves the server's own request unchanged
		named.Pattern = pattern
		traced.ServeHTTP(w, &named)
	})
}

// QueryTracer makes a span of each query of a request with a span. It is nil if no
// traces are sent.
func (e *Export) QueryTracer(pool string) pgx.QueryTracer {
	if e.traces == nil {
		return nil
	}
	return otelpgx.NewTracer(
		otelpgx.WithTracerProvider(e.traces),
		otelpgx.WithMeterProvider(noop.NewMeterProvider()),
		otelpgx.WithDisableSQLStatementInAttributes(),
		otelpgx.WithDisableConnectionDetailsInAttributes(),
		otelpgx.WithSpanNameFunc(queryName),
		otelpgx.WithQuerySpanNamePrefix(), // or preparing a query would look like it
		otelpgx.WithTracerAttributes(poolKey.String(pool)),
	)
}

const poolKey attribute.Key = "lethe.pool"

// discreet passes on spans without anything that comes from callers or rows.
type discreet struct{ sdktrace.SpanExporter }

func (d discreet) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	reported := make([]sdktrace.ReadOnlySpan, len(spans))
	for i, span := range spans {
		reported[i] = discreetSpan{span}
	}
	return d.SpanExporter.ExportSpans(ctx, reported)
}

type discreetSpan struct{ sdktrace.ReadOnlySpan }

// reported are the attributes without any value chosen by a caller, such as the path,
// the host, or the client's address or name.
var reported = map[attribute.Key]bool{
	"http.request.method":       true,
	"http.route":                true,
	"http.response.status_code": true,
	"http.response.body.size":   true,
	"network.protocol.version":  true,
	"url.scheme":                true,
	"error.type":                true,
	"db.system.name":            true,
	"db.operation.name":         true,
	"db.operation.batch.size":   true,
	"pgx.rows_affected":         true,
	"pgx.sql_state":             true,
	poolKey:                     true,
}

func (s discreetSpan) Attributes() []attribute.KeyValue {
	var kept []attribute.KeyValue
	for _, a := range s.ReadOnlySpan.Attributes() {
		if reported[a.Key] {
			kept = append(kept, a)
		}
	}
	return kept
}

// Events returns none: every event would be an error, and a driver's error can quote
// rows.
func (discreetSpan) Events() []sdktrace.Event { return nil }

// Status drops the description, which is an error's, too.
func (s discreetSpan) Status() sdktrace.Status {
	return sdktrace.Status{Code: s.ReadOnlySpan.Status().Code}
}
