package domain

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// Figures are numbers of responses over time.
type Figures struct {
	From, To time.Time // of the creation of responses: at From or later, and before To
	Bucket   Bucket
	GroupBy  Grouping
	Basis    Basis
	Series   []FigureSeries // the largest first; the other ones together, if any, last
}

// FigureSeries is what belongs together by Figures.GroupBy.
type FigureSeries struct {
	Key    *string       // what they have in common; nil: nothing, or a tier that is not set
	Email  *string       // of an owner, if it is a known person
	Other  bool          // the series beyond MaxSeries, together
	Points []FigurePoint // in order; none for a bucket without responses
}

// FigurePoint is what one series has in one bucket.
type FigurePoint struct {
	Key       *string
	Other     bool
	At        time.Time // where the whole bucket begins, in UTC
	Responses int64
	Failures  int64          // of these, those whose state is failed
	Usage     Usage          // sums of what is recorded; nil: nothing is, or it was not counted
	P50, P95  *time.Duration // of the durations that are known: see Response.Duration
}

// Bucket is the width of buckets, which begin at full hours or days in UTC.
type Bucket string

// The buckets.
const (
	Hourly Bucket = "hour"
	Daily  Bucket = "day"
)

// Grouping is what makes the series of Figures; empty: all responses are one.
type Grouping string

// The groupings.
const (
	ByModel Grouping = "model"
	ByState Grouping = "state"
	ByTier  Grouping = "tier"
	ByOwner Grouping = "owner"
)

// Basis is what was counted.
type Basis string

// The bases.
const (
	BasisRows  Basis = "rows"  // responses alone: tokens and costs are unknown
	BasisUsage Basis = "usage" // responses with their newest usage records
)

// Limits of Figures.
const (
	MaxSeries = 20

	day            = 24 * time.Hour
	maxHourly      = 31 * day
	maxDaily       = 400 * day
	defaultBuckets = 24 // of hours
	defaultDays    = 30
)

// Width is how long a whole bucket is.
func (b Bucket) Width() time.Duration {
	if b == Daily {
		return day
	}
	return time.Hour
}

// FigureQuery asks for points of the responses that pass the filter.
type FigureQuery struct {
	Filter  ResponseFilter // with both times of creation
	Bucket  Bucket
	GroupBy Grouping
}

// FiguresRequest is a caller's request for figures.
type FiguresRequest struct {
	List     ListRequest // which responses; only its filters matter, and not its times
	From, To *time.Time  // nil: the last 24 hours, or 30 days, to now
	Bucket   Bucket      // empty: Hourly
	GroupBy  Grouping
}

// figures sets the defaults and checks the limits.
func (r FiguresRequest) figures(now time.Time) (Figures, error) {
	f := Figures{To: ToMicroseconds(now), Bucket: cmp.Or(r.Bucket, Hourly), GroupBy: r.GroupBy}
	most, buckets := maxHourly, defaultBuckets
	if f.Bucket == Daily {
		most, buckets = maxDaily, defaultDays
	}
	if r.To != nil {
		f.To = ToMicroseconds(*r.To)
	}
	width := f.Bucket.Width()
	f.From = f.To.Add(-time.Microsecond).Truncate(width).Add(-time.Duration(buckets-1) * width)
	if r.From != nil {
		f.From = ToMicroseconds(*r.From)
	}
	switch {
	case f.To.Year() < 3 || !Sayable(f.To): // From has to be sayable, too
		return Figures{}, errParameter("to", "to: must be in the years 3 to 9999")
	case !f.From.Before(f.To):
		return Figures{}, errParameter("from", "from: must be before to")
	case f.To.Sub(f.From) > most:
		return Figures{}, errParameter("from", fmt.Sprintf("from: must be at most %d days before to with bucket=%s", most/day, f.Bucket))
	}
	return f, nil
}

// query narrows the filter to the time of the figures.
func (f Figures) query(filter ResponseFilter) FigureQuery {
	last := f.To.Add(-time.Microsecond)
	filter.CreatedAfter, filter.CreatedBefore = &f.From, &last
	return FigureQuery{Filter: filter, Bucket: f.Bucket, GroupBy: f.GroupBy}
}

// Edges are where a point's bucket begins and ends within the figures.
func (f Figures) Edges(p FigurePoint) (from, to time.Time) {
	from, to = p.At, p.At.Add(f.Bucket.Width())
	if from.Before(f.From) {
		from = f.From
	}
	if to.After(f.To) {
		to = f.To
	}
	return from, to
}

// seriesOf puts points in series, and these in order.
func seriesOf(points []FigurePoint) []FigureSeries {
	slices.SortFunc(points, func(a, b FigurePoint) int { return a.At.Compare(b.At) })
	series := []FigureSeries{}
	totals := map[string]int64{}
	for _, p := range points {
		i := slices.IndexFunc(series, func(s FigureSeries) bool { return s.name() == p.name() })
		if i < 0 {
			i = len(series)
			series = append(series, FigureSeries{Key: p.Key, Other: p.Other})
		}
		series[i].Points = append(series[i].Points, p)
		totals[p.name()] += p.Responses
	}
	slices.SortFunc(series, func(a, b FigureSeries) int {
		if a.Other != b.Other {
			if a.Other {
				return 1
			}
			return -1
		}
		return cmp.Or(cmp.Compare(totals[b.name()], totals[a.name()]), cmp.Compare(a.name(), b.name()))
	})
	return series
}

// name tells series apart.
func (s FigureSeries) name() string { return FigurePoint{Key: s.Key, Other: s.Other}.name() }

func (p FigurePoint) name() string {
	switch {
	case p.Other:
		return "other"
	case p.Key == nil:
		return ""
	}
	return "=" + *p.Key
}
