package telemetry

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
)

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
