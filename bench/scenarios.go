package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// Names of the scenarios, which the targets refer to.
const (
	listLarge      = "list, large owner"
	listLargeAuto  = "list, large owner, count=auto"
	listSmall      = "list, small owner"
	listSmallAuto  = "list, small owner, count=auto"
	listEveryone   = "list, everyone"
	listFiltered   = "list, by state and model"
	listOffset     = "list, deep page by offset"
	listCursor     = "list, deep page by cursor"
	listFewRows    = "list, large owner, of 20,000 rows"
	listErasing    = "list, large owner, during a bulk erasure"
	fetchOne       = "fetch"
	fetchOther     = "fetch of somebody else's" // the service records the access
	fetchMiss      = "miss"
	eraseOne       = "erase"
	listLargeCache = "list, large owner, caller cache"
	fetchCache     = "fetch, caller cache"
)

// A scenario is one kind of request, made of both sides.
type scenario struct {
	name   string
	note   string // detail that the name omits
	method string
	key    string
	want   int
	// paths are requested in turn, the service's first. prepare fills in an empty one.
	paths [2][]string
	erase bool // each request has another path, and none twice
	bulk  bool // is driven while the service erases in bulk
	// form is the scenario whose quicker form of the floor this one's list takes.
	form string
	// service and floor are asked if they are not those with usual settings.
	service, floor *program
	// alone has no floor: it is compared with another scenario of the service.
	alone bool
	conns []int // if not the usual ones

	perSecond int   // 0: as many as possible
	maxBody   int64 // bytes of an answer to keep
}

// offered is what this service supports.
type offered struct{ count, after bool }

func whatIsOffered(p *program) (o offered, err error) {
	res, err := http.Get(p.base + "/openapi.yaml")
	if err != nil {
		return o, err
	}
	defer func() { _ = res.Body.Close() }()
	contract, err := io.ReadAll(res.Body)
	o.count = regexp.MustCompile(`(?m)name: count\s*$`).Match(contract)
	o.after = regexp.MustCompile(`(?m)name: after\s*$`).Match(contract)
	return o, err
}

type setup struct {
	service, few, cached *program // few and cached may be nil
	// floors are the one that lists in two statements and the one that does so
	// in one. They differ in nothing else.
	floors  [2]*program
	rows    int
	offered offered
}

func list(query ...string) []string {
	values := url.Values{}
	for i := 0; i < len(query); i += 2 {
		values.Set(query[i], query[i+1])
	}
	return []string{listPath + "?" + values.Encode()}
}

func both(paths []string) [2][]string { return [2][]string{paths, paths} }

// scenarios are those that can run with s.
func scenarios(ctx context.Context, conn *pgx.Conn, s setup) ([]*scenario, error) {
	var ids, missing []string
	found, err := conn.Query(ctx, `SELECT id::text FROM fusillade.requests WHERE created_by = $1 ORDER BY hashtext(id::text) LIMIT 20000`, owner(largeOwner))
	if err != nil {
		return nil, err
	}
	if ids, err = pgx.CollectRows(found, pgx.RowTo[string]); err != nil {
		return nil, err
	}
	for i := range ids {
		ids[i] = listPath + "/" + ids[i]
		missing = append(missing, listPath+"/"+numbered("missing", i).String())
	}
	var ofLarge int
	if err := conn.QueryRow(ctx, `SELECT count(*) FROM fusillade.requests WHERE created_by = $1`, owner(largeOwner)).Scan(&ofLarge); err != nil {
		return nil, err
	}

	none := both(list("count", "none"))
	all := []*scenario{
		{name: listLarge, key: key(largeOwner), paths: none},
		{name: listLargeAuto, key: key(largeOwner), paths: both(list("count", "auto")), conns: fewConnections},
		{name: listSmall, key: key(smallOwner), paths: none},
		{name: listSmallAuto, key: key(smallOwner), paths: both(list("count", "auto")), conns: fewConnections},
		{name: listEveryone, key: key(manager), paths: none},
		{name: listFiltered, key: key(manager), paths: both(list("count", "none", "status", rareState, "model", rareModel))},
	}

	deep, err := deepPages(s, ofLarge)
	if err != nil {
		return nil, err
	}
	all = append(all, deep...)
	if s.few != nil {
		all = append(all, &scenario{name: listFewRows, key: key(largeOwner), paths: none, conns: fewConnections, service: s.few, alone: true})
	}
	all = append(all,
		&scenario{name: listErasing, key: key(largeOwner), paths: none, conns: fewConnections, bulk: true, alone: true},
		&scenario{name: fetchOne, key: key(largeOwner), paths: both(ids)},
		&scenario{name: fetchOther, key: key(manager), paths: both(ids)},
		&scenario{name: fetchMiss, key: key(largeOwner), want: http.StatusNotFound, paths: both(missing)},
	)
	if s.cached != nil {
		all = append(all,
			&scenario{name: listLargeCache, key: key(largeOwner), paths: none, conns: fewConnections, service: s.cached},
			&scenario{name: fetchCache, key: key(largeOwner), paths: both(ids), conns: fewConnections, service: s.cached},
		)
	}
	all = append(all, &scenario{name: eraseOne, method: http.MethodDelete, key: key(eraser), want: http.StatusNoContent, erase: true,
		conns: connections})
	for _, sc := range all {
		if sc.method == "" {
			sc.method = http.MethodGet
		}
		if sc.want == 0 {
			sc.want = http.StatusOK
		}
		if sc.service == nil {
			sc.service = s.service
		}
		if !sc.alone {
			sc.floor = s.floors[0]
		}
		if strings.HasPrefix(sc.name, "list") {
			switch sc.form = listLarge; {
			case sc.name == listFiltered:
				sc.form = listFiltered
			case sc.key == key(manager):
				sc.form = listEveryone
			}
		}
	}
	return all, nil
}

