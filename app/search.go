package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
	"golang.org/x/time/rate"

	"lethe/adapters/postgres/inspect"
	"lethe/adapters/postgres/search"
)

// DefaultSearchRate is how many megabytes a second a search reads at most.
const DefaultSearchRate = 50

const (
	maxSamples     = 10_000
	maxSearchRate  = 100_000 // megabytes a second
	searchesLogged = 15 * time.Second
	barRefreshed   = 100 * time.Millisecond
	bytesOfAMega   = 1_000_000
	maxRereads     = 5 // of the list of tables, for those that are made meanwhile
)

// SearchOptions are what `lethe erasures search` is given.
type SearchOptions struct {
	Needles io.Reader // one a line; not read with Sample
	Sample  int       // take what to look for from so many random responses; 0: from Needles
	Rate    int       // megabytes a second; 0: no bound
}

// What becomes of what was found. The first three are of a table, the others of
// the rows of a sample.
const (
	placeKnown   = "known"   // a table that erasures remove rows from
	placeKept    = "kept"    // usage, credits, fences and Lethe's own notes, which stay
	placeUnknown = "unknown" // neither
	placeErased  = "erased"  // erasing these responses removes the row
	placeShared  = "shared"  // other responses have the same text
	placeMissed  = "missed"  // erasing these responses would leave it behind
)

var placeWords = map[string]string{
	placeKnown:   "a place that erasures reach",
	placeKept:    "stays: bills, or notes of Lethe's own",
	placeUnknown: "UNKNOWN to Lethe: no erasure reaches it",
	placeErased:  "goes with the response",
	placeShared:  "rows of others, with the same text",
	placeMissed:  "MISSED: an erasure leaves it behind",
}

// Searched is what a search found: places and counts, never contents.
type Searched struct {
	Responses int           `json:"responses,omitempty"` // of the sample
	Needles   int           `json:"needles"`
	Found     int           `json:"found"`           // needles that are somewhere
	Lines     []int         `json:"lines,omitempty"` // of standard input, of those found
	Places    []FoundPlace  `json:"places"`
	Unread    []UnreadPlace `json:"unread"`
	Tables    int           `json:"tables"` // that were read
	Bytes     int64         `json:"bytes"`  // as they came

	sampled bool
}

// FoundPlace is a column in which something was found.
type FoundPlace struct {
	Database  string `json:"database"`
	Table     string `json:"table"` // with its schema; of partitions, the table that they are of
	Column    string `json:"column"`
	Rows      int    `json:"rows"`
	Needles   int    `json:"needles"`
	Treatment string `json:"treatment"`
}

// UnreadPlace could not be read.
type UnreadPlace struct {
	Database string `json:"database"`
	Name     string `json:"name"`
	Why      string `json:"why"`
}

// Left tells whether something is where it should not be: anything that was
// looked for, and of a sample what its erasure would miss.
func (s *Searched) Left() bool {
	return slices.ContainsFunc(s.Places, func(p FoundPlace) bool { return !s.sampled || p.Treatment == placeMissed })
}

// Complete tells whether all could be read.
func (s *Searched) Complete() bool { return len(s.Unread) == 0 }

// Search looks through every table of the configured databases for what it is
// given, or for what random responses consist of. Nothing is changed, and what is
// looked for is not sent to a server.
func Search(ctx context.Context, cfg *Config, options SearchOptions, o Output) (result *Searched, err error) {
	switch {
	case options.Sample < 0 || options.Sample > maxSamples:
		return nil, misused("--sample must be a number of responses, 1 to %d", maxSamples)
	case options.Rate < 0 || options.Rate > maxSearchRate:
		return nil, misused("--rate must be megabytes a second, up to %d; 0 for no bound", maxSearchRate)
	case cfg.Database.PgBouncer:
		return nil, misused("databases cannot be read through PgBouncer, as settings of the session are needed: give the server's own URL, and set database.pgbouncer to false")
	}
	var needles []search.Needle
	if options.Sample == 0 {
		if needles, err = search.ReadNeedles(options.Needles); err != nil {
			return nil, misused("%v", err)
		}
	}
	db, err := OpenDatabases(ctx, cfg, o.Progress)
	if err != nil {
		return nil, err
	}
	defer closing(db, &err)
	schemas := search.Schemas{Fusillade: db.schemas.Fusillade, Outlet: db.schemas.Outlet, Own: inspect.Own}
	s := &searching{Output: o, schemas: schemas, copiesIn: db.schemas.CopiesIn(), keys: search.Keys(schemas, inspect.CopyResponse), needles: needles, places: map[FoundPlace]*tally{}, common: map[int]bool{}, hits: map[string]*hit{}}
	defer s.close()
	if err := s.open(ctx, db, options); err != nil {
		return nil, err
	}
	if options.Sample > 0 {
		if err := s.take(ctx, db, options.Sample); err != nil {
			return nil, err
		}
	}
	if err := s.run(ctx); err != nil {
		return nil, err
	}
	return s.result(), nil
}

