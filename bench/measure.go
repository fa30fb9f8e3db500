package main

import (
	"context"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
)

// How many rows are there to be erased, for each second of driving.
const (
	erasuresAlone, erasuresTogether = 1500, 4000
	erasuresInBulk                  = 20_000
)

// measuring is what a run needs to play scenarios.
type measuring struct {
	setup
	cfg    config
	conn   *pgx.Conn
	db     postmaster // 0: processor time is left out
	driver clients
	random *mathrand.Rand
	ids    erasable
	loaded int // rows to erase so far
}

func (m *measuring) duration() time.Duration {
	return time.Duration(m.cfg.seconds * float64(time.Second))
}

// grow loads the rows, and measures what a list costs whenever there are ten
// times as many. Each time doctor may see something to advise: it needs rows to
// recognize a table that is crowded by batches.
func (m *measuring) grow(ctx context.Context, dbURL string, follow func() error) (curve []point, err error) {
	firstPage := func(user int, query string) *scenario {
		return &scenario{name: "list", method: "GET", key: key(user), want: 200, paths: [2][]string{{listPath + query}, {listPath + query}}}
	}
	lines := []struct {
		name  string
		sc    *scenario
		sides []*program // the quickest counts
	}{
		{"service: large owner", firstPage(largeOwner, "?count=none"), []*program{m.service}},
		{"service: large owner, count=auto", firstPage(largeOwner, ""), []*program{m.service}},
		{"service: everyone", firstPage(manager, "?count=none"), []*program{m.service}},
		{"service: everyone, count=auto", firstPage(manager, ""), []*program{m.service}},
		{"floor: large owner", firstPage(largeOwner, ""), m.floors[:]},
		{"floor: everyone", firstPage(manager, ""), m.floors[:]},
	}
	for loaded, next := 0, minRows; loaded < m.cfg.rows; next *= 10 {
		next = min(next, m.cfg.rows)
		progress("loading up to %d responses", next)
		if err := load(ctx, dbURL, loaded+1, next, m.cfg.users, m.cfg.batchRows); err != nil {
			return nil, err
		}
		if err := follow(); err != nil {
			return nil, err
		}
		loaded = next
		at := point{Rows: loaded, P50: map[string]float64{}}
		for _, line := range lines {
			for i, p := range line.sides {
				if _, err := m.driver.drive(ctx, line.sc, p, line.sc.supply(0), 1, warmUp); err != nil {
					return nil, err
				}
				cost, err := m.driver.drive(ctx, line.sc, p, line.sc.supply(0), 1, time.Second)
				if err != nil {
					return nil, err
				}
				if p50 := cost.P50.Seconds() * 1000; i == 0 || p50 < at.P50[line.name] {
					at.P50[line.name] = p50
				}
			}
		}
		curve = append(curve, at)
	}
	return curve, nil
}

// chooseFloors gives each list the quicker of the floor's two forms.
func (m *measuring) chooseFloors(ctx context.Context, all []*scenario) (chosen []form, err error) {
	const trials = 3
	ratios := map[string]float64{}
	for _, sc := range all {
		if sc.name != sc.form || sc.alone {
			continue
		}
		progress("which form of the floor is quicker for %q", sc.name)
		var found []float64
		for _, conns := range []int{1, 16} {
			for range trials {
				var rates [2]float64
				for _, which := range shuffled(m.random) {
					made, err := m.driver.drive(ctx, sc, m.floors[which], sc.supply(1), conns, max(time.Second/2, m.duration()/2))
					switch {
					case errors.Is(err, errTooSlow): // at most so many; the other form may be quicker
						rates[which] = float64(conns) / answerWithin.Seconds()
					case err != nil:
						return nil, err
					default:
						rates[which] = made.Rate
					}
				}
				found = append(found, rates[1]/rates[0])
			}
		}
		ratios[sc.name] = median(found)
		chosen = append(chosen, form{sc.name, ratios[sc.name] > 1, ratios[sc.name]})
	}
	for _, sc := range all {
		if ratios[sc.form] > 1 {
			sc.floor = m.floors[1]
		}
	}
	return chosen, nil
}

