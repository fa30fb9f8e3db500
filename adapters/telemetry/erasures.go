package telemetry

import (
	"errors"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// ErasureCount is the number of bulk erasures of one state and trigger.
type ErasureCount struct {
	State, Trigger string
	Count          int64
}

// ErasureMetrics are the metrics of erasures.
type ErasureMetrics struct {
	responses, rows *prometheus.CounterVec
	verifications   prometheus.Counter

	mu     sync.Mutex
	looked time.Time // zero: never
	counts []ErasureCount
	oldest *time.Time
}

// WatchErasures adds metrics of erasures. triggers and tables are the words that Erased
// is called with. It fails when called twice.
func (m *Metrics) WatchErasures(triggers, tables []string) (*ErasureMetrics, error) {
	e := &ErasureMetrics{
		responses: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "lethe_erased_responses_total",
			Help: "Responses that were erased by this process; with the trigger sweep, requests that were written again; with orphans, none, as only copies are removed.",
		}, []string{"trigger"}),
		rows: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "lethe_erased_rows_total",
			Help: "Rows that were erased by this process, with their copies.",
		}, []string{"table"}),
		verifications: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "lethe_verification_failures_total",
			Help: "How often the log of erasures was found not to be as it was signed.",
		}),
	}
	// A rate needs a zero before the first value.
	for _, trigger := range triggers {
		e.responses.WithLabelValues(trigger)
	}
	for _, table := range tables {
		e.rows.WithLabelValues(table)
	}
	var errs []error
	for _, c := range []prometheus.Collector{e.responses, e.rows, e.verifications, e} {
		errs = append(errs, m.registry.Register(c))
	}
	return e, errors.Join(errs...)
}

// Erased counts erased responses, and the rows erased from each table.
func (e *ErasureMetrics) Erased(trigger string, responses int64, rows map[string]int64) {
	e.responses.WithLabelValues(trigger).Add(float64(responses))
	for table, n := range rows {
		e.rows.WithLabelValues(table).Add(float64(n))
	}
}

// VerificationFailed counts findings that the log is not as it was signed.
func (e *ErasureMetrics) VerificationFailed() { e.verifications.Inc() }

// Looked records the numbers of erasures, and when the oldest unfinished one was
// requested; nil: all are finished.
func (e *ErasureMetrics) Looked(counts []ErasureCount, oldest *time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.looked, e.counts, e.oldest = time.Now(), counts, oldest
}

var (
	erasures       = prometheus.NewDesc("lethe_erasures", "Bulk erasures that there are, as every process sees them.", []string{"state", "trigger"}, nil)
	erasuresOldest = prometheus.NewDesc("lethe_erasure_oldest_unfinished_seconds", "How long ago the oldest erasure was asked for that is not over; 0 where all are.", nil, nil)
)

func (*ErasureMetrics) Describe(descs chan<- *prometheus.Desc) {
	descs <- erasures
	descs <- erasuresOldest
}

// Unfinished erasures grow older while nobody can look.
func (e *ErasureMetrics) Collect(metrics chan<- prometheus.Metric) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.looked.IsZero() {
		return
	}
	for _, c := range e.counts {
		metrics <- prometheus.MustNewConstMetric(erasures, prometheus.GaugeValue, float64(c.Count), c.State, c.Trigger)
	}
	var age time.Duration
	if e.oldest != nil {
		age = max(0, time.Since(*e.oldest))
	}
	metrics <- prometheus.MustNewConstMetric(erasuresOldest, prometheus.GaugeValue, age.Seconds())
}