// searching is one search.
type searching struct {
	Output
	schemas   search.Schemas
	copiesIn  inspect.Side
	keys      map[string]string // what tells the rows of the tables apart that erasures remove rows from
	databases []*searched
	needles   []search.Needle
	sample    *search.Sample // nil: none

	places map[FoundPlace]*tally // by place, without counts
	common map[int]bool          // needles of a sample that other responses have too
	hits   map[string]*hit       // what the erasure of a sample does not reach, alike ones together
	unread []UnreadPlace
	tables int
}

// searched is a database that is read.
type searched struct {
	*search.Database
	name  string
	sides []inspect.Side // that it has
	todo  []search.Table
	done  map[search.Unread]bool // told of
	read  map[string]bool
}

// tally counts what is in a place.
type tally struct {
	rows    int
	needles map[int]bool
}

// hit is what was found in a column of some rows.
type hit struct {
	place   FoundPlace
	needles []int
	rows    int
	key     string // of the row, where it is a raw copy that may be reached; else "", of all rows that are alike
}

func (s *searching) close() {
	for _, d := range s.databases {
		d.Close()
	}
}

// open connects to each database once, whatever it is configured as.
func (s *searching) open(ctx context.Context, db *Databases, options SearchOptions) error {
	there := map[string]*searched{}
	for _, one := range []struct {
		name, url string
		sides     []inspect.Side
	}{
		{"main", db.MainURL, db.mainSides()},
		{"fusillade", db.FusilladeURL, []inspect.Side{inspect.Fusillade}},
		{"outlet", db.OutletURL, []inspect.Side{inspect.Outlet}},
	} {
		if one.url == "" {
			continue
		}
		d, err := search.Open(ctx, one.url, search.Options{Rate: options.Rate * bytesOfAMega, ApplicationName: applicationName})
		if err != nil {
			return err
		}
		s.databases = append(s.databases, &searched{Database: d, name: one.name, sides: one.sides, done: map[search.Unread]bool{}, read: map[string]bool{}})
		identity, err := d.Identity(ctx)
		if err != nil {
			return err
		}
		if same := there[identity]; same != nil {
			d.Close()
			s.databases = s.databases[:len(s.databases)-1]
			same.sides = append(same.sides, one.sides...)
			continue
		}
		there[identity] = s.databases[len(s.databases)-1]
	}
	return nil
}

// take takes what to look for from responses.
func (s *searching) take(ctx context.Context, db *Databases, n int) error {
	leads, err := s.leads(ctx, db)
	if err != nil {
		return err
	}
	for _, d := range s.databases {
		if slices.Contains(d.sides, inspect.Fusillade) {
			if s.sample, err = d.TakeSample(ctx, s.schemas, leads, n); err != nil {
				return err
			}
		}
	}
	if s.sample.Responses == 0 {
		return errors.New("there is no response to take a sample from")
	}
	s.needles = s.sample.Needles
	return nil
}

// leads are what erasures follow: usage records, where fusillade's database has
// them or copies are in one of their own, and what an index makes cheap.
func (s *searching) leads(ctx context.Context, db *Databases) (search.Leads, error) {
	usage := !db.apart() || db.OutletURL != ""
	l := search.Leads{Usage: usage, Step: usage, Header: true}
	for _, d := range s.databases {
		for index, followed := range map[string]*bool{inspect.StepIndex: &l.Step, inspect.HeaderIndex: &l.Header} {
			lacks, err := inspect.LacksCopyIndex(ctx, d.Conn(), db.schemas, index, d.sides...)
			if err != nil {
				return l, err
			}
			*followed = *followed && !lacks
		}
	}
	return l, nil
}

