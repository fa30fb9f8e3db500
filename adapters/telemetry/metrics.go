package telemetry

import (
	"bytes"
	"errors"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Metrics counts what the service does, for Prometheus to fetch.
type Metrics struct {
	registry    *prometheus.Registry
	running     prometheus.Gauge
	duration    *prometheus.HistogramVec
	refused     prometheus.Counter
	queries     *prometheus.HistogramVec
	queryErrors *prometheus.CounterVec
	lookups     *prometheus.CounterVec
	drops       *prometheus.CounterVec
	background  *prometheus.CounterVec
}

// NewMetrics makes the metrics of a service of this version.
func NewMetrics(version string) (*Metrics, error) {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		running: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "lethe_http_requests_in_flight",
			Help: "Requests in progress.",
		}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "lethe_http_request_duration_seconds",
			Help:    "Time to answer requests.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
		}, []string{"route", "method", "status"}),
		refused: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "lethe_http_requests_refused_total",
			Help: "Requests refused because too many others were in progress.",
		}),
		queries: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "lethe_query_duration_seconds",
			Help:    "Time of queries, until their last row.",
			Buckets: []float64{.00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
		}, []string{"pool", "query"}),
		queryErrors: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "lethe_query_errors_total",
			Help: "Queries that failed or were canceled.",
		}, []string{"pool", "query"}),
		lookups: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "lethe_cache_lookups_total",
			Help: "Cache lookups, by result.",
		}, []string{"cache", "result"}),
		drops: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "lethe_cache_drops_total",
			Help: "How often a cache was cleared because something changed or might have changed.",
		}, []string{"cache"}),
		background: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "lethe_background_failures_total",
			Help: "Failures of periodic background work.",
		}, []string{"work"}),
	}
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name:        "lethe_build_info",
		Help:        "Always 1; the label is the running version.",
		ConstLabels: prometheus.Labels{"version": version},
	})
	build.Set(1)
	var errs []error
	for _, c := range []prometheus.Collector{
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		build, m.running, m.duration, m.refused, m.queries, m.queryErrors, m.lookups, m.drops, m.background,
	} {
		errs = append(errs, m.registry.Register(c))
	}
	return m, errors.Join(errs...)
}

// Observe records the start of a request; the function it returns records its end.
// route and method must be from a small set.
func (m *Metrics) Observe() (done func(route, method string, status int)) {
	begin := time.Now()
	m.running.Inc()
	return func(route, method string, status int) {
		m.running.Dec()
		m.duration.WithLabelValues(route, method, strconv.Itoa(status)).Observe(time.Since(begin).Seconds())
	}
}

// Refuse counts a request that was not admitted, which Observe does not see.
func (m *Metrics) Refuse() { m.refused.Inc() }

// WatchCache returns functions to call for each lookup in the cache of this name, and
// whenever everything is dropped.
func (m *Metrics) WatchCache(name string) (looked func(hit bool), dropped func()) {
	hits, misses := m.lookups.WithLabelValues(name, "hit"), m.lookups.WithLabelValues(name, "miss")
	return func(hit bool) {
		if hit {
			hits.Inc()
		} else {
			misses.Inc()
		}
	}, m.drops.WithLabelValues(name).Inc
}

// WatchWork returns a function to call whenever the periodic work of this name has
// failed.
func (m *Metrics) WatchWork(name string) (failed func()) {
	return m.background.WithLabelValues(name).Inc
}

// WatchPools adds the state of connection pools, each under its name. stats is called
// at every fetch and may return none. It fails when called twice.
func (m *Metrics) WatchPools(stats func() map[string]PoolStat) error {
	return m.registry.Register(poolCollector{stats})
}

// WatchLog adds the state of the log of erasures. It fails when called twice.
func (m *Metrics) WatchLog() (*LogMetrics, error) {
	l := &LogMetrics{failures: prometheus.NewCounter(prometheus.CounterOpts{
		Name: "lethe_log_failures_total",
		Help: "Failures to read, seal or publish the log of erasures.",
	})}
	return l, errors.Join(m.registry.Register(l), m.registry.Register(l.failures))
}

// LogMetrics is the last known state of the log of erasures.
type LogMetrics struct {
	failures prometheus.Counter

	mu              sync.Mutex
	looked          time.Time // zero: never
	waiting         bool
	oldest          time.Duration // at the time of looked
	size, published int64
}

// Failed counts a failure.
func (l *LogMetrics) Failed() { l.failures.Inc() }

// Looked records whether receipts are waiting to be sealed, and for how long the oldest
// has; how many leaves the tree has, and how many of them are published.
func (l *LogMetrics) Looked(waiting bool, oldest time.Duration, size, published int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.looked, l.waiting, l.oldest, l.size, l.published = time.Now(), waiting, oldest, size, published
}

