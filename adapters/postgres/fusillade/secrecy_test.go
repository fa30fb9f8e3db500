package fusillade

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"lethe/adapters/postgres"
	"lethe/domain"
)

// fill adds n responses of one request each, with a copy and a task each.
const fill = `
	WITH r AS (
		SELECT gen_random_uuid() AS id, gen_random_uuid() AS template, gen_random_uuid() AS instance FROM generate_series(1, $1)
	), queue AS (
		INSERT INTO underway.task_queue (name) VALUES ('create-response') ON CONFLICT DO NOTHING
	), templates AS (
		INSERT INTO fusillade.request_templates (id, endpoint, method, path, body, model, api_key)
		SELECT template, 'http://upstream.test', 'POST', '/v1/responses', 'quinquagesima', 'm', 'key' FROM r
	), requests AS (
		INSERT INTO fusillade.requests (id, template_id, state, response_status, response_body, completed_at, model, created_by)
		SELECT id, template, 'completed', 200, 'sexagesima', now(), 'm', $2 FROM r
	), usage AS (
		INSERT INTO public.http_analytics (instance_id, correlation_id, timestamp, method, uri, fusillade_request_id)
		SELECT instance, 1, now(), 'POST', '/v1/responses', id FROM r
	), raw_requests AS (
		INSERT INTO outlet.http_requests (instance_id, correlation_id, timestamp, method, uri, headers)
		SELECT instance, 1, now(), 'POST', '/v1/responses', '{}' FROM r
	), raw_responses AS (
		INSERT INTO outlet.http_responses (instance_id, correlation_id, timestamp, status_code, headers, duration_to_first_byte_ms, duration_ms)
		SELECT instance, 1, now(), 200, '{}', 1, 2 FROM r
	), tasks AS (
		INSERT INTO underway.task (id, task_queue_name, input)
		SELECT gen_random_uuid(), 'create-response', jsonb_build_object('step_input', jsonb_build_object('request_id', id)) FROM r
	)
	SELECT id FROM r`