// play drives one side, 0 is the service.
func (m *measuring) play(ctx context.Context, sc *scenario, side, conns int, d time.Duration) (made sample, err error) {
	p := []*program{sc.service, sc.floor}[side]
	drive := func(supply func() (string, error)) (sample, error) {
		return metered(p, m.db, func() (sample, error) { return m.driver.drive(ctx, sc, p, supply, conns, d) })
	}
	if !sc.erase {
		return drive(sc.supply(side))
	}
	defer m.ids.take(perSecond(conns), d, m.loaded)()
	return drive(m.ids.supply)
}

func perSecond(conns int) int {
	if conns == 1 {
		return erasuresAlone
	}
	return erasuresTogether
}

// addErasable loads what the scenarios at so many connections will erase.
func (m *measuring) addErasable(ctx context.Context, played []*scenario, conns int) error {
	need := float64(m.ids.next.Load())
	for _, sc := range played {
		if sc.erase {
			need += 2 * float64(perSecond(conns)) * (m.cfg.seconds*float64(m.cfg.rounds) + warmUp.Seconds())
		}
		if sc.bulk {
			need += float64(m.inBulk() * m.cfg.rounds)
		}
	}
	if int(need) <= m.loaded {
		return nil
	}
	progress("loading %d rows to erase", int(need)-m.loaded)
	err := addErasable(ctx, m.conn, m.loaded+1, int(need))
	m.loaded = int(need)
	return err
}

// measure plays every scenario in turns, and fills in the report.
func (m *measuring) measure(ctx context.Context, all []*scenario, r *report) error {
	for _, conns := range connections {
		var played []*scenario
		for _, sc := range all {
			if sc.playedAt(conns) {
				played = append(played, sc)
			}
		}
		if err := m.addErasable(ctx, played, conns); err != nil {
			return err
		}
		results := make([]*result, len(played))
		for i, sc := range played {
			results[i] = &result{Scenario: sc.name, Note: sc.note, Connections: conns}
			for side := range sc.sides() {
				if _, err := m.play(ctx, sc, side, conns, warmUp); err != nil {
					return err
				}
			}
		}
		for round := range m.cfg.rounds {
			progress("%d connections, round %d of %d", conns, round+1, m.cfg.rounds)
			for i, sc := range played {
				if err := m.playRound(ctx, sc, conns, results[i], r.Resident); err != nil {
					return err
				}
			}
		}
		m.driver.close()
		for _, res := range results {
			res.conclude()
		}
		r.Results = append(r.Results, results...)
	}
	return nil
}

// playRound drives both sides once, and notes the memory that they took at the
// most connections.
func (m *measuring) playRound(ctx context.Context, sc *scenario, conns int, res *result, resident map[string]memory) error {
	for _, side := range shuffled(m.random) {
		if side >= sc.sides() {
			continue
		}
		p := []*program{sc.service, sc.floor}[side]
		seen, watched := resident[p.name]
		stopWatching := func() {}
		if watched = conns == slices.Max(connections) && (p == m.service || p == m.floors[0] || p == m.floors[1]); watched {
			stopWatching = watch(p, &seen)
		}
		var made sample
		var err error
		if sc.bulk {
			var erased float64
			made, erased, err = m.playDuringErasure(ctx, sc, conns)
			res.erased = append(res.erased, erased)
		} else {
			made, err = m.play(ctx, sc, side, conns, m.duration())
		}
		stopWatching()
		if err != nil {
			return err
		}
		if watched {
			resident[p.name] = seen
		}
		res.samples[side] = append(res.samples[side], made)
	}
	return nil
}

// conclude fills in the medians of what was played.
func (res *result) conclude() {
	service, floor := res.samples[0], res.samples[1]
	res.Service, res.Floor = medianOf(service), medianOf(floor)
	if len(res.erased) > 0 {
		res.Erased = median(res.erased)
		res.Note = fmt.Sprintf("%.0f responses erased a second", res.Erased)
	}
	if len(floor) == 0 {
		return
	}
	ratio := func(of func(sample) float64) float64 {
		ratios := make([]float64, len(service))
		for i := range ratios {
			if below := of(floor[i]); below > 0 {
				ratios[i] = of(service[i]) / below
			}
		}
		return median(ratios)
	}
	res.Ratio = ratio(func(s sample) float64 { return s.Rate })
	res.Time = timeRatios{
		Total:    ratio(func(s sample) float64 { return float64(s.Process + s.Database) }),
		Process:  ratio(func(s sample) float64 { return float64(s.Process) }),
		Database: ratio(func(s sample) float64 { return float64(s.Database) }),
	}
}
