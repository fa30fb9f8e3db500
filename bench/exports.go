package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	exportPath = "/lethe/api/v1/responses/export"

	// What exports have to reach.
	minSummaries, minContents = 50_000, 5_000 // a second
	maxExportGrowth           = 32            // MiB
	minListsLeft              = 0.7           // of the rate of lists without an export
)

// exported is one export.
type exported struct {
	name   string
	rows   int
	took   time.Duration
	bytes  int64
	growth float64 // MiB of resident memory
}

// exports measures exports of everything, and lists beside one. It fails if one of them
// misses its target.
func exports(ctx context.Context, cfg config) (err error) {
	progress("%d rows: about %s; Ctrl-C stops everything and leaves nothing behind", cfg.rows, cfg.expected(120))
	on, err := newStage(ctx, cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, on.clear()) }()
	dbURL, advised, err := on.database(ctx, "exports")
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
	service, err := on.running(startService(ctx, "service", cfg.service, dbURL, on.folder, cfg.settings...))
	if err != nil {
		return err
	}
	results := table{{"export", "rows", "a second", "MiB a second", "growth, MiB"}}
	var missed []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			missed = append(missed, fmt.Errorf(format, args...))
		}
	}
	for _, query := range []string{"format=ndjson", "format=csv", "format=parquet", "format=ndjson&contents=true", "format=csv&contents=true", "format=parquet&contents=true"} {
		progress("%s", query)
		e, err := export(ctx, service, query)
		if err != nil {
			return err
		}
		rate := float64(e.rows) / e.took.Seconds()
		results = append(results, []string{query, strconv.Itoa(e.rows), number(rate, 0), number(mebibytes(e.bytes)/e.took.Seconds(), 1), number(e.growth, 1)})
		switch query {
		case "format=ndjson":
			check(rate >= minSummaries, "%s: %.0f a second, want %d", query, rate, minSummaries)
		case "format=ndjson&contents=true":
			check(rate >= minContents, "%s: %.0f a second, want %d", query, rate, minContents)
		}
		check(e.growth < maxExportGrowth, "%s: memory grew by %.1f MiB, want less than %d", query, e.growth, maxExportGrowth)
	}
	if err := results.text(os.Stdout); err != nil {
		return err
	}
	for _, conns := range []int{1, 16} {
		progress("lists on %d connections beside an export", conns)
		alone, beside, err := besideExport(ctx, cfg, service, conns)
		if err != nil {
			return err
		}
		fmt.Printf("lists on %d connections: %.0f a second, %.0f beside an export: %.2f\n", conns, alone, beside, beside/alone)
		check(beside >= minListsLeft*alone, "lists on %d connections: %.2f of their rate left, want %.2f", conns, beside/alone, minListsLeft)
	}
	return errors.Join(missed...)
}

// export exports everything that the manager sees.
func export(ctx context.Context, p *program, query string) (e exported, err error) {
	before := memoryOf(p.cmd.Process.Pid).Resident
	var most memory
	done := watch(p, &most)
	defer func() {
		done()
		e.growth = mebibytes(most.Resident - before)
	}()
	begin := time.Now()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, p.base+exportPath+"?"+query, nil)
	if err != nil {
		return e, err
	}
	r.Header.Set("Authorization", "Bearer "+key(manager))
	client := http.Client{Transport: &http.Transport{DisableCompression: true}}
	defer client.CloseIdleConnections()
	res, err := client.Do(r)
	if err != nil {
		return e, err
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		return e, fmt.Errorf("%s answers %s", query, res.Status)
	}
	last := make([]byte, 0, 4096)
	for in := bufio.NewReaderSize(res.Body, 256<<10); ; {
		piece, err := in.Peek(1)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return e, err
		}
		piece, _ = in.Peek(in.Buffered())
		e.bytes += int64(len(piece))
		last = append(last, piece[max(0, len(piece)-1024):]...)
		last = append(last[:0], last[max(0, len(last)-1024):]...)
		_, _ = in.Discard(len(piece))
	}
	e.took = time.Since(begin)
	if text := res.Trailer.Get("Export-Rows"); text != "" {
		e.rows, err = strconv.Atoi(text)
		return e, err
	}
	mark := last[bytes.LastIndexByte(bytes.TrimSuffix(last, []byte("\n")), '\n')+1:]
	if _, err := fmt.Sscanf(string(mark), `{"has_more":false,"next_cursor":null,"rows":%d,`, &e.rows); err != nil {
		return e, fmt.Errorf("%s ends with %s: %w", query, mark, err)
	}
	return e, nil
}

// besideExport returns the rates of lists without an export and beside one.
func besideExport(ctx context.Context, cfg config, p *program, conns int) (alone, beside float64, err error) {
	sc := &scenario{name: listLarge, method: http.MethodGet, key: key(largeOwner), want: http.StatusOK, paths: both(list("count", "none"))}
	connections := clients{}
	defer connections.close()
	drive := func(d time.Duration) (float64, error) {
		made, err := connections.drive(ctx, sc, p, sc.supply(0), conns, d)
		return made.Rate, err
	}
	for range cfg.rounds {
		if _, err := drive(warmUp); err != nil {
			return 0, 0, err
		}
		rate, err := drive(2 * time.Second)
		if err != nil {
			return 0, 0, err
		}
		alone += rate
		exporting, stop := context.WithCancel(ctx)
		var work errgroup.Group
		work.Go(func() error {
			for exporting.Err() == nil {
				if _, err := export(exporting, p, "format=ndjson"); err != nil && exporting.Err() == nil {
					return err
				}
			}
			return nil
		})
		rate, err = drive(2 * time.Second)
		stop()
		if err = errors.Join(err, work.Wait()); err != nil {
			return 0, 0, err
		}
		beside += rate
	}
	return alone / float64(cfg.rounds), beside / float64(cfg.rounds), nil
}
