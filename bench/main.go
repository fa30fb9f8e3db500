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
	soak, exports       bool // instead of comparing
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
		switch {
		case cfg.soak:
			err = soak(ctx, cfg)
		case cfg.exports:
			err = exports(ctx, cfg)
		default:
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
	flag.BoolVar(&cfg.exports, "exports", false, "measure exports, and lists beside one")
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
	if cfg.soak || cfg.exports {
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
	connections      = []int{1, 8, 16, 64}
	usualConnections = []int{1, 16, 64}
	fewConnections   = []int{1, 16} // where no target asks for more
	began            = time.Now()
)

const (
	fewRows = 20_000
	warmUp  = 200 * time.Millisecond
	quiet   = 10 * time.Second
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
	err = on.follow(ctx, dbURL, &advised)
	return dbURL, advised, err
}

// follow makes what the service's doctor advises now, and adds the statements to advised.
func (on *stage) follow(ctx context.Context, dbURL string, advised *[]string) error {
	made, err := followAdvice(ctx, on.cfg.service, dbURL, on.folder)
	*advised = append(*advised, made...)
	return err
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
	const sides = 90 // requests by numbers of connections, twice
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
	m := &measuring{cfg: cfg, driver: clients{}, random: mathrand.New(mathrand.NewPCG(1, 1))}
	defer m.driver.close()
	if m.conn, err = on.connect(ctx, dbURL); err != nil {
		return err
	}
	if r.conditions, err = describe(ctx, cfg, m.conn, advised); err != nil {
		return err
	}
	if m.db, err = findPostmaster(ctx, m.conn); err != nil {
		r.NoTime = err.Error()
		progress("processor time is left out: %s", r.NoTime)
	}
	if m.setup, err = on.programs(ctx, dbURL, r); err != nil {
		return err
	}
	if r.Curve, err = m.grow(ctx, dbURL, func() error { return on.follow(ctx, dbURL, &r.Advised) }); err != nil {
		return err
	}
	all, err := m.chosen(ctx)
	if err != nil {
		return err
	}
	if r.Forms, err = m.chooseFloors(ctx, all); err != nil {
		return err
	}
	for _, sc := range all {
		if err := compare(sc); err != nil {
			return err
		}
	}
	if cfg.batchRows > 0 && cfg.wants(everyFilter) {
		if r.Filters, r.OwnPage, err = m.filters(ctx); err != nil {
			return err
		}
	}
	if err := m.measure(ctx, all, r); err != nil {
		return err
	}
	r.judge()
	if cfg.only == nil {
		if err := r.write(cfg.out); err != nil {
			return err
		}
		progress("done; the results are in %s", filepath.Join(cfg.out, r.file()+".md"))
	}
	return r.print(os.Stdout)
}

// programs starts all sides of the comparison.
func (on *stage) programs(ctx context.Context, dbURL string, r *report) (s setup, err error) {
	cfg := on.cfg
	s.rows = cfg.rows
	// Only bulk erasures have a rate to keep.
	settings := append([]string{"LETHE_ERASURE_RATE=0"}, cfg.settings...)
	if s.service, err = on.running(startService(ctx, "service", cfg.service, dbURL, on.folder, settings...)); err != nil {
		return s, err
	}
	select {
	case <-ctx.Done():
		return s, context.Cause(ctx)
	case <-time.After(quiet):
		r.Idle = memoryOf(s.service.cmd.Process.Pid)
	}
	for i, form := range floorForms {
		name, statements := "floor, "+form+" a list", "FLOOR_STATEMENTS="+strconv.Itoa(len(floorForms)-i)
		if s.floors[i], err = on.running(startFloor(ctx, name, cfg.floor, dbURL, on.folder, statements)); err != nil {
			return s, err
		}
	}
	if s.offered, err = whatIsOffered(s.service); err != nil {
		return s, err
	}
	if cfg.rows > fewRows {
		progress("loading %d rows into a database of their own", fewRows)
		fewURL, _, err := on.database(ctx, "few")
		if err == nil {
			err = load(ctx, fewURL, 1, fewRows, cfg.users, 0)
		}
		if err != nil {
			return s, err
		}
		if s.few, err = on.running(startService(ctx, "service with few rows", cfg.service, fewURL, on.folder)); err != nil {
			return s, err
		}
	}
	if cfg.hasCache(ctx, on.folder) {
		s.cached, err = on.running(startService(ctx, "service with caller cache", cfg.service, dbURL, on.folder, cfg.cacheSetting))
	}
	for _, missing := range []struct {
		offered bool
		what    string
	}{{s.offered.count, "count"}, {s.offered.after, "after"}, {s.cached != nil, "caller cache (" + cfg.cacheSetting + ")"}} {
		if !missing.offered {
			progress("this service has no %s", missing.what)
		}
	}
	return s, err
}

func (cfg config) wants(scenario string) bool {
	return cfg.only == nil || cfg.only.MatchString(scenario)
}

// chosen are the scenarios that this run is to play.
func (m *measuring) chosen(ctx context.Context) ([]*scenario, error) {
	all, err := scenarios(ctx, m.conn, m.setup)
	return slices.DeleteFunc(all, func(sc *scenario) bool { return !m.cfg.wants(sc.name) }), err
}

// hasCache tells whether this service knows the setting of a caller cache:
// one that it does not know is an error.
func (cfg config) hasCache(ctx context.Context, dir string) bool {
	cmd := exec.CommandContext(ctx, cfg.service, "config")
	cmd.Env, cmd.Dir = append(serviceEnvironment(), cfg.cacheSetting), dir
	return cmd.Run() == nil
}
