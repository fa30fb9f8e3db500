package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	vegeta "github.com/tsenart/vegeta/v12/lib"
	"golang.org/x/sync/errgroup"
)

const (
	lookEvery      = 5 * time.Second
	erasuresInSoak = 50 // a second
	refusalsInSoak = 20
	pageOfWalk     = "50"
)

// kind is one kind of request in the mix, on its own connections.
type kind struct {
	*scenario
	share  int // of the connections
	supply func() (string, error)
	seen   func(*vegeta.Result) // nil: only the status counts

	made    sample
	wrong   atomic.Int64 // answers other than the expected one
	example error        // the first of them
}

// mixture is the load of a soak: 16 connections in all.
func mixture(ctx context.Context, conn *pgx.Conn, s setup, ids *erasable) ([]*kind, error) {
	all, err := scenarios(ctx, conn, s)
	if err != nil {
		return nil, err
	}
	known := func(name string, share int) *kind {
		sc := all[slices.IndexFunc(all, func(sc *scenario) bool { return sc.name == name })]
		return &kind{scenario: sc, share: share, supply: sc.supply(0)}
	}
	refused := func(name, key string, want int, paths ...string) *kind {
		sc := &scenario{name: name, method: http.MethodGet, key: key, want: want, paths: [2][]string{paths}, perSecond: refusalsInSoak}
		return &kind{scenario: sc, share: 1, supply: sc.supply(0)}
	}
	erase := known(eraseOne, 1)
	erase.perSecond, erase.supply = erasuresInSoak, ids.supply
	return []*kind{
		known(listLarge, 2),
		known(listLargeAuto, 2),
		known(listSmallAuto, 1),
		known(listEveryone, 2),
		known(listFiltered, 1),
		walk("walk by cursor, large owner", key(largeOwner)),
		walk("walk by cursor, everyone", key(manager)),
		known(fetchOne, 2),
		known(fetchMiss, 1),
		erase,
		refused("malformed", key(largeOwner), http.StatusBadRequest, listPath+"?count=all", listPath+"?after=damaged", listPath+"/no-uuid"),
		refused("unknown key", "sk-bench-unknown", http.StatusUnauthorized, listPath),
	}, nil
}

// walk pages through a list to its end, and then starts again.
func walk(name, key string) *kind {
	const first = listPath + "?limit=" + pageOfWalk + "&count=none"
	next := make(chan string, 1)
	next <- first
	return &kind{
		scenario: &scenario{name: name, method: http.MethodGet, key: key, want: http.StatusOK, maxBody: -1},
		share:    1,
		supply:   func() (string, error) { return <-next, nil },
		seen: func(result *vegeta.Result) {
			var page struct {
				Next string `json:"next_cursor"`
			}
			if err := json.Unmarshal(result.Body, &page); err != nil || page.Next == "" {
				next <- first
				return
			}
			next <- first + "&after=" + page.Next
		},
	}
}

// drive sends requests to p for the given time and counts unexpected answers.
func (k *kind) drive(ctx context.Context, p *program, d time.Duration) (err error) {
	connections := clients{}
	defer connections.close()
	k.made, err = connections.observe(ctx, k.scenario, p, k.supply, k.share, d, func(result *vegeta.Result) error {
		if err := k.check(result); err != nil && k.wrong.Add(1) == 1 {
			k.example = err
		}
		if k.seen != nil {
			k.seen(result)
		}
		return nil
	})
	return err
}

// state is what the service uses at one moment.
type state struct{ resident, goroutines, inUse, open, database float64 }

func look(ctx context.Context, conn *pgx.Conn, p *program) (s state, err error) {
	s.resident = mebibytes(memoryOf(p.cmd.Process.Pid).Resident)
	res, err := http.Get(p.base + "/metrics")
	if err != nil {
		return s, err
	}
	defer func() { _ = res.Body.Close() }()
	for lines := bufio.NewScanner(res.Body); lines.Scan(); {
		metric, text, _ := strings.Cut(lines.Text(), " ")
		value, err := strconv.ParseFloat(text, 64)
		switch name, _, _ := strings.Cut(metric, "{"); {
		case err != nil:
		case name == "go_goroutines":
			s.goroutines = value
		case name == "lethe_pool_connections_in_use":
			s.inUse += value
		case name == "lethe_pool_connections_open":
			s.open += value
		}
	}
	if s.goroutines == 0 || s.open == 0 {
		return s, errors.New("/metrics has no goroutines or pools")
	}
	return s, conn.QueryRow(ctx, `SELECT count(*) FROM pg_stat_activity
		WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()`).Scan(&s.database)
}

