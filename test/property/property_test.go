package property_test

import (
	"flag"
	"math/rand/v2"
	"testing"

	"lethe/domain"
	"lethe/internal/memory"
	"lethe/test/property"
)

var (
	seed   = flag.Uint64("seed", 0, "repeat the worlds of this seed alone")
	worlds = flag.Int("worlds", 300, "how many worlds to make from each seed")
)

type fixture struct{ *memory.Store }

func (f fixture) Responses() domain.Responses       { return f.Store }
func (f fixture) UsageRecords() domain.UsageRecords { return f.Store }
func (f fixture) People() domain.People             { return f.Store }

func TestRulesOfAccess(t *testing.T) {
	t.Parallel()
	seeds := []uint64{1, 2, 3, rand.Uint64()}
	if *seed != 0 {
		seeds = []uint64{*seed}
	}
	t.Logf("seeds %d", seeds)
	kinds := make(map[string]int)
	for _, seed := range seeds {
		for kind, n := range property.Run(t, func(*testing.T) property.Fixture { return fixture{memory.New()} }, seed, *worlds) {
			kinds[kind] += n
		}
	}
	if t.Failed() {
		return
	}
	t.Logf("answers %v", kinds)
	for _, kind := range property.Kinds {
		if kinds[kind] == 0 {
			t.Errorf("answer %q: want a question that has it, got none", kind)
		}
	}
}
