package ops

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"lethe/adapters/postgres/inspect"
	"lethe/adapters/postgres/search"
	"lethe/app/boot"
	"lethe/app/config"
)

// DefaultSearchRate is the default maximum read rate, in megabytes per second.
const DefaultSearchRate = 50

const (
	maxSamples    = 10_000
	maxSearchRate = 100_000 // megabytes per second
	bytesOfAMega  = 1_000_000
	maxRereads    = 5 // rereads of the list of tables, for tables created meanwhile
)

// SearchOptions are the options of `lethe erasures search`.
type SearchOptions struct {
	Needles io.Reader // one per line; not read with Sample
	Sample  int       // number of random responses to take needles from; 0: read Needles
	Rate    int       // megabytes per second; 0: no limit
}

// Search searches every table of the configured databases for the given needles, or
// for the texts of random responses. It changes nothing, and sends no needle to a
// server.
func Search(ctx context.Context, cfg *config.Config, options SearchOptions, o Output) (result *Searched, err error) {
	switch {
	case options.Sample < 0 || options.Sample > maxSamples:
		return nil, config.Misused("--sample must be a number of responses, 1 to %d", maxSamples)
	case options.Rate < 0 || options.Rate > maxSearchRate:
		return nil, config.Misused("--rate must be in megabytes per second, up to %d; 0 for no limit", maxSearchRate)
	case cfg.Database.PgBouncer:
		return nil, config.Misused("cannot search through PgBouncer, because the search needs session settings: use the server's own URL, and set database.pgbouncer to false")
	}
	var needles []search.Needle
	if options.Sample == 0 {
		if needles, err = search.ReadNeedles(options.Needles); err != nil {
			return nil, config.Misused("%v", err)
		}
	}
	db, err := boot.Open(ctx, cfg, o.Progress)
	if err != nil {
		return nil, err
	}
	defer db.CloseInto(&err)
	schemas := search.Schemas{Fusillade: db.Schemas.Fusillade, Outlet: db.Schemas.Outlet, Own: inspect.Own}
	s := &searching{Output: o, schemas: schemas, copiesIn: db.Schemas.CopiesIn(), keys: search.Keys(schemas, inspect.CopyResponse), needles: needles, places: map[FoundPlace]*tally{}, common: map[int]bool{}, hits: map[string]*hit{}}
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

// searching is a search in progress.
type searching struct {
	Output
	schemas   search.Schemas
	copiesIn  inspect.Side
	keys      map[string]string // key columns of the tables that erasures delete from
	databases []*searched
	needles   []search.Needle
	sample    *search.Sample // nil: none

	places map[FoundPlace]*tally // by place, without counts
	common map[int]bool          // needles of a sample that other responses contain too
	hits   map[string]*hit       // what the erasure of a sample does not reach, grouped
	unread []UnreadPlace
	tables int
}

// searched is a database that is read.
type searched struct {
	*search.Database
	name  string
	sides []inspect.Side // sides in it
	todo  []search.Table
	done  map[search.Unread]bool // reported
	read  map[string]bool
}

// tally counts findings in a place.
type tally struct {
	rows    int
	needles map[int]bool
}

// hit is a finding in a column of some rows.
type hit struct {
	place   FoundPlace
	needles []int
	rows    int
	key     string // of the row, if it is a raw copy that may be reached; else "", for all similar rows
}

func (s *searching) close() {
	for _, d := range s.databases {
		d.Close()
	}
}

// open connects to each database once, however often it is configured.
func (s *searching) open(ctx context.Context, db *boot.Databases, options SearchOptions) error {
	there := map[string]*searched{}
	for _, one := range []struct {
		name, url string
		sides     []inspect.Side
	}{
		{"main", db.MainURL, db.MainSides()},
		{"fusillade", db.FusilladeURL, []inspect.Side{inspect.Fusillade}},
		{"outlet", db.OutletURL, []inspect.Side{inspect.Outlet}},
	} {
		if one.url == "" {
			continue
		}
		d, err := search.Open(ctx, one.url, search.Options{Rate: options.Rate * bytesOfAMega, ApplicationName: boot.ApplicationName})
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

// take takes needles from n responses.
func (s *searching) take(ctx context.Context, db *boot.Databases, n int) error {
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
		return errors.New("no responses to take a sample from")
	}
	s.needles = s.sample.Needles
	return nil
}

// leads returns the leads that erasures follow: usage records, if fusillade's database
// has them or copies are in their own database, and those with an index.
func (s *searching) leads(ctx context.Context, db *boot.Databases) (search.Leads, error) {
	usage := !db.Apart() || db.OutletURL != ""
	l := search.Leads{Usage: usage, Step: usage, Header: true}
	for _, d := range s.databases {
		for index, followed := range map[string]*bool{inspect.StepIndex: &l.Step, inspect.HeaderIndex: &l.Header} {
			lacks, err := inspect.LacksCopyIndex(ctx, d.Conn(), db.Schemas, index, d.sides...)
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
	progress := newProgress(s.Progress, total)
	defer progress.end()
	key := func(search.Table) string { return "" } // without a sample, the row does not matter
	if s.sample != nil {
		key = func(t search.Table) string { return s.keys[t.Root] }
	}
	var done int64
	for _, d := range s.databases {
		// Tables created meanwhile, such as the next day's partition, are read too.
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
			s.cannot(d, search.Unread{Name: t.String(), Why: "was created during the search: search again"})
		}
	}
	return nil
}

// list finds the tables that have not been read yet.
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

// cannot records what cannot be read, and reports it at once.
func (s *searching) cannot(d *searched, u search.Unread) {
	if d.done[u] {
		return
	}
	d.done[u] = true
	s.unread = append(s.unread, UnreadPlace{d.name, u.Name, u.Why})
	_, _ = fmt.Fprintf(s.Progress, "Not read: %s (%s) %s\n", u.Name, d.name, u.Why)
}

// found counts the findings in a row.
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
			// Only when everything has been read is it known whether the text belongs to
			// another response, and what leads to a copy.
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

// another reports whether a response outside the sample owns or needs a row.
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
