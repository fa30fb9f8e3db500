package telemetry

import (
	"errors"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// WebhookMetrics shows how much the webhook is told, and what waits.
type WebhookMetrics struct {
	attempts *prometheus.CounterVec
	givenUp  prometheus.Counter

	mu      sync.Mutex
	looked  bool
	waiting int64
	oldest  *time.Time
}

// Outcomes of an attempt to tell the webhook.
const (
	webhookDelivered = "delivered"
	webhookFailed    = "failed"
)

// WatchWebhook adds metrics of the webhook. It fails when called twice.
func (m *Metrics) WatchWebhook() (*WebhookMetrics, error) {
	w := &WebhookMetrics{
		attempts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "lethe_webhook_attempts_total",
			Help: "Attempts of this process to tell the webhook of an event.",
		}, []string{"outcome"}),
		givenUp: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "lethe_webhook_given_up_total",
			Help: "Events that this process gave up to tell the webhook.",
		}),
	}
	// A rate needs a zero before the first value.
	w.attempts.WithLabelValues(webhookDelivered)
	w.attempts.WithLabelValues(webhookFailed)
	return w, errors.Join(m.registry.Register(w.attempts), m.registry.Register(w.givenUp), m.registry.Register(w))
}

// Attempted counts an attempt.
func (w *WebhookMetrics) Attempted(delivered bool) {
	if delivered {
		w.attempts.WithLabelValues(webhookDelivered).Inc()
	} else {
		w.attempts.WithLabelValues(webhookFailed).Inc()
	}
}

// GaveUp counts an event that is not told any more.
func (w *WebhookMetrics) GaveUp() { w.givenUp.Inc() }

// Looked records how many events wait, and when the oldest of them happened; nil: none
// waits.
func (w *WebhookMetrics) Looked(waiting int64, oldest *time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.looked, w.waiting, w.oldest = true, waiting, oldest
}

var (
	webhookWaiting = prometheus.NewDesc("lethe_webhook_waiting", "Events that the webhook has not been told of, the same in every process.", nil, nil)
	webhookOldest  = prometheus.NewDesc("lethe_webhook_oldest_waiting_seconds", "Time since the oldest of them happened; 0 if none waits.", nil, nil)
)

func (*WebhookMetrics) Describe(descs chan<- *prometheus.Desc) {
	descs <- webhookWaiting
	descs <- webhookOldest
}

// Waiting events age even while the database cannot be read.
func (w *WebhookMetrics) Collect(metrics chan<- prometheus.Metric) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.looked {
		return
	}
	metrics <- prometheus.MustNewConstMetric(webhookWaiting, prometheus.GaugeValue, float64(w.waiting))
	metrics <- prometheus.MustNewConstMetric(webhookOldest, prometheus.GaugeValue, age(w.oldest).Seconds())
}
