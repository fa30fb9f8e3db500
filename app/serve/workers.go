package serve

import (
	"context"
	"runtime/debug"
	"runtime/metrics"
	"time"

	"github.com/google/uuid"

	"lethe/adapters/postgres/accesslog"
	"lethe/adapters/postgres/jobs"
	"lethe/app/boot"
	"lethe/app/config"
	"lethe/domain"
)

const (
	// removeEvery is how often the service looks for expired records of the access
	// log. Only one process works at a time.
	removeEvery  = 10 * time.Minute
	forgetRounds = 100 // at most, each time
)

// removeOldAccesses removes expired records of the access log.
func removeOldAccesses(w *workers, cfg *config.Config, s *stores) {
	w.repeat("access_log", removeEvery, 0, "Could not remove old records of the access log; will retry", func(ctx context.Context) (err error) {
		before := time.Now().Add(-cfg.AccessLog.Keep)
		var total int64
		for n, round := int64(accesslog.MaxRemoved), 0; round < forgetRounds && err == nil && n == accesslog.MaxRemoved; round++ {
			n, err = s.accessLog.RemoveOld(ctx, before)
			total += n
		}
		if total > 0 {
			w.log.Info("Removed old records of the access log", "records", total)
		}
		return err
	})
}

// watchSubjects counts requests of people that wait for an answer, and forgets the people
// of those that ended long ago.
func watchSubjects(w *workers, cfg *config.Config, s *stores) error {
	waiting, err := w.metrics.WatchSubjectRequests()
	if err != nil {
		return err
	}
	w.repeat("subject_requests", removeEvery, 0, "Could not forget the people of old subject requests; will retry", func(ctx context.Context) error {
		forgotten, err := s.subjects.Forget(ctx, time.Now().Add(-cfg.SubjectRequests.Keep))
		if forgotten > 0 {
			w.log.Info("Forgot the people of subject requests that ended long ago", "subject_requests", forgotten)
		}
		return err
	})
	w.repeat("subject_requests", lookAtHeldEvery, 0, "Could not count subject requests that wait for an answer; will retry", func(ctx context.Context) error {
		found, err := s.subjects.Waiting(ctx, time.Now())
		if err == nil {
			waiting.Looked(found.Open, found.NextDue)
		}
		return err
	})
	return nil
}

// sweepEvery is how often the service looks for erased requests that are due for a
// sweep. Processes share the work.
const sweepEvery = 15 * time.Second

// sweepErased removes what was written late for erased requests, and finishes erasures
// that a process left unfinished.
func sweepErased(w *workers, s *stores) {
	sweep := domain.NewSweepErased(s.responses, time.Now)
	w.repeat("sweep", sweepEvery, 0, "Could not sweep for late writes of erased responses; will retry", func(ctx context.Context) error {
		erased, err := sweep.Execute(ctx)
		if erased != (domain.Erased{}) {
			w.log.Info("Removed late writes of erased responses",
				"requests", erased.Requests, "templates", erased.Templates, "steps", erased.Steps,
				"raw_requests", erased.RawRequests, "raw_responses", erased.RawResponses, "tasks", erased.Tasks,
				"files", erased.Files, "kept_templates", erased.KeptTemplates, "retained", erased.Retained)
		}
		return err
	})
}

// rulesEvery is how often each process looks for retention rules that are due. Each run
// starts once.
const rulesEvery = 15 * time.Second

// runRules starts the runs of retention rules, but not in a database that was rolled
// back: rules that are enabled there may have been changed later.
func runRules(w *workers, s *stores, j *jobs.Jobs, rollback *rollbackGuard) {
	rules := domain.NewRunRules(s.retention, j, time.Now, w.log)
	w.repeat("retention", rulesEvery, workLogEvery, "Could not start retention rules that are due; will retry", func(ctx context.Context) error {
		if err := rollback.check(ctx); err != nil {
			return err
		}
		return rules.Execute(ctx)
	})
}

const (
	// orphansEvery is how often the service checks whether a pass over the raw copies
	// is due. Processes share the work.
	orphansEvery = time.Minute
	orphansRate  = 2000 // copies checked per second
)

