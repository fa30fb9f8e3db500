package jobs

import (
	"context"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"github.com/riverqueue/river"

	"lethe/adapters/postgres"
	"lethe/domain"
)

const (
	// fileQueue is only worked on by processes that have the folder of files, and files do
	// not hold up erasures in it.
	fileQueue = "person_files"
	// fileTimeout is how long one attempt may take. A file says by itself that it goes on,
	// so nobody waits for a dead process that long.
	fileTimeout = time.Hour
)

// WithFiles makes Run also make persons' files. Call it first.
func (j *Jobs) WithFiles(files *domain.MakePersonFile) { j.files = files }

func (j *Jobs) EnqueuePersonFile(ctx context.Context, due domain.DuePersonFile) error {
	_, err := j.insert.Insert(ctx, fileJob{due.ID, due.Attempt}, nil)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return postgres.MapError(err)
}

type fileJob struct {
	File    uuid.UUID `json:"file"`
	Attempt int       `json:"attempt"`
}

func (fileJob) Kind() string { return "person_file" }

func (fileJob) InsertOpts() river.InsertOpts {
	opts := job{}.InsertOpts()
	opts.Queue = fileQueue
	return opts
}

type fileWorker struct {
	river.WorkerDefaults[fileJob]
	make *domain.MakePersonFile
	log  *slog.Logger
}

func (*fileWorker) Timeout(*river.Job[fileJob]) time.Duration { return fileTimeout }

// Work ends the job in any case: what is due is enqueued again.
func (w *fileWorker) Work(ctx context.Context, j *river.Job[fileJob]) error {
	err := w.make.Execute(ctx, domain.DuePersonFile{ID: j.Args.File, Attempt: j.Args.Attempt})
	if err != nil && ctx.Err() == nil {
		w.log.WarnContext(ctx, "Could not go on with a person's file; trying again", "file", j.Args.File, "error", err)
	}
	return nil
}