// soak runs mixed load on the service for minutes. It fails on an unexpected answer,
// or if the service uses more and more.
func soak(ctx context.Context, cfg config) (err error) {
	duration := time.Duration(cfg.minutes * float64(time.Minute))
	progress("%d rows, %s of mixed load: about %s; Ctrl-C stops everything and leaves nothing behind", cfg.rows, duration, cfg.expected(duration.Seconds()))
	on, err := newStage(ctx, cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, on.clear()) }()
	dbURL, advised, err := on.database(ctx, "soak")
	if err != nil {
		return err
	}
	conn, err := on.connect(ctx, dbURL)
	if err != nil {
		return err
	}
	progress("loading %d rows", cfg.rows)
	if err := load(ctx, dbURL, 1, cfg.rows, cfg.users, cfg.batchRows); err != nil {
		return err
	}
	if err := on.follow(ctx, dbURL, &advised); err != nil {
		return err
	}
	var ids erasable
	ids.end.Store(int64(erasuresInSoak * (duration.Seconds() + 1)))
	progress("loading %d rows to erase", ids.end.Load())
	if err := addErasable(ctx, conn, 1, int(ids.end.Load())); err != nil {
		return err
	}
	r := &soakReport{duration: duration}
	if r.conditions, err = describe(ctx, cfg, conn, advised); err != nil {
		return err
	}
	service, err := on.running(startService(ctx, "service", cfg.service, dbURL, on.folder, cfg.settings...))
	if err != nil {
		return err
	}
	if r.kinds, err = mixture(ctx, conn, setup{service: service, rows: cfg.rows}, &ids); err != nil {
		return err
	}

	work, working := errgroup.WithContext(ctx)
	for _, k := range r.kinds {
		work.Go(func() error { return k.drive(working, service, duration) })
	}
	work.Go(func() error {
		ticks := time.NewTicker(lookEvery)
		defer ticks.Stop()
		// The last sample is taken before the load ends.
		for len(r.states) < int((duration-time.Second)/lookEvery) {
			select {
			case <-working.Done():
				return context.Cause(working)
			case <-ticks.C:
			}
			now, err := look(working, conn, service)
			if err != nil {
				return err
			}
			if r.states = append(r.states, now); len(r.states)%12 == 0 {
				progress("%.1f MiB, %.0f goroutines, %.0f connections, %d errors", now.resident, now.goroutines, now.database, r.errors())
			}
		}
		return nil
	})
	if err := work.Wait(); err != nil {
		return err
	}
	if err := r.write(cfg.out); err != nil {
		return err
	}
	return r.verdict()
}

// soakReport is the result of a soak.
type soakReport struct {
	conditions
	duration time.Duration
	kinds    []*kind
	states   []state // in order of time
}

func (r *soakReport) errors() (n int64) {
	for _, k := range r.kinds {
		n += k.wrong.Load()
	}
	return n
}

// growth is how the medians of the quarters of a soak compare.
type growth struct {
	what                           string
	first, second, last, tolerated float64
}

// growths compares the last quarter with the second: in the first, pools and heap
// grow to their size. Values that vary with requests in flight and garbage
// collection may grow by a tenth and a little more; open connections stay open, and
// may be one more.
func (r *soakReport) growths() (all []growth) {
	for _, watched := range []struct {
		what         string
		of           func(state) float64
		factor, more float64
	}{
		{"resident memory, MiB", func(s state) float64 { return s.resident }, 1.1, 2},
		{"goroutines", func(s state) float64 { return s.goroutines }, 1.1, 5},
		{"connections of the pools in use", func(s state) float64 { return s.inUse }, 1.1, 2},
		{"connections of the pools", func(s state) float64 { return s.open }, 1, 1},
		{"connections at the database", func(s state) float64 { return s.database }, 1, 1},
	} {
		values := make([]float64, len(r.states))
		for i, s := range r.states {
			values[i] = watched.of(s)
		}
		n := len(values)
		g := growth{what: watched.what, first: median(values[:n/4]), second: median(values[n/4 : n/2]), last: median(values[n*3/4:])}
		g.tolerated = watched.factor*g.second + watched.more
		all = append(all, g)
	}
	return all
}

// verdict is nil if the service neither failed nor grew.
func (r *soakReport) verdict() error {
	var errs []error
	for _, k := range r.kinds {
		if n := k.wrong.Load(); n > 0 {
			errs = append(errs, fmt.Errorf("%d unexpected answers, the first: %w", n, k.example))
		}
	}
	for _, g := range r.growths() {
		if g.last > g.tolerated {
			errs = append(errs, fmt.Errorf("%s grew from %.1f to %.1f, more than %.1f", g.what, g.second, g.last, g.tolerated))
		}
	}
	return errors.Join(errs...)
}

func (r *soakReport) requestTable() table {
	t := table{{"request", "connections", "requests", "req/s", "p50 ms", "p99 ms", "errors"}}
	for _, k := range r.kinds {
		t = append(t, []string{
			k.name, strconv.Itoa(k.share), strconv.Itoa(k.made.N), fmt.Sprintf("%.0f", k.made.Rate),
			fmt.Sprintf("%.2f", k.made.P50.Seconds()*1000), fmt.Sprintf("%.2f", k.made.P99.Seconds()*1000), strconv.FormatInt(k.wrong.Load(), 10),
		})
	}
	return t
}

func (r *soakReport) growthTable() table {
	t := table{{"median of", "first quarter", "second", "last", "tolerated", ""}}
	for _, g := range r.growths() {
		verdict := "steady"
		if g.last > g.tolerated {
			verdict = "GROWS"
		}
		t = append(t, []string{g.what, fmt.Sprintf("%.1f", g.first), fmt.Sprintf("%.1f", g.second), fmt.Sprintf("%.1f", g.last), fmt.Sprintf("%.1f", g.tolerated), verdict})
	}
	return t
}

// write prints the report and writes it to the folder dir.
func (r *soakReport) write(dir string) error {
	heading := fmt.Sprintf("%s; %s of mixed load on 16 connections, looked at every %s.", r.conditions, r.duration, lookEvery)
	verdict := "No error and no growth."
	if err := r.verdict(); err != nil {
		verdict = "FAILED: " + strings.ReplaceAll(err.Error(), "\n", "; ") + "."
	}
	md := new(strings.Builder)
	md.WriteString(heading + "\n\n")
	fmt.Printf("\n%s\n\n", heading)
	for _, t := range []table{r.requestTable(), r.growthTable()} {
		if err := errors.Join(t.markdown(md), t.text(os.Stdout)); err != nil {
			return err
		}
		md.WriteString("\n")
		fmt.Println()
	}
	md.WriteString(verdict + "\n")
	fmt.Println(verdict)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "soak.md"), []byte(md.String()), 0o644)
}
