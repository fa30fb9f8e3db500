package ops

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/google/uuid"

	"lethe/adapters/importfile"
	"lethe/adapters/postgres/imports"
	"lethe/adapters/postgres/users"
	"lethe/app/boot"
	"lethe/app/config"
	"lethe/domain"
)

const (
	standardInput = "-"

	// What is sent to the database at once.
	importRows  = 1000
	importBytes = 8 << 20
	// importUnit is how many responses a transaction has at least, with Resume.
	importUnit = 1000
)

// ImportOptions are the options of `lethe import`.
type ImportOptions struct {
	Files  []string // "-" is Stdin
	Stdin  io.Reader
	Format string // auto, lethe, openai or batch
	Input  string // the input file of the batch; empty: none
	Owner  string // whose everything is; empty: as the files have it
	DryRun bool
	Resume bool // keep what is read until something is wrong
}

// ImportedFile is what became of a file.
type ImportedFile struct {
	File   string            `json:"file"`
	Format importfile.Format `json:"format"`
	Read   int64             `json:"read"` // responses
	imports.Kept
}

// Import keeps the responses of files in a database of Lethe's own, and prints what became
// of each file. It refuses databases of other systems. Each file is one transaction, or
// with Resume many. It ends with the first file that cannot be imported.
func Import(ctx context.Context, cfg *config.Config, options ImportOptions, o Output) (err error) {
	if err := options.check(cfg); err != nil {
		return err
	}
	i := &importing{ImportOptions: options, Output: o, owners: map[string]string{}}
	if options.Input != "" {
		if i.prompts, err = importfile.OpenPrompts(options.Input); err != nil {
			return fmt.Errorf("%s: %w", options.Input, err)
		}
		defer func() { _ = i.prompts.Close() }()
	}
	db, err := boot.Open(ctx, cfg, o.Progress)
	if err != nil {
		return err
	}
	defer db.CloseInto(&err)
	if err := ownSets(ctx, db, "responses", "Lethe lists and erases there, but writes no responses; import into the embedded database, or into one that `lethe migrate up` has created", "main", "fusillade"); err != nil {
		return err
	}
	pool, err := boot.OpenPool(cfg, db.MainURL, 2, boot.SearchPath(cfg)...)
	if err != nil {
		return err
	}
	defer pool.Close()
	if i.directory, err = users.NewDirectory(pool); err != nil {
		return err
	}
	if i.imports, err = imports.New(pool, cfg.Fusillade.Schema, time.Now); err != nil {
		return err
	}
	if options.Owner != "" {
		id, err := i.directory.Find(ctx, options.Owner)
		if err != nil {
			return err
		}
		i.Owner = id.String()
	}
	return i.run(ctx)
}

func (o ImportOptions) check(cfg *config.Config) error {
	switch {
	case !slices.Contains(importfile.Formats, importfile.Format(o.Format)):
		return config.Misused("--format must be auto, lethe, openai or batch")
	case o.DryRun && o.Resume:
		return config.Misused("--dry-run keeps nothing, so nothing can be resumed: omit --resume")
	case cfg.Database.PgBouncer:
		return config.Misused("cannot import through PgBouncer: use the server's own URL, and set database.pgbouncer to false")
	case cfg.Fusillade.DatabaseURL != "":
		return config.Misused("an import needs all tables in one database, to keep a file as a whole: fusillade.database_url must not be set")
	}
	seen := map[string]bool{}
	for _, file := range o.Files {
		if seen[file] {
			return config.Misused("%s is given twice", file)
		}
		seen[file] = true
		if file == standardInput {
			continue
		}
		if info, err := os.Stat(file); err != nil {
			return config.Misused("%v", err)
		} else if info.IsDir() {
			return config.Misused("%s is a folder: give its files", file)
		}
	}
	return nil
}

// importing is an import at work.
type importing struct {
	ImportOptions
	Output
	imports   *imports.Imports
	directory *users.Directory
	prompts   *importfile.Prompts // nil: none
	owners    map[string]string   // by e-mail address; empty: unknown
}

// run imports the files, and prints a table of them even if the last one is broken.
func (i *importing) run(ctx context.Context) error {
	files := []ImportedFile{}
	var failed error
	for _, name := range i.Files {
		file, err := i.file(ctx, name)
		files = append(files, file)
		if failed = err; err != nil {
			break
		}
	}
	if !i.DryRun && slices.ContainsFunc(files, func(f ImportedFile) bool { return f.Kept.Kept > 0 }) && ctx.Err() == nil {
		if err := i.imports.Analyze(ctx); err != nil && failed == nil {
			failed = err
		}
	}
	if err := i.print(files); err != nil {
		return err
	}
	return failed
}

func (i *importing) print(files []ImportedFile) error {
	if i.JSON {
		return writeJSON(i.Out, files)
	}
	kept := "kept"
	if i.DryRun {
		kept = "would be kept"
	}
	t := NewTable("file", "format", "read", kept, "already there", "erased before", "without cost", "without tier")
	for _, f := range files {
		t.Row(f.File, string(f.Format), f.Read, f.Kept.Kept, f.Present, f.Erased, f.NoCost, f.NoTier)
	}
	return t.Print(i.Out)
}