// deepPages are page 10,001 by offset and by cursor, of the large owner's where
// there are so many, else of everyone's, else half way down.
func deepPages(s setup, ofLarge int) ([]*scenario, error) {
	const wanted = 100_000
	deepKey, depth, whose := key(largeOwner), wanted, "large owner"
	if ofLarge <= wanted {
		deepKey, depth, whose = key(manager), min(wanted, s.rows/2), "everyone"
	}
	// The service lets one caller's deep pages wait in turns, and turns most of 64 away.
	deep := &scenario{name: listOffset, note: fmt.Sprintf("%s, after %d rows", whose, depth), key: deepKey, conns: fewConnections,
		paths: both(list("count", "none", "skip", strconv.Itoa(depth)))}
	if !s.offered.after {
		return []*scenario{deep}, nil
	}
	cursor := &scenario{name: listCursor, note: deep.note, key: deepKey}
	for side, p := range []*program{s.service, s.floors[0]} {
		next, err := cursorAt(p, deepKey, depth)
		if err != nil {
			return nil, err
		}
		cursor.paths[side] = list("count", "none", "after", next)
	}
	return []*scenario{deep, cursor}, nil
}

// cursorAt is the cursor after depth rows.
func cursorAt(p *program, key string, depth int) (string, error) {
	body, err := ask(p, http.MethodGet, fmt.Sprintf("%s?count=none&limit=10&skip=%d", listPath, depth-10), "", key, http.StatusOK)
	if err != nil {
		return "", err
	}
	var page struct {
		Next string `json:"next_cursor"`
	}
	if err := json.Unmarshal(body, &page); err != nil {
		return "", err
	}
	if page.Next == "" {
		return "", fmt.Errorf("%s: the page after %d rows has no next_cursor", p.name, depth-10)
	}
	return page.Next, nil
}

func ask(p *program, method, path, body, key string, want int) ([]byte, error) {
	r, err := http.NewRequest(method, p.base+path, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	r.Header.Set("Authorization", "Bearer "+key)
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	defer func() { _ = res.Body.Close() }()
	answer, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != want {
		err = fmt.Errorf("%s: %s %s answered %s: %.200s", p.name, method, path, res.Status, answer)
	}
	return answer, err
}

// compare fails if the two sides answer differently: the comparison would be
// meaningless.
func compare(sc *scenario) error {
	if sc.erase || sc.alone {
		return nil
	}
	var answers [2]map[string]any
	for side, p := range []*program{sc.service, sc.floor} {
		body, err := ask(p, sc.method, sc.paths[side][0], "", sc.key, sc.want)
		if err != nil {
			return err
		}
		if sc.want != http.StatusOK {
			return nil
		}
		if err := json.Unmarshal(body, &answers[side]); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
	}
	service, fromFloor := answers[0], answers[1]
	if data, is := service["data"].([]any); is {
		if len(data) == 0 {
			return fmt.Errorf("%s: the list is empty", sc.name)
		}
		service, fromFloor = map[string]any{"data": service["data"]}, map[string]any{"data": fromFloor["data"]}
	}
	maps.DeleteFunc(service, func(name string, value any) bool {
		other, has := fromFloor[name]
		same := has && reflect.DeepEqual(value, other)
		if same {
			delete(fromFloor, name)
		}
		return same
	})
	if len(service)+len(fromFloor) > 0 {
		one, _ := json.Marshal(service)
		other, _ := json.Marshal(fromFloor)
		return fmt.Errorf("%s: the service and the floor answer differently:\n%.600s\n%.600s", sc.name, one, other)
	}
	return nil
}

// supply hands out the paths for a side.
func (sc *scenario) supply(side int) func() (string, error) {
	paths := sc.paths[side]
	var next atomic.Int64
	return func() (string, error) {
		return paths[int(next.Add(1)-1)%len(paths)], nil
	}
}

var errNoneLeft = errors.New("everything is erased")

// erasable hands out each of some rows once.
type erasable struct{ next, end atomic.Int64 }

func (e *erasable) supply() (string, error) {
	n := e.next.Add(1)
	if n > e.end.Load() {
		return "", errNoneLeft
	}
	return listPath + "/" + uuid.UUID(numbered("e", int(n))).String(), nil
}

// take lets supply hand out so many rows a second for as long as d; what it
// returns puts back those that were not.
func (e *erasable) take(perSecond int, d time.Duration, loaded int) func() {
	e.end.Store(min(e.next.Load()+int64(float64(perSecond)*d.Seconds()), int64(loaded)))
	return func() { e.next.Store(min(e.next.Load(), e.end.Load())) }
}

// shuffled is the random order of the two sides in a round.
func shuffled(random *rand.Rand) []int {
	order := []int{0, 1}
	random.Shuffle(2, func(i, j int) { order[i], order[j] = order[j], order[i] })
	return order
}

func (sc *scenario) playedAt(conns int) bool {
	if sc.conns == nil {
		return slices.Contains(usualConnections, conns)
	}
	return slices.Contains(sc.conns, conns)
}

func (sc *scenario) sides() int {
	if sc.alone {
		return 1
	}
	return 2
}
