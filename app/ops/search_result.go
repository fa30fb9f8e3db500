package ops

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
)

// Classes of findings. The first three are for tables, the others for the rows of a
// sample.
const (
	placeKnown   = "known"   // a table that erasures delete from
	placeKept    = "kept"    // usage, credits, fences and Lethe's own records, which stay
	placeUnknown = "unknown" // neither
	placeErased  = "erased"  // erasing these responses removes the row
	placeShared  = "shared"  // other responses have the same text
	placeMissed  = "missed"  // erasing these responses would leave it behind
)

var placeWords = map[string]string{
	placeKnown:   "within reach of erasures",
	placeKept:    "kept: billing, or Lethe's own records",
	placeUnknown: "UNKNOWN to Lethe: no erasure reaches it",
	placeErased:  "erased with the response",
	placeShared:  "other responses with the same text",
	placeMissed:  "MISSED: an erasure leaves it behind",
}

// Searched is the result of a search: places and counts, never contents.
type Searched struct {
	Responses int           `json:"responses,omitempty"` // in the sample
	Needles   int           `json:"needles"`
	Found     int           `json:"found"`           // needles that were found
	Lines     []int         `json:"lines,omitempty"` // lines of standard input that were found
	Places    []FoundPlace  `json:"places"`
	Unread    []UnreadPlace `json:"unread"`
	Tables    int           `json:"tables"` // tables that were read
	Bytes     int64         `json:"bytes"`  // that were read, as received

	sampled bool
}

// FoundPlace is a column with a finding.
type FoundPlace struct {
	Database  string `json:"database"`
	Table     string `json:"table"` // with its schema; for a partition, its parent table
	Column    string `json:"column"`
	Rows      int    `json:"rows"`
	Needles   int    `json:"needles"`
	Treatment string `json:"treatment"`
}

// UnreadPlace is a place that could not be read.
type UnreadPlace struct {
	Database string `json:"database"`
	Name     string `json:"name"`
	Why      string `json:"why"`
}

// Left reports whether something is where it should not be: any needle, or with a
// sample, whatever its erasure would miss.
func (s *Searched) Left() bool {
	return slices.ContainsFunc(s.Places, func(p FoundPlace) bool { return !s.sampled || p.Treatment == placeMissed })
}

// Complete reports whether everything could be read.
func (s *Searched) Complete() bool { return len(s.Unread) == 0 }

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

// Write prints the result.
func (s *Searched) Write(out io.Writer, asJSON bool) error {
	if asJSON {
		return writeJSON(out, s)
	}
	if len(s.Places) > 0 {
		t := NewTable("database", "table", "column", "rows", "needles", "what it is")
		for _, p := range s.Places {
			t.Row(p.Database, p.Table, p.Column, p.Rows, p.Needles, placeWords[p.Treatment])
		}
		if err := t.write(out, false); err != nil {
			return err
		}
		if _, err := fmt.Fprintln(out); err != nil {
			return err
		}
	}
	if len(s.Unread) > 0 {
		t := NewTable("database", "not read", "why")
		for _, u := range s.Unread {
			t.Row(u.Database, u.Name, u.Why)
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
		text = fmt.Sprintf("None of %s was found %s", count(s.Needles, "needle"), read)
	case !s.sampled:
		text = fmt.Sprintf("%d of %s found %s", s.Found, count(s.Needles, "needle"), read)
	case s.Left():
		text = fmt.Sprintf("An erasure of these %s would miss the rows marked MISSED; searched for %s %s", count(s.Responses, "response"), count(s.Needles, "piece"), read)
	default:
		text = fmt.Sprintf("An erasure of these %s would miss nothing; searched for %s %s", count(s.Responses, "response"), count(s.Needles, "piece"), read)
	}
	if !s.Complete() {
		text += fmt.Sprintf("; %s NOT read and may contain more", count(len(s.Unread), "place"))
	}
	return text + "."
}

func megabytes(n int64) string { return fmt.Sprintf("%.1f MB", float64(n)/bytesOfAMega) }