// sweepOrphans removes raw copies whose request is gone, if that is enabled. It waits
// while it cannot know which requests exist: while the database was rolled back or
// holds content that cannot be served.
func sweepOrphans(w *workers, cfg *config.Config, s *stores, b *background, places *boot.Places) {
	if !cfg.Erasure.Orphans {
		return
	}
	sweep := domain.NewSweepOrphans(s.orphans, config.PerSecond(orphansRate).Pace(), time.Now)
	w.repeat("orphans", orphansEvery, workLogEvery, "Could not remove all raw copies whose request is gone; will retry", func(ctx context.Context) error {
		if err := b.reliable(ctx, places); err != nil {
			return err
		}
		erased, err := sweep.Execute(ctx)
		if erased != (domain.Erased{}) {
			w.log.Info("Removed raw copies whose request is gone", "raw_requests", erased.RawRequests, "raw_responses", erased.RawResponses)
		}
		return err
	})
}

// lookAtHeldEvery is how often the service checks whether something bypassed holds.
const lookAtHeldEvery = time.Minute

// watchHeld looks for held responses that are gone and for purges of held responses,
// and logs each held response that is gone once.
func watchHeld(w *workers, s *stores, rollback *rollbackGuard) error {
	bypassed, err := w.metrics.WatchHolds()
	if err != nil {
		return err
	}
	reported := map[uuid.UUID]bool{}
	w.repeat("holds", lookAtHeldEvery, 0, "Could not check whether held responses are gone; will retry", func(ctx context.Context) error {
		// In a database that was rolled back, responses that exist may have been erased.
		for _, do := range []func(context.Context) error{rollback.check, s.holds.See} {
			if err := do(ctx); err != nil {
				return err
			}
		}
		found, err := s.holds.Bypassed(ctx)
		if err != nil {
			return err
		}
		bypassed.Looked(len(found.Gone), found.Waiting, found.Failed)
		still := map[uuid.UUID]bool{}
		for _, g := range found.Gone {
			if still[g.Response] = true; !reported[g.Response] {
				w.log.Error("A held response is gone, but Lethe did not erase it", "hold", g.Hold, "response", g.Response)
			}
		}
		reported = still
		return nil
	})
	return nil
}

// attestEvery is how often the service checks what the standbys have replayed.
const attestEvery = 5 * time.Second

// attestReplicated attests erasures that have reached all standbys, if standbys are
// configured.
func attestReplicated(w *workers, p *pools) error {
	if len(p.standbys) == 0 || p.outlet != nil { // outlet's standbys are not known
		return nil
	}
	attester, err := boot.NewAttester(p.fusillade.Primary)
	if err != nil {
		return err
	}
	standbys, err := attester.NewStandbys(p.standbys)
	if err != nil {
		return err
	}
	w.repeat("", attestEvery, sealLogEvery, "Could not check whether erased rows are gone from the standbys; will retry", func(ctx context.Context) error {
		_, passed, err := standbys.Attest(ctx)
		if passed > 0 {
			w.log.Warn("Erased requests were written again and not removed in time, so their erasures get no receipt of level replicated", "erasures", passed)
		}
		return err
	})
	return nil
}

// watchPlaces logs when the service stops answering because the database holds content
// that cannot be served, and when it resumes.
func watchPlaces(w *workers, p *boot.Places) {
	closed := false
	w.repeat("", boot.LookAtPlacesEvery, 0, "Could not check whether the database holds content that cannot be served", func(ctx context.Context) error {
		if err := p.Look(ctx); err != nil {
			return err
		}
		holding := p.Reason(ctx)
		switch {
		case holding != nil && !closed:
			w.log.Error("The service is closed: it answers and erases nothing", "error", holding)
		case holding == nil && closed:
			w.log.Info("The service is open again: the database holds no content that cannot be served")
		}
		closed = holding != nil
		return nil
	})
}

const (
	// Left alone, the runtime collects garbage when the heap has doubled or after two
	// minutes, and returns only a part of the memory.
	lookAtMemoryEvery = 10 * time.Second
	muchMemory        = 512 << 10
)

// giveMemoryBack returns memory to the system after a burst: large responses, many
// connections, counting many responses.
func giveMemoryBack(w *workers) {
	least := uint64(0)
	whileServing(w.lc, every(lookAtMemoryEvery, func(context.Context) {
		if least > 0 && heldMemory() < least+muchMemory {
			return
		}
		debug.FreeOSMemory()
		giveProgramPagesBack()
		if now := heldMemory(); least == 0 || now < least {
			least = now
		}
	}))
}

// heldMemory is the memory that the runtime has from the system, in use or not.
func heldMemory() uint64 {
	figures := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(figures)
	return figures[0].Value.Uint64() - figures[1].Value.Uint64()
}
