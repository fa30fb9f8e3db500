package porttest

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"testing"
	"time"

	"github.com/google/uuid"

	"lethe/domain"
)

// UsageFixture is an empty implementation of UsageRecords and ways to fill it.
type UsageFixture interface {
	UsageRecords() domain.UsageRecords
	AddUsage(UsageRow)
	AddCharge(Charge)
}

// Charge is an amount taken from a balance for a response.
type Charge struct {
	Response uuid.UUID
	Amount   domain.Decimal // positive or negative
	NoUsage  bool           // for something other than its use
}

// UsageRecords tests the contract of domain.UsageRecords.
func UsageRecords(t *testing.T, newFixture func(t *testing.T) UsageFixture) {
	t.Run("latest record", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		full := func(id uuid.UUID, at time.Time, n int64) UsageRow {
			return UsageRow{
				Response: id, At: at, PromptTokens: &n, CompletionTokens: ptr(n + 1), TotalTokens: ptr(2*n + 1),
				ReasoningTokens: n / 2, PromptPrice: ptr(domain.Decimal("0.00000100")), CompletionPrice: ptr(domain.Decimal("0.00000300")),
			}
		}
		once, often, tight, bare, priceless, big := uuid.New(), uuid.New(), uuid.New(), uuid.New(), uuid.New(), uuid.New()
		f.AddUsage(full(once, start, 10))
		f.AddUsage(full(often, start.Add(time.Hour), 20)) // stored neither first nor last
		f.AddUsage(full(often, start.Add(2*time.Hour), 30))
		f.AddUsage(full(often, start, 40))
		f.AddUsage(full(tight, start.Add(time.Microsecond), 50))
		f.AddUsage(full(tight, start, 60))
		f.AddUsage(full(bare, start, 70))
		f.AddUsage(UsageRow{Response: bare, At: start.Add(time.Hour)}) // newest, although it contains less
		unpriced := full(priceless, start, 80)
		unpriced.CompletionPrice = nil
		f.AddUsage(unpriced)
		f.AddUsage(UsageRow{
			Response: big, At: start, PromptTokens: ptr(int64(3_000_000_000)), CompletionTokens: ptr(int64(1)), TotalTokens: ptr(int64(3_000_000_001)),
			PromptPrice: ptr(domain.Decimal("0.00000033")), CompletionPrice: ptr(domain.Decimal("0.12345678")),
		})
		f.AddUsage(full(uuid.New(), start, 90))

		want := map[uuid.UUID]string{
			once:      "10 11 21 5 0.000043",
			often:     "30 31 61 15 0.000123",
			tight:     "50 51 101 25 0.000203",
			bare:      "- - - 0 -",
			priceless: "80 81 161 40 -",
			big:       "3000000000 1 3000000001 0 990.12345678",
		}
		ids := []uuid.UUID{once, often, tight, bare, priceless, big, uuid.New(), uuid.Nil, once}
		got, err := f.UsageRecords().Latest(t.Context(), ids)
		if err != nil {
			t.Fatal(err)
		}
		if len(got) != len(want) {
			t.Errorf("want usage of %d responses, got %d", len(want), len(got))
		}
		for id, w := range want {
			if g := showUsage(got[id]); g != w {
				t.Errorf("want %s, got %s", w, g)
			}
		}
	})
	t.Run("charges", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		known, priceless, gone, refunded, credited, free := uuid.New(), uuid.New(), uuid.New(), uuid.New(), uuid.New(), uuid.New()
		f.AddUsage(UsageRow{Response: known, At: start, PromptTokens: ptr(int64(1)), CompletionTokens: ptr(int64(1)),
			PromptPrice: ptr(domain.Decimal("1")), CompletionPrice: ptr(domain.Decimal("1"))})
		f.AddCharge(Charge{Response: known, Amount: "9"})
		f.AddUsage(UsageRow{Response: priceless, At: start, PromptTokens: ptr(int64(3))})
		f.AddCharge(Charge{Response: priceless, Amount: "-0.25"})
		f.AddCharge(Charge{Response: gone, Amount: "7"})
		f.AddCharge(Charge{Response: gone, Amount: "-0.000000000000125"}) // the last one counts
		f.AddCharge(Charge{Response: refunded, Amount: "4"})
		f.AddCharge(Charge{Response: refunded, Amount: "5", NoUsage: true})
		f.AddCharge(Charge{Response: credited, Amount: "6", NoUsage: true})
		f.AddUsage(UsageRow{Response: free, At: start, PromptTokens: ptr(int64(4))})
		want := map[uuid.UUID]string{
			known: "1 1 - 0 2", priceless: "3 - - 0 0.25", gone: "- - - - 0.000000000000125", refunded: "- - - - 4", free: "4 - - 0 -",
		}
		got, err := f.UsageRecords().Latest(t.Context(), []uuid.UUID{known, priceless, gone, gone, refunded, credited, free, uuid.New()})
		if err != nil || len(got) != len(want) {
			t.Errorf("want usage of %d responses, got %d, %v", len(want), len(got), err)
		}
		for id, w := range want {
			if g := showUsage(got[id]); g != w {
				t.Errorf("want %s, got %s", w, g)
			}
		}
	})
	t.Run("no usage", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		f.AddUsage(UsageRow{Response: uuid.New(), At: start})
		for _, ids := range [][]uuid.UUID{nil, {}, {uuid.New()}} {
			if got, err := f.UsageRecords().Latest(t.Context(), ids); err != nil || len(got) != 0 {
				t.Errorf("%v: want none, got %v, %v", ids, got, err)
			}
		}
	})
	t.Run("101 responses", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		var ids []uuid.UUID
		for i := range 101 {
			ids = append(ids, uuid.New())
			f.AddUsage(UsageRow{Response: ids[i], At: start, PromptTokens: ptr(int64(i))})
		}
		got, err := f.UsageRecords().Latest(t.Context(), ids)
		if err != nil {
			t.Fatal(err)
		}
		for i, id := range ids {
			if n := got[id].PromptTokens; n == nil || *n != int64(i) {
				t.Errorf("response %d: want %d prompt tokens, got %s", i, i, showUsage(got[id]))
			}
		}
	})
	t.Run("canceled context", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := f.UsageRecords().Latest(ctx, []uuid.UUID{uuid.New()}); !errors.Is(err, context.Canceled) {
			t.Errorf("want the context's error, got %v", err)
		}
	})
}

// showUsage writes a cost as its number: trailing zeros mean nothing.
func showUsage(u domain.Usage) string {
	n := func(n *int64) string {
		if n == nil {
			return "-"
		}
		return fmt.Sprint(*n)
	}
	cost := "-"
	if u.Cost != nil {
		cost = "no number"
		if r, ok := new(big.Rat).SetString(string(*u.Cost)); ok {
			digits, _ := r.FloatPrec()
			cost = r.FloatString(digits)
		}
	}
	return fmt.Sprintf("%s %s %s %s %s", n(u.PromptTokens), n(u.CompletionTokens), n(u.TotalTokens), n(u.ReasoningTokens), cost)
}
