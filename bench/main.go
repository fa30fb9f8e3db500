// Command bench loads a database, starts the service and the floor (the smallest
// program that answers the same calls), runs load against both in turns and reports
// how the service compares. `make bench` runs it; see README.md.
package main

import (
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	mathrand "math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"lethe/adapters/embeddedpg"
)

type config struct {
	soak                bool // instead of comparing
	rows, users, rounds int
	batchRows           int // beside each response
	seconds, minutes    float64
	only                *regexp.Regexp // scenarios; nil: all
	settings            []string       // additional ones of the service
	cacheSetting        string
	service, floor, out string
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == embeddedpg.HelperCommand {
		os.Exit(embeddedpg.RunHelper(os.Stdin, os.Stdout, os.Stderr))
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	cfg, err := configure()
	if err == nil {
		if cfg.soak {
			err = soak(ctx, cfg)
		} else {
			err = run(ctx, cfg)
		}
	}
	if err != nil {
		if ctx.Err() != nil {
			err = errors.New("stopped; nothing was written")
		}
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func configure() (cfg config, err error) {
	flag.StringVar(&cfg.service, "service", "bin/lethe", "the service's program")
	flag.StringVar(&cfg.floor, "floor", "bin/floor", "the floor's program")
	flag.StringVar(&cfg.out, "out", "bench/results", "folder for the results")
	flag.BoolVar(&cfg.soak, "soak", false, "run mixed load on the service alone, and check for errors and growth")
	flag.Parse()
	var errs []error
	number := func(name string, without, least float64) float64 {
		text := os.Getenv(name)
		if text == "" {
			return without
		}
		n, err := strconv.ParseFloat(strings.ReplaceAll(text, "_", ""), 64)
		if err != nil || n < least {
			errs = append(errs, fmt.Errorf("%s must be a number of %g or more", name, least))
		}
		return n
	}
	rows := 200_000.
	if cfg.soak {
		rows = 1_000_000
	}
	cfg.rows = int(number("BENCH_ROWS", rows, minRows))
	cfg.batchRows = int(number("BENCH_BATCH_ROWS", 0, 0))
	cfg.users = int(number("BENCH_USERS", 1000, firstOfRest+1))
	cfg.rounds = int(number("BENCH_ROUNDS", 5, 1))
	cfg.seconds = number("BENCH_SECONDS", 0.8, 0.1)
	cfg.minutes = number("SOAK_MINUTES", 10, 0.5)
	if only := os.Getenv("BENCH_ONLY"); only != "" {
		if cfg.only, err = regexp.Compile(only); err != nil {
			errs = append(errs, fmt.Errorf("BENCH_ONLY: %w", err))
		}
	}
	cfg.settings = strings.Fields(os.Getenv("BENCH_SERVICE_SETTINGS"))
	if cfg.cacheSetting = os.Getenv("BENCH_CACHE_SETTING"); cfg.cacheSetting == "" {
		cfg.cacheSetting = "LETHE_AUTH_CACHE_TTL=5s"
	}
	for _, path := range []*string{&cfg.service, &cfg.floor} {
		*path, err = filepath.Abs(*path)
		errs = append(errs, err)
	}
	return cfg, errors.Join(errs...)
}

var (
	connections = []int{1, 16, 64}
	began       = time.Now()
)

const (
	fewRows = 20_000
	warmUp  = 200 * time.Millisecond
	// Rows to erase for each second of load.
	erasuresAlone, erasuresTogether = 1500, 4000
)

func progress(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "[%4.0fs] %s\n", time.Since(began).Seconds(), fmt.Sprintf(format, args...))
}

// expected is about how long loading the rows takes on two processors, plus the
// seconds of load.
func (cfg config) expected(driving float64) time.Duration {
	const rowsPerSecond = 15_000
	loading := float64(cfg.rows)*(1.2+0.4*float64(cfg.batchRows))/rowsPerSecond + 30
	return time.Duration((loading + driving) * float64(time.Second)).Round(10 * time.Second)
}

// A stage is the environment of a run: a server, and the databases and programs on
// it.
type stage struct {
	cfg       config
	serverURL string
	folder    string // where programs run
	stops     []func() error
}

func newStage(ctx context.Context, cfg config) (*stage, error) {
	on := &stage{cfg: cfg}
	serverURL, stop, err := startPostgres(ctx)
	if err != nil {
		return nil, err
	}
	on.serverURL, on.stops = serverURL, append(on.stops, stop)
	if on.folder, err = os.MkdirTemp("", "lethe-bench-"); err != nil {
		return nil, errors.Join(err, on.clear())
	}
	on.stops = append(on.stops, func() error { return os.RemoveAll(on.folder) })
	return on, nil
}

// clear stops and removes everything, newest first.
func (on *stage) clear() (err error) {
	for _, stop := range slices.Backward(on.stops) {
		err = errors.Join(err, stop())
	}
	return err
}

// database creates one with people, without responses, and with the indexes and
// statistics that the service's doctor advises; advised are the statements.
func (on *stage) database(ctx context.Context, kind string) (dbURL string, advised []string, err error) {
	name := "lethe_bench_" + kind + "_" + strings.ToLower(rand.Text()[:8])
	on.stops = append(on.stops, func() error { return dropDatabase(context.WithoutCancel(ctx), on.serverURL, name) })
	if dbURL, err = createDatabase(ctx, on.serverURL, name, on.cfg.users); err != nil {
		return "", nil, err
	}
	advised, err = followAdvice(ctx, on.cfg.service, dbURL, on.folder)
	return dbURL, advised, err
}

func (on *stage) connect(ctx context.Context, dbURL string) (*pgx.Conn, error) {
	conn, err := pgx.Connect(ctx, dbURL)
	if err == nil {
		on.stops = append(on.stops, func() error { return conn.Close(context.WithoutCancel(ctx)) })
	}
	return conn, err
}

func (on *stage) running(p *program, err error) (*program, error) {
	if err == nil {
		on.stops = append(on.stops, p.stop)
	}
	return p, err
}

func run(ctx context.Context, cfg config) (err error) {
	const sides = 70 // requests by numbers of connections, twice
	progress("%d responses and %d requests of batches, %d rounds of %g s: about %s; Ctrl-C stops everything and leaves nothing behind",
		cfg.rows, cfg.rows*cfg.batchRows, cfg.rounds, cfg.seconds, cfg.expected(sides*(float64(cfg.rounds)*cfg.seconds+warmUp.Seconds())))
	on, err := newStage(ctx, cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, on.clear()) }()

	r := &report{Rounds: cfg.rounds, Seconds: cfg.seconds, Resident: map[string]memory{}}
	dbURL, advised, err := on.database(ctx, "main")
	if err != nil {
		return err
	}
	conn, err := on.connect(ctx, dbURL)
	if err != nil {
		return err
	}
	if r.conditions, err = describe(ctx, cfg, conn, advised); err != nil {
		return err
	}
	s := setup{rows: cfg.rows}
	if s.service, err = on.running(startService(ctx, "service", cfg.service, dbURL, on.folder, cfg.settings...)); err != nil {
		return err
	}
	if s.floor, err = on.running(startFloor(ctx, cfg.floor, dbURL, on.folder)); err != nil {
		return err
	}
	if s.offered, err = whatIsOffered(s.service); err != nil {
		return err
	}
	if cfg.rows > fewRows {
		progress("loading %d rows into a database of their own", fewRows)
		fewURL, _, err := on.database(ctx, "few")
		if err == nil {
			err = load(ctx, fewURL, 1, fewRows, cfg.users, 0)
		}
		if err != nil {
			return err
		}
		if s.few, err = on.running(startService(ctx, "service with few rows", cfg.service, fewURL, on.folder)); err != nil {
			return err
		}
	}
	if cfg.hasCache(ctx, on.folder) {
		if s.cached, err = on.running(startService(ctx, "service with caller cache", cfg.service, dbURL, on.folder, cfg.cacheSetting)); err != nil {
			return err
		}
	}
	if r.Curve, err = grow(ctx, cfg, dbURL, s); err != nil {
		return err
	}
	if err := measure(ctx, cfg, conn, s, r); err != nil {
		return err
	}
	r.judge()
	if cfg.only == nil {
		if err := r.write(cfg.out); err != nil {
			return err
		}
		progress("done; the results are in %s", cfg.out)
	}
	return r.print(os.Stdout)
}

// hasCache reports whether this service knows the setting of a caller cache: an
// unknown setting is an error.
func (cfg config) hasCache(ctx context.Context, dir string) bool {
	cmd := exec.CommandContext(ctx, cfg.service, "config")
	cmd.Env, cmd.Dir = append(serviceEnvironment(), cfg.cacheSetting), dir
	return cmd.Run() == nil
}

// grow loads the rows, and measures the cost of a list each time their number has
// grown tenfold.
func grow(ctx context.Context, cfg config, dbURL string, s setup) (curve []point, err error) {
	list := func(user int, query string) *scenario {
		return &scenario{name: "list", method: "GET", key: key(user), want: 200, paths: [2][]string{{listPath + query}, {listPath + query}}}
	}
	lines := []struct {
		name string
		sc   *scenario
		side int
	}{
		{"service: large owner", list(largeOwner, "?count=none"), 0},
		{"service: large owner, count=auto", list(largeOwner, ""), 0},
		{"service: everyone", list(manager, "?count=none"), 0},
		{"floor: large owner", list(largeOwner, ""), 1},
	}
	driver := clients{}
	defer driver.close()
	for loaded, next := 0, minRows; loaded < cfg.rows; next *= 10 {
		next = min(next, cfg.rows)
		progress("loading up to %d rows", next)
		if err := load(ctx, dbURL, loaded+1, next, cfg.users, cfg.batchRows); err != nil {
			return nil, err
		}
		loaded = next
		at := point{Rows: loaded, P50: map[string]float64{}}
		for _, line := range lines {
			p := []*program{s.service, s.floor}[line.side]
			if _, err := driver.drive(ctx, line.sc, p, line.sc.supply(line.side), 1, warmUp); err != nil {
				return nil, err
			}
			cost, err := driver.drive(ctx, line.sc, p, line.sc.supply(line.side), 1, time.Second)
			if err != nil {
				return nil, err
			}
			at.P50[line.name] = cost.P50.Seconds() * 1000
		}
		curve = append(curve, at)
	}
	return curve, nil
}

// measure runs every scenario in turns and fills in the report.
func measure(ctx context.Context, cfg config, conn *pgx.Conn, s setup, r *report) error {
	all, err := scenarios(ctx, conn, s)
	if err != nil {
		return err
	}
	all = slices.DeleteFunc(all, func(sc *scenario) bool { return cfg.only != nil && !cfg.only.MatchString(sc.name) })
	for _, sc := range all {
		if err := compare(sc, s.floor); err != nil {
			return err
		}
	}
	for _, missing := range []struct {
		offered bool
		what    string
	}{{s.offered.count, "count"}, {s.offered.after, "after"}, {s.cached != nil, "caller cache (" + cfg.cacheSetting + ")"}} {
		if !missing.offered {
			progress("this service has no %s", missing.what)
		}
	}
	duration := time.Duration(cfg.seconds * float64(time.Second))
	random := mathrand.New(mathrand.NewPCG(1, 1))
	driver := clients{}
	defer driver.close()
	var ids erasable
	loaded := 0
	for _, conns := range connections {
		perSecond := erasuresAlone
		if conns > 1 {
			perSecond = erasuresTogether
		}
		quota := int64(float64(perSecond) * cfg.seconds)
		erasing := slices.ContainsFunc(all, func(sc *scenario) bool { return sc.erase })
		need := int(ids.next.Load()) + 2*int(float64(quota)*float64(cfg.rounds)+float64(perSecond)*warmUp.Seconds())
		if erasing && need > loaded {
			progress("loading %d rows to erase", need-loaded)
			if err := addErasable(ctx, conn, loaded+1, need); err != nil {
				return err
			}
			loaded = need
		}
		play := func(sc *scenario, side int, d time.Duration) (sample, error) {
			p := sc.service
			if side == 1 {
				p = s.floor
			}
			if !sc.erase {
				return driver.drive(ctx, sc, p, sc.supply(side), conns, d)
			}
			ids.end.Store(min(ids.next.Load()+int64(float64(perSecond)*d.Seconds()), int64(loaded)))
			made, err := driver.drive(ctx, sc, p, ids.supply, conns, d)
			ids.next.Store(min(ids.next.Load(), ids.end.Load()))
			return made, err
		}
		results := map[*scenario]*result{}
		samples := map[*scenario]*[2][]sample{}
		for _, sc := range all {
			if !sc.playedAt(conns) {
				continue
			}
			results[sc] = &result{Scenario: sc.name, Note: sc.note, Connections: conns}
			samples[sc] = &[2][]sample{}
			r.Results = append(r.Results, results[sc])
			for side := range 2 {
				if side == 1 && sc.alone {
					continue
				}
				if _, err := play(sc, side, warmUp); err != nil {
					return err
				}
			}
		}
		for round := range cfg.rounds {
			progress("%d connections, round %d of %d", conns, round+1, cfg.rounds)
			for _, sc := range all {
				res := results[sc]
				if res == nil {
					continue
				}
				var made [2]sample
				for _, side := range shuffled(random) {
					if side == 1 && sc.alone {
						continue
					}
					stopWatching := func() {}
					name := []string{"service", "floor"}[side]
					m := r.Resident[name]
					if conns == 64 && (side == 1 || sc.service == s.service) {
						stopWatching = watch([]*program{s.service, s.floor}[side], &m)
					}
					made[side], err = play(sc, side, duration)
					stopWatching()
					if err != nil {
						return err
					}
					if m != (memory{}) {
						r.Resident[name] = m
					}
					samples[sc][side] = append(samples[sc][side], made[side])
				}
				res.rates = append(res.rates, made[0].Rate)
				if !sc.alone {
					res.ratios = append(res.ratios, made[0].Rate/made[1].Rate)
				}
			}
		}
		driver.close()
		for sc, res := range results {
			res.Service, res.Floor, res.Ratio = medianOf(samples[sc][0]), medianOf(samples[sc][1]), median(res.ratios)
		}
	}
	return nil
}