func (b *fixture) fill(n int, owner string) []uuid.UUID {
	b.t.Helper()
	rows, err := b.owner.Pool().Query(b.t.Context(), fill, n, owner)
	if err != nil {
		b.t.Fatal(err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	if err != nil {
		b.t.Fatal(err)
	}
	return ids
}

// each calls do for every item, from eight goroutines.
func each[T any](items []T, do func(T)) {
	var callers sync.WaitGroup
	queue := make(chan T, len(items))
	for _, item := range items {
		queue <- item
	}
	close(queue)
	for range 8 {
		callers.Go(func() {
			for item := range queue {
				do(item)
			}
		})
	}
	callers.Wait()
}

// TestReceiptsRevealNothing: no value derived from an owner or an id occurs in two
// of 10,000 receipts, although nearly all have the same owner, and those of bulk
// erasures the same secret. Every other value occurs in receipts of another owner,
// too. Receipts contain nothing else.
func TestReceiptsRevealNothing(t *testing.T) {
	t.Parallel()
	b := newFixture(t, postgres.Config{MaxConns: 8})
	person := domain.Principal{ID: uuid.New(), Email: "septuagesima@example.test", Roles: []domain.Role{domain.RoleBatchAPIUser}}
	other := domain.Principal{ID: uuid.New(), Email: "other@example.test", Roles: person.Roles}
	eraser := domain.NewEraseResponse(b.responses, time.Now)
	erasures, err := NewErasures(b.responses.src.Primary, "outlet", TestIssuer)
	if err != nil {
		t.Fatal(err)
	}
	secret, rule := domain.Salt([]byte("quadragesima quadragesima quadra")), domain.RuleVersion{ID: uuid.New(), Version: 3}
	// many erases so many responses in bulk, each with its own receipt.
	many := func(target domain.ErasureTarget, caller domain.Principal, trigger domain.Trigger, n int) {
		e := domain.Erasure{
			ID: uuid.New(), Trigger: trigger, Kind: target.Kind(), Target: &target, AsOf: time.Now(), Ground: domain.GroundRequest,
			Ticket: "quinquagesima", IdempotencyKey: uuid.NewString(), RequestedAt: time.Now(), RequestedBy: &caller.ID,
			Role: domain.ActorOwner, Secret: &secret, State: domain.ErasurePending,
		}
		if trigger == domain.TriggerRetention {
			e.Rule, e.Ground, e.RequestedBy, e.Role = &rule, domain.GroundRetention, nil, domain.ActorSystem
		}
		if _, _, err := erasures.Create(t.Context(), e); err != nil {
			t.Error(err)
		}
		for !e.State.Finished() {
			var err error
			e, err = erasures.Advance(t.Context(), e.ID, 1, func(e domain.Erasure, parts []domain.Part) ([]domain.Verdict, domain.Authorization) {
				return make([]domain.Verdict, len(parts)), domain.Authorization{
					Receipt: uuid.New(), Salt: *e.Secret, Shared: true, Trigger: e.Trigger, Rule: e.Rule,
					Ground: e.Ground, RequestedAt: e.RequestedAt, Actor: e.RequestedBy, Role: e.Role,
				}
			})
			if err != nil {
				t.Error(err)
				return
			}
		}
		if e.Done != int64(n) || e.Receipts != int64(n) {
			t.Errorf("erased %d of %d responses with %d receipts", e.Done, n, e.Receipts)
		}
	}
	var ids []uuid.UUID
	fill := func(n int, caller domain.Principal) []uuid.UUID {
		filled := b.fill(n, caller.ID.String())
		ids = append(ids, filled...)
		return filled
	}
	// erase makes twelve times n receipts, in every way there is.
	erase := func(n int, caller domain.Principal) {
		each(fill(2*n, caller), func(id uuid.UUID) {
			if _, _, err := eraser.Execute(t.Context(), caller, id, false); err != nil {
				t.Error(err)
			}
		})
		each(slices.Collect(slices.Chunk(fill(8*n, caller), 40)), func(named []uuid.UUID) {
			many(domain.ErasureTarget{Responses: named}, caller, domain.TriggerBulk, len(named))
		})
		fill(n, caller)
		many(domain.ErasureTarget{Owner: &caller.ID}, caller, domain.TriggerBulk, n)
		fill(n, caller)
		many(domain.ErasureTarget{Filter: &domain.ResponseFilter{Models: []string{"m"}}}, caller, domain.TriggerRetention, n)
	}
	const of, ofOther = 12 * 830, 12 * 10
	erase(of/12, person)
	before := b.bodies()
	erase(ofOther/12, other)
	all := b.bodies()
	if t.Failed() || len(before) != of || len(all) != of+ofOther {
		t.Fatalf("got %d and %d receipts of %d and %d erasures", len(before), len(all)-len(before), of, ofOther)
	}

	const fields = "version id log level trigger ground requested_at executed_at actor tool build method counts responses owners verified not_covered"
	transactions := b.transactions()
	derived := map[string]bool{}
	values, othersValues := map[string]int{}, map[string]bool{}
	for id, body := range all {
		var receipt map[string]any
		if err := json.Unmarshal(body, &receipt); err != nil {
			t.Fatal(err)
		}
		want := strings.Fields(fields)
		if receipt["trigger"] == string(domain.TriggerRetention) {
			want = append(want, "rule")
		}
		slices.Sort(want)
		if got := slices.Sorted(maps.Keys(receipt)); !slices.Equal(got, want) {
			t.Fatalf("the fields are %q, want %q", got, want)
		}
		for _, name := range []string{"requested_at", "executed_at"} {
			delete(receipt, name) // times do not depend on owners
		}
		eachValue("", receipt, func(path, value string) {
			if strings.Trim(value, `"`) == transactions[id] {
				t.Errorf("%s is the transaction id", path)
			}
			if before[id] != nil {
				values[path+" "+value]++
			} else {
				othersValues[path+" "+value] = true
			}
		})
		for _, name := range []string{"id", "responses", "owners"} {
			eachValue("", receipt[name], func(_, value string) {
				if derived[value] {
					t.Errorf("%s %s occurs in two receipts", name, value)
				}
				derived[value] = true
			})
		}
	}
	for value, n := range values {
		if n > 1 && !othersValues[value] {
			t.Errorf("%q occurs in %d receipts of one owner and in none of another", value, n)
		}
	}
	if want := 3 * (of + ofOther); len(derived) != want {
		t.Errorf("got %d different ids and commitments, want %d", len(derived), want)
	}

	together := bytes.ToLower(bytes.Join(slices.Collect(maps.Values(all)), []byte("\n")))
	words := []string{"quadragesima", "quinquagesima", "sexagesima", "septuagesima", "example.test", "upstream.test"}
	for _, id := range append(ids, person.ID, other.ID, uuid.UUID(secret[:16])) {
		words = append(words, id.String(), hex.EncodeToString(id[:]),
			strings.ToLower(base64.RawStdEncoding.EncodeToString(id[:])), strings.ToLower(base64.RawStdEncoding.EncodeToString([]byte(id.String()))))
	}
	// All words are tried only where one of them may begin.
	const prefix = 10
	starts := map[string]bool{}
	for _, word := range words {
		starts[word[:prefix]] = true
	}
	for at := range len(together) - prefix {
		if starts[string(together[at:at+prefix])] {
			for _, word := range words {
				if bytes.HasPrefix(together[at:], []byte(word)) {
					t.Errorf("a receipt contains %q", word)
				}
			}
		}
	}
	if n := b.number("SELECT count(DISTINCT salt) FROM lethe.receipt_secrets WHERE octet_length(salt) = 32"); n != of+ofOther {
		t.Errorf("got %d salts of %d receipts", n, of+ofOther)
	}
}

// transactions are the ids of the transactions that wrote the receipts.
func (b *fixture) transactions() map[uuid.UUID]string {
	b.t.Helper()
	rows, err := b.owner.Pool().Query(b.t.Context(), "SELECT id, xmin::text FROM lethe.receipts")
	if err != nil {
		b.t.Fatal(err)
	}
	transactions := map[uuid.UUID]string{}
	var id uuid.UUID
	var xact string
	if _, err := pgx.ForEachRow(rows, []any{&id, &xact}, func() error {
		transactions[id] = xact
		return nil
	}); err != nil {
		b.t.Fatal(err)
	}
	return transactions
}

// bodies are the bodies of all receipts.
func (b *fixture) bodies() map[uuid.UUID][]byte {
	b.t.Helper()
	rows, err := b.owner.Pool().Query(b.t.Context(), "SELECT id, body FROM lethe.receipts")
	if err != nil {
		b.t.Fatal(err)
	}
	bodies := map[uuid.UUID][]byte{}
	var id uuid.UUID
	var body []byte
	if _, err := pgx.ForEachRow(rows, []any{&id, &body}, func() error {
		bodies[id] = bytes.Clone(body)
		return nil
	}); err != nil {
		b.t.Fatal(err)
	}
	return bodies
}

// eachValue calls visit with every value and its path.
func eachValue(path string, value any, visit func(path, value string)) {
	switch v := value.(type) {
	case map[string]any:
		for name, part := range v {
			eachValue(path+"."+name, part, visit)
		}
	case []any:
		for _, part := range v {
			eachValue(path+"[]", part, visit)
		}
	default:
		text, _ := json.Marshal(v) // decoded from JSON before
		visit(path, string(text))
	}
}

// chains makes chains of three out of responses, and returns the first of each.
const chains = `
	WITH s AS (
		SELECT gen_random_uuid() AS id, r.id AS request, (r.n - 1) / 3 AS chain, (r.n - 1) % 3 AS place
		FROM unnest($1::uuid[]) WITH ORDINALITY AS r (id, n)
	), steps AS (
		INSERT INTO fusillade.response_steps (id, request_id, parent_step_id, step_kind, step_sequence, request_payload)
		SELECT s.id, s.request, CASE WHEN s.place > 0 THEN head.id END, 'model_call', s.place, '{}'
		FROM s JOIN s head ON head.chain = s.chain AND head.place = 0
	)
	SELECT request FROM s WHERE place = 1`

// BenchmarkReceipts erases with and without receipts on eight connections,
// alternating every 1,000 responses. The median of the ratios is the cost of a
// receipt.
func BenchmarkReceipts(b *testing.B) {
	b.Run("single", func(b *testing.B) { benchmarkReceipts(b, (*fixture).fill) })
	b.Run("chain of 3", func(b *testing.B) {
		benchmarkReceipts(b, func(w *fixture, n int, owner string) []uuid.UUID {
			rows, err := w.owner.Pool().Query(b.Context(), chains, w.fill(3*n, owner))
			if err != nil {
				b.Fatal(err)
			}
			ids, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
			if err != nil {
				b.Fatal(err)
			}
			return ids
		})
	})
}

func benchmarkReceipts(b *testing.B, fill func(*fixture, int, string) []uuid.UUID) {
	w := newFixture(b, postgres.Config{MaxConns: 8})
	permit := func(domain.Found) (domain.Authorization, error) {
		return domain.Authorization{
			Receipt: uuid.New(), Trigger: domain.TriggerSingle, Ground: domain.GroundUnspecified, RequestedAt: time.Now(), Role: domain.ActorOwner,
		}, nil
	}
	erase := map[bool]func(uuid.UUID) error{
		true: func(id uuid.UUID) error {
			_, err := w.responses.Erase(b.Context(), id, nil, permit)
			return err
		},
		false: func(id uuid.UUID) error {
			return w.responses.src.Primary.Tx(b.Context(), func(tx *postgres.Tx) error {
				e := eraser{tx: tx}
				found, err := e.find(b.Context(), id, nil, w.responses.outlet)
				if err != nil {
					return err
				}
				if _, err := permit(domain.Found{Owners: found.owners}); err != nil {
					return err
				}
				_, err = e.delete(b.Context(), found.selection)
				return err
			})
		},
	}
	const turn = 1000
	round := func(receipts bool) time.Duration {
		ids := fill(w, turn, "somebody")
		begun := time.Now()
		each(ids, func(id uuid.UUID) {
			if err := erase[receipts](id); err != nil {
				b.Error(err)
			}
		})
		return time.Since(begun)
	}
	round(true)
	round(false)
	var with, without time.Duration
	var ratios []float64
	for n := 0; b.Loop(); n++ {
		first := n%2 == 0
		a, z := round(first), round(!first)
		if !first {
			a, z = z, a
		}
		with, without = with+a, without+z
		ratios = append(ratios, z.Seconds()/a.Seconds())
	}
	slices.Sort(ratios)
	b.ReportMetric(0, "ns/op") // would cover both
	b.ReportMetric(float64(turn*len(ratios))/with.Seconds(), "with/s")
	b.ReportMetric(float64(turn*len(ratios))/without.Seconds(), "without/s")
	b.ReportMetric(ratios[len(ratios)/2], "ratio")
}