func (s *searching) run(ctx context.Context) error {
	for _, d := range s.databases {
		d.For(s.needles)
		if err := s.list(ctx, d); err != nil {
			return err
		}
	}
	var total int64
	for _, d := range s.databases {
		for _, t := range d.todo {
			total += t.Bytes
		}
	}
	progress := s.newProgress(total)
	defer progress.end()
	key := func(search.Table) string { return "" } // without a sample, which row it is does not matter
	if s.sample != nil {
		key = func(t search.Table) string { return s.keys[t.Root] }
	}
	var done int64
	for _, d := range s.databases {
		// What is made meanwhile, such as the next day's partition, is read too.
		for range maxRereads {
			for _, t := range d.todo {
				d.read[t.String()] = true
				progress.at(done, t.String())
				why, err := d.Read(ctx, t, key(t), func(row search.Row) { s.found(d, t, row) }, func(part float64) {
					progress.at(done+int64(part*float64(t.Bytes)), t.String())
				})
				if err != nil {
					return err
				}
				if why != "" {
					s.cannot(d, search.Unread{Name: t.String(), Why: why})
				} else {
					s.tables++
				}
				done += t.Bytes
			}
			if err := s.list(ctx, d); err != nil {
				return err
			}
			if len(d.todo) == 0 {
				break
			}
		}
		for _, t := range d.todo {
			s.cannot(d, search.Unread{Name: t.String(), Why: "was made while the others were read: search again"})
		}
	}
	return nil
}

// list finds the tables that have not been read.
func (s *searching) list(ctx context.Context, d *searched) error {
	tables, unread, err := d.Tables(ctx, slices.Collect(maps.Keys(s.keys)))
	if err != nil {
		return err
	}
	d.todo = slices.DeleteFunc(tables, func(t search.Table) bool { return d.read[t.String()] })
	for _, u := range unread {
		s.cannot(d, u)
	}
	return nil
}

// cannot notes what cannot be read, and says so at once.
func (s *searching) cannot(d *searched, u search.Unread) {
	if d.done[u] {
		return
	}
	d.done[u] = true
	s.unread = append(s.unread, UnreadPlace{d.name, u.Name, u.Why})
	_, _ = fmt.Fprintf(s.Progress, "Not read: %s (%s) %s\n", u.Name, d.name, u.Why)
}

// found counts what is in a row.
func (s *searching) found(d *searched, t search.Table, row search.Row) {
	treatment := s.treatment(t.Root)
	copied := s.sample != nil && s.sample.Copies(t.Root)
	reachable := !copied || slices.Contains(d.sides, s.copiesIn)
	if s.sample != nil && reachable {
		s.sample.Follow(t.Root, row)
	}
	for column, needles := range row.Found {
		place := FoundPlace{Database: d.name, Table: t.Root, Column: column, Treatment: treatment}
		switch {
		case s.sample == nil, place.Treatment != placeKnown:
			if s.sample != nil && place.Treatment == placeUnknown {
				place.Treatment = placeMissed
			}
			s.count(place, 1, needles)
		case !copied && s.sample.Reached(t.Root, row.Key):
			place.Treatment = placeErased
			s.count(place, 1, needles)
		default:
			// Whether it is another response's text is known when all has been read,
			// and what leads to a copy, too.
			slices.Sort(needles)
			key := ""
			if copied && reachable {
				key = row.Key
			}
			alike := fmt.Sprint(place, needles, key)
			if s.hits[alike] == nil {
				s.hits[alike] = &hit{place: place, needles: needles, key: key}
			}
			s.hits[alike].rows++
			if s.another(t, row.Key) {
				for _, n := range needles {
					s.common[n] = s.common[n] || !s.sample.Identifier(n)
				}
			}
		}
	}
}

// another tells whether a row is a part of a response that is not in the sample, or
// is needed by one.
func (s *searching) another(t search.Table, key string) bool {
	of := s.schemas.Fusillade
	return slices.Contains([]string{of + ".requests", of + ".request_templates", of + ".request_templates_g2", of + ".retained_response_objects"}, t.Root) && !s.sample.Own(t.Root, key)
}

func (s *searching) treatment(table string) string {
	_, known := s.keys[table]
	switch {
	case table == "public.http_analytics", table == "public.credits_transactions", table == s.schemas.Fusillade+"."+inspect.Fences:
		return placeKept
	case known:
		return placeKnown
	case strings.HasPrefix(table, inspect.Own+"."):
		return placeKept
	}
	return placeUnknown
}

func (s *searching) count(place FoundPlace, rows int, needles []int) {
	t := s.places[place]
	if t == nil {
		t = &tally{needles: map[int]bool{}}
		s.places[place] = t
	}
	t.rows += rows
	for _, n := range needles {
		t.needles[n] = true
	}
}