// file imports a file. Its error says what of the file was kept.
func (i *importing) file(ctx context.Context, name string) (ImportedFile, error) {
	f := &importingFile{importing: i, ImportedFile: ImportedFile{File: name}, waits: map[uuid.UUID]bool{}}
	err := f.read(ctx)
	if f.unit != nil {
		f.unit.Rollback()
	}
	if err == nil {
		return f.ImportedFile, nil
	}
	kept := "nothing of this file was kept"
	if n := f.Kept.Kept + f.Present; n > 0 {
		kept = fmt.Sprintf("%s before that kept; start again to continue", count(n, "response"))
	}
	if ctx.Err() != nil {
		_, _ = fmt.Fprintf(i.Progress, "%s: stopped; %s\n", name, kept)
		return f.ImportedFile, ctx.Err()
	}
	return f.ImportedFile, fmt.Errorf("%s: %w; %s", name, err, kept)
}

// importingFile is a file at work.
type importingFile struct {
	*importing
	ImportedFile
	unit   *imports.Unit
	inUnit int64        // responses in it
	added  imports.Kept // in it
	batch  []domain.ImportedResponse
	bytes  int64              // in batch
	waits  map[uuid.UUID]bool // those in batch
}

func (f *importingFile) read(ctx context.Context) error {
	in, size := io.Reader(&interruptible{ctx: ctx, in: f.Stdin}), int64(-1)
	if f.File != standardInput {
		file, err := os.Open(f.File)
		if err != nil {
			return err
		}
		defer func() { _ = file.Close() }()
		if info, err := file.Stat(); err == nil && info.Mode().IsRegular() {
			size = info.Size()
		}
		in = file
	}
	counting := &countingReader{in: in}
	shown := newProgress(f.Progress, size)
	defer shown.end()
	reader, err := importfile.Open(counting, importfile.Format(f.ImportOptions.Format), f.prompts)
	if err != nil {
		return err
	}
	for f.ImportedFile.Format = reader.Format; ; {
		r, err := reader.Next()
		if ctx.Err() != nil {
			return ctx.Err() // what wrote to a pipe was stopped, too
		}
		if errors.Is(err, io.EOF) {
			return f.end(ctx)
		}
		if err != nil {
			return err
		}
		f.ImportedFile.Read++
		shown.at(counting.n, f.File)
		if f.Resume && r.Proven && f.inUnit >= importUnit {
			if err := f.end(ctx); err != nil {
				return err
			}
		}
		if err := f.add(ctx, r); err != nil {
			return err
		}
	}
}

// add adds a response to the unit, which begins with it.
func (f *importingFile) add(ctx context.Context, r domain.ImportedResponse) (err error) {
	if r.Owner, err = f.ownerOf(ctx, r); err != nil {
		return err
	}
	if err := r.Check(); err != nil {
		return fmt.Errorf("%s: the response %w", r.Place, err)
	}
	if f.waits[r.ID] || len(f.batch) >= importRows || f.bytes >= importBytes {
		if err := f.flush(ctx); err != nil {
			return err
		}
	}
	f.batch, f.bytes, f.waits[r.ID] = append(f.batch, r), f.bytes+r.Bytes(), true
	f.inUnit++
	return nil
}

// ownerOf returns the owner of a response; empty: unknown.
func (f *importingFile) ownerOf(ctx context.Context, r domain.ImportedResponse) (string, error) {
	switch {
	case f.Owner != "":
		return f.Owner, nil
	case r.Owner != "" || r.OwnerEmail == nil:
		return r.Owner, nil
	}
	owner, known := f.owners[*r.OwnerEmail]
	if known {
		return owner, nil
	}
	id, err := f.directory.Find(ctx, *r.OwnerEmail)
	switch domain.CodeOf(err) {
	case domain.CodeNotFound, domain.CodeInvalid:
	default:
		if err != nil {
			return "", err
		}
		owner = id.String()
	}
	f.owners[*r.OwnerEmail] = owner
	return owner, nil
}

// flush sends what waits to the database.
func (f *importingFile) flush(ctx context.Context) (err error) {
	if f.unit == nil {
		if f.unit, err = f.imports.Begin(ctx); err != nil {
			return err
		}
	}
	kept, err := f.unit.Add(ctx, f.batch)
	if err != nil {
		return err
	}
	f.added.Add(kept)
	clear(f.batch) // or contents would stay in memory
	f.batch, f.bytes = f.batch[:0], 0
	clear(f.waits)
	return nil
}

// end keeps the unit, or with DryRun only counts it.
func (f *importingFile) end(ctx context.Context) error {
	if err := f.flush(ctx); err != nil {
		return err
	}
	if f.DryRun {
		f.unit.Rollback()
	} else if err := f.unit.Commit(ctx); err != nil {
		return err
	}
	f.ImportedFile.Kept.Add(f.added)
	f.unit, f.inUnit, f.added = nil, 0, imports.Kept{}
	return nil
}

// interruptible ends a read that waits for a pipe or a terminal when ctx ends.
type interruptible struct {
	ctx context.Context
	in  io.Reader
	buf [64 << 10]byte
}

func (r *interruptible) Read(p []byte) (int, error) {
	if r.ctx.Err() != nil {
		return 0, r.ctx.Err() // an earlier read may still use buf
	}
	type piece struct {
		n   int
		err error
	}
	read := make(chan piece, 1)
	go func() {
		n, err := r.in.Read(r.buf[:min(len(p), len(r.buf))])
		read <- piece{n, err}
	}()
	select {
	case <-r.ctx.Done():
		return 0, r.ctx.Err()
	case got := <-read:
		return copy(p, r.buf[:got.n]), got.err
	}
}

// countingReader counts what is read.
type countingReader struct {
	in io.Reader
	n  int64
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.in.Read(p)
	c.n += int64(n)
	return n, err
}
