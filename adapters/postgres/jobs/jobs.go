// Package jobs continues erasures, and makes persons' files, in the background. River keeps the queue in Postgres
// and shares the work among the processes. It polls instead of listening, which also
// works through PgBouncer and holds no connection.
//
// A job holds only the erasure's identifier. The progress is kept with the erasure, in
// the transactions that erase, so a job may run twice or in part. The same is true of
// files, whose jobs also name the attempt that they follow.
//
// [Jobs] implements domain.Jobs and domain.PersonFileJobs; [Config] holds the intervals,
// which tests shorten.
package jobs

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivertype"
	"golang.org/x/time/rate"

	"lethe/adapters/postgres"
	"lethe/domain"
)

const (
	schema = "lethe"
	queue  = river.QueueDefault

	// MaxConns is how many connections the pool of the jobs should have: one for each
	// service of River's that works at a time, and one for enqueuing.
	MaxConns = 4

	workers      = 2 // erasures that one process works on at a time
	pollInterval = 250 * time.Millisecond
	keepFinished = time.Hour
	// defaultTurn is how long an erasure works before the others get their turn.
	defaultTurn = 2 * time.Second
	// defaultRescueAfter is the time after which the process of a job counts as dead.
	// One part of an erasure may take more than half of it.
	defaultRescueAfter = time.Minute

	retryUnavailable = 5 * time.Second
	retryFirst       = 5 * time.Second // doubled with each attempt
	retryMax         = time.Minute
	attempts         = 16 // over some ten minutes; a rescue counts as one
	giveUpTimeout    = 5 * time.Second

	stopTimeout = 8 * time.Second
	reportEvery = 10 * time.Second
)

// Config is what tests may change.
type Config struct {
	Turn        time.Duration // 0: two seconds
	RescueAfter time.Duration // 0: a minute
}

type Jobs struct {
	db     *postgres.DB
	run    *domain.RunErasure
	files  *domain.MakePersonFile // nil: this process makes none
	cfg    Config
	log    *slog.Logger
	insert *river.Client[pgx.Tx] // runs no jobs itself
}

var (
	_ domain.Jobs           = (*Jobs)(nil)
	_ domain.PersonFileJobs = (*Jobs)(nil)
)

// New makes the jobs that let run continue erasures. No job runs before Run.
func New(db *postgres.DB, run *domain.RunErasure, cfg Config, log *slog.Logger) (*Jobs, error) {
	if db == nil || run == nil || log == nil {
		return nil, errors.New("jobs need a database, a use case and a logger")
	}
	cfg.Turn, cfg.RescueAfter = cmp.Or(cfg.Turn, defaultTurn), cmp.Or(cfg.RescueAfter, defaultRescueAfter)
	j := &Jobs{db: db, run: run, cfg: cfg, log: log}
	var err error
	j.insert, err = river.NewClient(riverpgxv5.New(db.Pool()), &river.Config{Schema: schema, Logger: quietly(log)})
	return j, err
}

func (j *Jobs) Enqueue(ctx context.Context, erasure uuid.UUID) error {
	_, err := j.insert.Insert(ctx, job{erasure}, nil)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return postgres.MapError(err)
}

// Run works on jobs until ctx ends. Work in progress is then rolled back or committed
// as it is, and the next running process continues it. An error means that work could
// not begin, or did not stop in time.
func (j *Jobs) Run(ctx context.Context) error {
	handlers := river.NewWorkers()
	if err := river.AddWorkerSafely(handlers, &worker{run: j.run, turn: j.cfg.Turn, log: j.log}); err != nil {
		return err
	}
	queues := map[string]river.QueueConfig{queue: {MaxWorkers: workers}}
	if j.files != nil {
		if err := river.AddWorkerSafely(handlers, &fileWorker{make: j.files, log: j.log}); err != nil {
			return err
		}
		queues[fileQueue] = river.QueueConfig{MaxWorkers: 1}
	}
	client, err := river.NewClient(riverpgxv5.New(j.db.Pool()), &river.Config{
		Schema: schema, Logger: quietly(j.log), PollOnly: true,
		Queues: queues, Workers: handlers,
		FetchPollInterval: pollInterval,
		JobTimeout:        j.cfg.RescueAfter * 3 / 4, RescueStuckJobsAfter: j.cfg.RescueAfter,
		CompletedJobRetentionPeriod: keepFinished, CancelledJobRetentionPeriod: keepFinished, DiscardedJobRetentionPeriod: keepFinished,
		ReindexerIndexNames: []string{}, // needs the owner of the tables
	})
	if err != nil {
		return err
	}
	// The end of this context would end work, too, but not wait for it.
	if err := client.Start(context.WithoutCancel(ctx)); err != nil {
		return postgres.MapError(err)
	}
	<-ctx.Done()
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	if err := client.StopAndCancel(stop); err != nil {
		return errors.New("background erasures did not stop in time")
	}
	return nil
}