var (
	logOldest    = prometheus.NewDesc("lethe_log_oldest_unsealed_seconds", "How long the oldest unsealed receipt has been waiting; 0 if there is none.", nil, nil)
	logLeaves    = prometheus.NewDesc("lethe_log_leaves", "Sealed receipts.", nil, nil)
	logPublished = prometheus.NewDesc("lethe_log_published_leaves", "Receipts covered by a published checkpoint.", nil, nil)
)

func (*LogMetrics) Describe(descs chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{logOldest, logLeaves, logPublished} {
		descs <- d
	}
}

// Waiting receipts age even while the database cannot be read.
func (l *LogMetrics) Collect(metrics chan<- prometheus.Metric) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.looked.IsZero() {
		return
	}
	var oldest time.Duration
	if l.waiting {
		oldest = l.oldest + time.Since(l.looked)
	}
	metrics <- prometheus.MustNewConstMetric(logOldest, prometheus.GaugeValue, oldest.Seconds())
	metrics <- prometheus.MustNewConstMetric(logLeaves, prometheus.GaugeValue, float64(l.size))
	metrics <- prometheus.MustNewConstMetric(logPublished, prometheus.GaugeValue, float64(l.published))
}

// Handler serves the metrics in Prometheus's format. They are gathered for one client
// at a time and written afterwards, so that a client that does not read holds up only
// its text.
func (m *Metrics) Handler() http.Handler {
	var gathering sync.Mutex
	gather := promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{Registry: m.registry, DisableCompression: true})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text := kept{header: w.Header(), status: http.StatusOK}
		gathering.Lock()
		gather.ServeHTTP(&text, r)
		gathering.Unlock()
		w.WriteHeader(text.status)
		_, _ = w.Write(text.body.Bytes()) // a client that disconnects is not an error
	})
}

// kept is a response that is written later.
type kept struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (k *kept) Header() http.Header { return k.header }

func (k *kept) WriteHeader(status int) { k.status = status }

func (k *kept) Write(text []byte) (int, error) { return k.body.Write(text) }

// poolCollector reads the state of connection pools when collected.
type poolCollector struct {
	pools func() map[string]PoolStat
}

// PoolStat is the state of a pool, as pgxpool.Stat reports it.
type PoolStat interface {
	MaxConns() int32
	TotalConns() int32
	AcquiredConns() int32
	AcquireCount() int64
	EmptyAcquireCount() int64
	CanceledAcquireCount() int64
	AcquireDuration() time.Duration
}

// poolMetrics are the metrics of one pool.
var poolMetrics = []struct {
	desc  *prometheus.Desc
	kind  prometheus.ValueType
	value func(PoolStat) float64
}{
	{poolDesc("connections_max", "Maximum number of connections."), prometheus.GaugeValue,
		func(s PoolStat) float64 { return float64(s.MaxConns()) }},
	{poolDesc("connections_open", "Open connections."), prometheus.GaugeValue,
		func(s PoolStat) float64 { return float64(s.TotalConns()) }},
	{poolDesc("connections_in_use", "Connections in use."), prometheus.GaugeValue,
		func(s PoolStat) float64 { return float64(s.AcquiredConns()) }},
	{poolDesc("acquires_total", "Connections acquired."), prometheus.CounterValue,
		func(s PoolStat) float64 { return float64(s.AcquireCount()) }},
	{poolDesc("acquires_waited_total", "Acquires that had to wait."), prometheus.CounterValue,
		func(s PoolStat) float64 { return float64(s.EmptyAcquireCount()) }},
	{poolDesc("acquires_canceled_total", "Acquires that were canceled while waiting."), prometheus.CounterValue,
		func(s PoolStat) float64 { return float64(s.CanceledAcquireCount()) }},
	{poolDesc("acquire_seconds_total", "Total time spent acquiring connections."), prometheus.CounterValue,
		func(s PoolStat) float64 { return s.AcquireDuration().Seconds() }},
}

func poolDesc(name, help string) *prometheus.Desc {
	return prometheus.NewDesc("lethe_pool_"+name, help, []string{"pool"}, nil)
}

func (poolCollector) Describe(descs chan<- *prometheus.Desc) {
	for _, m := range poolMetrics {
		descs <- m.desc
	}
}

func (c poolCollector) Collect(metrics chan<- prometheus.Metric) {
	for name, stat := range c.pools() {
		for _, m := range poolMetrics {
			metrics <- prometheus.MustNewConstMetric(m.desc, m.kind, m.value(stat), name)
		}
	}
}