func (s *searching) result() *Searched {
	for _, h := range s.hits {
		h.place.Treatment = placeShared
		if h.key != "" && s.sample.Reached(h.place.Table, h.key) {
			h.place.Treatment = placeErased
		} else if slices.ContainsFunc(h.needles, func(n int) bool { return !s.common[n] }) {
			h.place.Treatment = placeMissed
		}
		s.count(h.place, h.rows, h.needles)
	}
	r := &Searched{Needles: len(s.needles), Places: []FoundPlace{}, Unread: s.unread, Tables: s.tables, sampled: s.sample != nil}
	if r.Unread == nil {
		r.Unread = []UnreadPlace{}
	}
	for _, d := range s.databases {
		r.Bytes += d.Bytes()
	}
	found := map[int]bool{}
	for place, t := range s.places {
		place.Rows, place.Needles = t.rows, len(t.needles)
		r.Places = append(r.Places, place)
		maps.Copy(found, t.needles)
	}
	slices.SortFunc(r.Places, func(a, b FoundPlace) int {
		return cmp.Or(cmp.Compare(a.Treatment, b.Treatment), cmp.Compare(a.Database, b.Database), cmp.Compare(a.Table, b.Table), cmp.Compare(a.Column, b.Column))
	})
	r.Found = len(found)
	if s.sample != nil {
		r.Responses = s.sample.Responses
		return r
	}
	for n := range found {
		r.Lines = append(r.Lines, s.needles[n].Line)
	}
	slices.Sort(r.Lines)
	return r
}

// Write prints what was found.
func (s *Searched) Write(out io.Writer, asJSON bool) error {
	if asJSON {
		return writeJSON(out, s)
	}
	if len(s.Places) > 0 {
		t := newTable("database", "table", "column", "rows", "needles", "what it is")
		for _, p := range s.Places {
			t.row(p.Database, p.Table, p.Column, p.Rows, p.Needles, placeWords[p.Treatment])
		}
		if err := t.write(out, false); err != nil {
			return err
		}
		if _, err := fmt.Fprintln(out); err != nil {
			return err
		}
	}
	if len(s.Unread) > 0 {
		t := newTable("database", "not read", "why")
		for _, u := range s.Unread {
			t.row(u.Database, u.Name, u.Why)
		}
		if err := t.write(out, false); err != nil {
			return err
		}
		if _, err := fmt.Fprintln(out); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintln(out, s.sentence())
	return err
}

func (s *Searched) sentence() string {
	var text string
	read := fmt.Sprintf("in %s (%s)", count(s.Tables, "table"), megabytes(s.Bytes))
	switch {
	case !s.sampled && s.Found == 0:
		text = fmt.Sprintf("Nothing of %s was found %s", count(s.Needles, "needle"), read)
	case !s.sampled:
		text = fmt.Sprintf("%d of %s found %s", s.Found, count(s.Needles, "needle"), read)
	case s.Left():
		text = fmt.Sprintf("An erasure of these %s would miss what is marked so; %s looked for %s", count(s.Responses, "response"), count(s.Needles, "piece"), read)
	default:
		text = fmt.Sprintf("An erasure of these %s would miss nothing; %s looked for %s", count(s.Responses, "response"), count(s.Needles, "piece"), read)
	}
	if !s.Complete() {
		text += fmt.Sprintf("; %s NOT read, so nothing is said of what is there", count(len(s.Unread), "place"))
	}
	return text + "."
}

func megabytes(n int64) string { return fmt.Sprintf("%.1f MB", float64(n)/bytesOfAMega) }

// searchProgress tells how far a search has come.
type searchProgress struct {
	out      io.Writer
	bar      *progressbar.ProgressBar // on a terminal
	total    int64
	reported rate.Sometimes // elsewhere
}

func (s *searching) newProgress(total int64) *searchProgress {
	p := &searchProgress{out: s.Progress, total: max(total, 1), reported: rate.Sometimes{Interval: searchesLogged}}
	if file, is := s.Progress.(*os.File); is && term.IsTerminal(int(file.Fd())) {
		p.bar = progressbar.NewOptions64(p.total, progressbar.OptionSetWriter(file), progressbar.OptionThrottle(barRefreshed),
			progressbar.OptionShowBytes(true), progressbar.OptionSetPredictTime(true), progressbar.OptionFullWidth(), progressbar.OptionClearOnFinish())
	}
	p.reported.Do(func() {}) // what takes less long needs no line
	return p
}

// at tells that so many bytes are done, and what is read now.
func (p *searchProgress) at(done int64, what string) {
	done = min(done, p.total)
	if p.bar != nil {
		p.bar.Describe(cell(what))
		_ = p.bar.Set64(done) // what cannot be drawn is not told
		return
	}
	p.reported.Do(func() {
		_, _ = fmt.Fprintf(p.out, "Read %d %% of %s on disk, now %s\n", 100*done/p.total, megabytes(p.total), cell(what))
	})
}

func (p *searchProgress) end() {
	if p.bar != nil {
		_ = p.bar.Finish()
	}
}