type job struct {
	Erasure uuid.UUID `json:"erasure"`
}

func (job) Kind() string { return "erasure" }

func (job) InsertOpts() river.InsertOpts {
	return river.InsertOpts{Queue: queue, MaxAttempts: attempts, UniqueOpts: river.UniqueOpts{
		ByArgs: true,
		// All unfinished states: River's default includes completed jobs.
		ByState: []rivertype.JobState{
			rivertype.JobStateAvailable, rivertype.JobStatePending, rivertype.JobStateRetryable,
			rivertype.JobStateRunning, rivertype.JobStateScheduled,
		},
	}}
}

type worker struct {
	river.WorkerDefaults[job]
	run  *domain.RunErasure
	turn time.Duration
	log  *slog.Logger
}

func (w *worker) Work(ctx context.Context, j *river.Job[job]) error {
	over, err := w.run.Execute(ctx, j.Args.Erasure, w.turn)
	switch {
	case err == nil && over, domain.CodeOf(err) == domain.CodeNotFound:
		return nil
	case err == nil:
		return river.JobSnooze(0) // behind those that have been waiting
	case errors.Is(ctx.Err(), context.Canceled):
		return err // the process stops, and this costs no attempt
	case domain.CodeOf(err) == domain.CodeUnavailable:
		return river.JobSnooze(retryUnavailable)
	case j.Attempt < j.MaxAttempts:
		w.log.WarnContext(ctx, "Could not continue an erasure; trying again", "erasure", j.Args.Erasure, "attempt", j.Attempt, "error", err)
		return err
	}
	w.log.ErrorContext(ctx, "Erasure failed; deleted responses stay deleted", "erasure", j.Args.Erasure, "error", err)
	// ctx may have timed out.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), giveUpTimeout)
	defer cancel()
	if giveUp := w.run.GiveUp(ctx, j.Args.Erasure, err); giveUp != nil {
		w.log.WarnContext(ctx, "Could not record that an erasure failed; trying again", "erasure", j.Args.Erasure, "error", giveUp)
		return river.JobSnooze(retryUnavailable)
	}
	return err
}

func (*worker) NextRetry(j *river.Job[job]) time.Time {
	return time.Now().Add(min(retryFirst<<(j.Attempt-1), retryMax))
}

// quietly is a log for River, which logs much, and repeats every failure of each of its
// services while the database is unavailable. River's warnings and errors become
// warnings, at most one every reportEvery; the rest is logged at debug.
func quietly(log *slog.Logger) *slog.Logger {
	return slog.New(quiet{log.Handler().WithAttrs([]slog.Attr{slog.String("from", "river")}), &rate.Sometimes{Interval: reportEvery}})
}

type quiet struct {
	slog.Handler
	seldom *rate.Sometimes
}

func (q quiet) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn && q.Handler.Enabled(ctx, slog.LevelWarn) || q.Handler.Enabled(ctx, slog.LevelDebug)
}

func (q quiet) Handle(ctx context.Context, r slog.Record) error {
	level := slog.LevelDebug
	if r.Level >= slog.LevelWarn {
		q.seldom.Do(func() { level = slog.LevelWarn })
	}
	if !q.Handler.Enabled(ctx, level) {
		return nil
	}
	r.Level = level
	return q.Handler.Handle(ctx, r)
}

func (q quiet) WithAttrs(attrs []slog.Attr) slog.Handler {
	return quiet{q.Handler.WithAttrs(attrs), q.seldom}
}

func (q quiet) WithGroup(name string) slog.Handler { return quiet{q.Handler.WithGroup(name), q.seldom} }
