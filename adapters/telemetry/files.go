package telemetry

import (
	"errors"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
)

// FileCount is the number of persons' files in one state, the bytes that are kept of
// them, and how many are still to be removed.
type FileCount struct {
	State                  string
	Files, Bytes, ToRemove int64
}

// FileMetrics are the metrics of persons' files.
type FileMetrics struct {
	failures prometheus.Counter

	mu     sync.Mutex
	looked bool
	counts []FileCount
}

// WatchFiles adds metrics of persons' files. It fails when called twice.
func (m *Metrics) WatchFiles() (*FileMetrics, error) {
	f := &FileMetrics{failures: prometheus.NewCounter(prometheus.CounterOpts{
		Name: "lethe_person_file_failures_total",
		Help: "Persons' files that this process could not make.",
	})}
	return f, errors.Join(m.registry.Register(f), m.registry.Register(f.failures))
}

// Failed counts a file that could not be made.
func (f *FileMetrics) Failed() { f.failures.Inc() }

// Looked records the numbers of files.
func (f *FileMetrics) Looked(counts []FileCount) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.looked, f.counts = true, counts
}

var (
	filesCount    = prometheus.NewDesc("lethe_person_files", "Persons' files by state.", []string{"state"}, nil)
	filesBytes    = prometheus.NewDesc("lethe_person_files_bytes", "Size of the persons' files that are kept.", nil, nil)
	filesToRemove = prometheus.NewDesc("lethe_person_files_to_remove", "Persons' files that are gone for everyone, but not yet from the disk.", nil, nil)
)

func (*FileMetrics) Describe(descs chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{filesCount, filesBytes, filesToRemove} {
		descs <- d
	}
}

func (f *FileMetrics) Collect(metrics chan<- prometheus.Metric) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.looked {
		return
	}
	var bytes, toRemove int64
	for _, c := range f.counts {
		metrics <- prometheus.MustNewConstMetric(filesCount, prometheus.GaugeValue, float64(c.Files), c.State)
		bytes, toRemove = bytes+c.Bytes, toRemove+c.ToRemove
	}
	metrics <- prometheus.MustNewConstMetric(filesBytes, prometheus.GaugeValue, float64(bytes))
	metrics <- prometheus.MustNewConstMetric(filesToRemove, prometheus.GaugeValue, float64(toRemove))
}
