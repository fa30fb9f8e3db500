package imports

import (
	"math/big"
	"math/rand/v2"
	"testing"

	"lethe/domain"
)

// TestPrices: they make every cost that prices have made before, exactly.
func TestPrices(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	of := func(p, c int64, units *big.Int) domain.Usage {
		cost := new(big.Rat).SetFrac(units, big.NewInt(100_000_000)).FloatString(8)
		return domain.Usage{PromptTokens: &p, CompletionTokens: &c, Cost: new(domain.Decimal(cost))}
	}
	for range 10_000 {
		p, c := random.Int64N(5000)*random.Int64N(2), random.Int64N(5000)*random.Int64N(2)
		cost := new(big.Int).Add(
			new(big.Int).Mul(big.NewInt(p), big.NewInt(random.Int64N(10_000))),
			new(big.Int).Mul(big.NewInt(c), big.NewInt(random.Int64N(10_000))))
		input, output, exact := prices(of(p, c, cost))
		if !exact {
			t.Fatalf("%d and %d tokens: no prices for %s", p, c, cost)
		}
		made := new(big.Int).Add(new(big.Int).Mul(big.NewInt(p), input.Int), new(big.Int).Mul(big.NewInt(c), output.Int))
		if made.Cmp(cost) != 0 || input.Exp != -8 || output.Exp != -8 || input.Int.Sign() < 0 || output.Int.Sign() < 0 {
			t.Fatalf("%d and %d tokens: %s at %s and %s, want %s", p, c, made, input.Int, output.Int, cost)
		}
	}
	for name, u := range map[string]domain.Usage{
		"no multiple":    of(10, 20, big.NewInt(5)),
		"nothing used":   of(0, 0, big.NewInt(1)),
		"too much":       of(1, 0, big.NewInt(maxPrice)),
		"too little":     of(7, 11, big.NewInt(1)),
		"negative":       of(1, 1, big.NewInt(-1)),
		"more digits":    {PromptTokens: new(int64(1)), CompletionTokens: new(int64(1)), Cost: new(domain.Decimal("0.000000001"))},
		"no number":      {PromptTokens: new(int64(1)), CompletionTokens: new(int64(1)), Cost: new(domain.Decimal("NaN"))},
		"tokens unknown": {CompletionTokens: new(int64(1)), Cost: new(domain.Decimal("1"))},
		"tokens missing": {PromptTokens: new(int64(1)), Cost: new(domain.Decimal("1"))},
	} {
		if input, output, exact := prices(u); exact || input.Valid || output.Valid {
			t.Errorf("%s: want no prices, got %v and %v", name, input, output)
		}
	}
	if input, _, exact := prices(domain.Usage{PromptTokens: new(int64(1))}); !exact || input.Valid {
		t.Errorf("no cost: want no prices, got %v", input)
	}
}
