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
	approvals       *prometheus.CounterVec

	mu     sync.Mutex
	looked time.Time // zero: never
	counts []ErasureCount
	oldest *time.Time
	// awaiting is when the oldest that waits for approval was requested.
	awaiting *time.Time
}

// WatchErasures adds metrics of erasures. triggers and tables are the values that
// Erased is called with, outcomes those that Decided is. It fails when called twice.
func (m *Metrics) WatchErasures(triggers, tables, outcomes []string) (*ErasureMetrics, error) {
	e := &ErasureMetrics{
		responses: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "lethe_erased_responses_total",
			Help: "Responses erased by this process. The trigger sweep counts requests that were written again; the trigger orphans counts none because it removes only copies.",
		}, []string{"trigger"}),
		rows: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "lethe_erased_rows_total",
			Help: "Rows erased by this process, including copies.",
		}, []string{"table"}),
		verifications: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "lethe_verification_failures_total",
			Help: "How often the log of erasures did not match what was signed.",
		}),
		approvals: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "lethe_erasure_approvals_total",
			Help: "What became in this process of erasures and retention rules that wait for approval. The outcome failed counts attempts to approve what one has requested or enabled oneself, and approvals whose people lost the right before the erasure began.",
		}, []string{"outcome"}),
	}
	// A rate needs a zero before the first value.
	for _, trigger := range triggers {
		e.responses.WithLabelValues(trigger)
	}
	for _, outcome := range outcomes {
		e.approvals.WithLabelValues(outcome)
	}
	for _, table := range tables {
		e.rows.WithLabelValues(table)
	}
	var errs []error
	for _, c := range []prometheus.Collector{e.responses, e.rows, e.verifications, e.approvals, e} {
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

// Decided counts what became of an erasure that waits for approval.
func (e *ErasureMetrics) Decided(outcome string) { e.approvals.WithLabelValues(outcome).Inc() }

// VerificationFailed counts checks in which the log did not match what was signed.
func (e *ErasureMetrics) VerificationFailed() { e.verifications.Inc() }

// Looked records the numbers of erasures, and when the oldest unfinished one was
// requested, and the oldest that waits for approval; nil: none.
func (e *ErasureMetrics) Looked(counts []ErasureCount, oldest, awaiting *time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.looked, e.counts, e.oldest, e.awaiting = time.Now(), counts, oldest, awaiting
}

var (
	erasures       = prometheus.NewDesc("lethe_erasures", "Bulk erasures, the same in every process.", []string{"state", "trigger"}, nil)
	erasuresOldest = prometheus.NewDesc("lethe_erasure_oldest_unfinished_seconds", "Time since the oldest unfinished erasure was requested; 0 if all are finished.", nil, nil)

	awaitingOldest = prometheus.NewDesc("lethe_erasure_oldest_awaiting_approval_seconds", "Time since the oldest erasure that waits for approval was requested; 0 if none waits.", nil, nil)
)

func (*ErasureMetrics) Describe(descs chan<- *prometheus.Desc) {
	descs <- erasures
	descs <- erasuresOldest
	descs <- awaitingOldest
}

// Unfinished erasures age even while the database cannot be read.
func (e *ErasureMetrics) Collect(metrics chan<- prometheus.Metric) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.looked.IsZero() {
		return
	}
	for _, c := range e.counts {
		metrics <- prometheus.MustNewConstMetric(erasures, prometheus.GaugeValue, float64(c.Count), c.State, c.Trigger)
	}
	metrics <- prometheus.MustNewConstMetric(erasuresOldest, prometheus.GaugeValue, age(e.oldest).Seconds())
	metrics <- prometheus.MustNewConstMetric(awaitingOldest, prometheus.GaugeValue, age(e.awaiting).Seconds())
}

func age(since *time.Time) time.Duration {
	if since == nil {
		return 0
	}
	return max(0, time.Since(*since))
}

// SubjectRequestMetrics shows what people ask about their own data.
type SubjectRequestMetrics struct {
	open, due *prometheus.GaugeVec // without values before the first look
}

// WatchSubjectRequests adds metrics of subject requests. It fails when called twice.
func (m *Metrics) WatchSubjectRequests() (*SubjectRequestMetrics, error) {
	s := &SubjectRequestMetrics{
		open: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "lethe_subject_requests_open",
			Help: "Requests of people about their data that wait for an answer, the same in every process.",
		}, nil),
		due: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "lethe_subject_request_due_timestamp_seconds",
			Help: "When the first of them is due, as Unix time; no value if none waits.",
		}, nil),
	}
	return s, errors.Join(m.registry.Register(s.open), m.registry.Register(s.due))
}

// Looked records how many requests wait, and when the first of them is due; nil: none
// waits.
func (s *SubjectRequestMetrics) Looked(open int64, due *time.Time) {
	s.open.WithLabelValues().Set(float64(open))
	if due == nil {
		s.due.Reset()
		return
	}
	s.due.WithLabelValues().Set(float64(due.Unix()))
}

// HoldMetrics counts what bypasses holds.
type HoldMetrics struct {
	gone, purges *prometheus.GaugeVec // without values before the first look
}

// WatchHolds adds metrics of what bypasses holds. It fails when called twice.
func (m *Metrics) WatchHolds() (*HoldMetrics, error) {
	h := &HoldMetrics{
		gone: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "lethe_held_responses_gone",
			Help: "Responses named by a hold and deleted by something other than Lethe, the same in every process.",
		}, nil),
		purges: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "lethe_held_purges",
			Help: "Purges of deleted users that would remove held data, waiting or failed, the same in every process.",
		}, []string{"state"}),
	}
	return h, errors.Join(m.registry.Register(h.gone), m.registry.Register(h.purges))
}

// Looked records how many held responses are gone, and how many purges of held data
// wait or have failed.
func (h *HoldMetrics) Looked(gone int, waiting, failed int64) {
	h.gone.WithLabelValues().Set(float64(gone))
	h.purges.WithLabelValues("waiting").Set(float64(waiting))
	h.purges.WithLabelValues("failed").Set(float64(failed))
}
