package serve

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"time"

	"lethe/adapters/gate"
	"lethe/adapters/httpapi"
	"lethe/adapters/personfile"
	"lethe/adapters/postgres/jobs"
	"lethe/adapters/postgres/personfiles"
	"lethe/adapters/telemetry"
	"lethe/app/boot"
	"lethe/app/config"
	"lethe/domain"
)

const (
	// filesRate is how many responses per second a person's file takes in, so that lists
	// stay fast meanwhile.
	filesRate = 2000
	// clearFilesEvery is how often each process removes files that are gone.
	clearFilesEvery = 15 * time.Second
	// embeddedFiles is the folder of files in the embedded mode, in data_dir.
	embeddedFiles = "exports"
)

// personFiles are the files of persons. Without a folder, store and make are nil: then
// there are none.
type personFiles struct {
	rows  *personfiles.Files
	store domain.PersonFileStore
	make  *domain.MakePersonFile
}

func newPersonFiles(p *pools, cfg *config.Config, s *stores, people *gate.People, metrics *telemetry.FileMetrics, log *slog.Logger) (*personFiles, error) {
	rows, err := personfiles.New(p.fusillade.Primary)
	if err != nil {
		return nil, err
	}
	f := &personFiles{rows: rows}
	folder := cfg.Exports.Folder
	if folder == "" && cfg.Embedded() {
		folder = filepath.Join(cfg.DataDir, embeddedFiles)
	}
	if folder == "" {
		return f, nil
	}
	store, err := personfile.New(personfile.Config{
		Folder: folder, MaxBytes: cfg.Exports.MaxBytes, Words: personfile.Words{Controller: cfg.Privacy.Controller, Contact: cfg.Privacy.Contact, Purpose: cfg.Privacy.Purpose, Retention: cfg.Privacy.Retention},
		Lines: func(w io.Writer) personfile.Encoder { return httpapi.DetailLines(w) },
		Usage: func(w io.Writer) personfile.Encoder { return httpapi.SummaryCSV(w) },
	})
	if err != nil {
		return nil, fmt.Errorf("the folder for persons' files: %w: correct exports.folder (%s)", err, config.EnvOf("exports.folder"))
	}
	f.store = store
	exports := domain.NewExportResponses(s.responses, s.contents, s.accessLog, s.usage, people, time.Now, log)
	f.make = domain.NewMakePersonFile(countedFiles{rows, metrics}, store, exports, s.log, people, config.PerSecond(filesRate).Pace(), cfg.Exports.Keep, time.Now, log)
	return f, nil
}

// countedFiles counts the files that failed.
type countedFiles struct {
	domain.PersonFileRunner
	metrics *telemetry.FileMetrics
}

func (c countedFiles) Fail(ctx context.Context, attempt domain.DuePersonFile, reason domain.PersonFileReason, at time.Time) error {
	c.metrics.Failed()
	return c.PersonFileRunner.Fail(ctx, attempt, reason, at)
}

func newFileMetrics(m *telemetry.Metrics) (*telemetry.FileMetrics, error) { return m.WatchFiles() }

// makeFiles enqueues the files that are due, removes those that are gone, and counts all.
// None is made while the database was rolled back or holds content that cannot be served:
// it would have what was erased, or not everything.
func makeFiles(w *workers, b *background, j *jobs.Jobs, files *personFiles, metrics *telemetry.FileMetrics, places *boot.Places) {
	if files.store == nil {
		return
	}
	w.repeat("person_files", dispatchEvery, workLogEvery, "Could not look for persons' files to make; will retry", func(ctx context.Context) error {
		if err := b.reliable(ctx, places); err != nil {
			return err
		}
		due, err := files.rows.Due(ctx, time.Now(), domain.MaxAllPersonFiles)
		for _, f := range due {
			if err == nil {
				err = j.EnqueuePersonFile(ctx, f)
			}
		}
		return err
	})
	clear := domain.NewClearPersonFiles(files.rows, files.store, time.Now)
	w.repeat("person_files", clearFilesEvery, workLogEvery, "Could not remove persons' files that are gone; will retry", func(ctx context.Context) error {
		if err := b.upToDate(ctx); err != nil {
			return err
		}
		if err := clear.Execute(ctx); err != nil {
			return err
		}
		tally, err := files.rows.Tally(ctx)
		if err != nil {
			return err
		}
		counts := make([]telemetry.FileCount, len(tally))
		for i, t := range tally {
			counts[i] = telemetry.FileCount{State: string(t.State), Files: t.Files, Bytes: t.Bytes, ToRemove: t.ToRemove}
		}
		metrics.Looked(counts)
		return nil
	})
}
