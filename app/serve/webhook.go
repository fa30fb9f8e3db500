package serve

import (
	"context"
	"time"

	"golang.org/x/time/rate"

	"lethe/adapters/telemetry"
	"lethe/app/boot"
	"lethe/app/config"
	"lethe/domain"
)

const (
	// deliverEvery is how often each process looks for events that are due. Each is told
	// by one process at a time.
	deliverEvery = 2 * time.Second

	eventsKept = 30 * 24 * time.Hour // after their end
	// unheardKept is how long events are kept while nobody is told: a process that is
	// restarted without the URL by mistake loses none.
	unheardKept = 3 * 24 * time.Hour
)

// tellWebhook tells the webhook what has happened, if one is configured, and removes old
// events.
func tellWebhook(w *workers, cfg *config.Config, s *stores) error {
	hook, err := boot.NewWebhook(cfg)
	if err != nil {
		return err
	}
	keep := eventsKept
	if hook == nil {
		keep = unheardKept
	}
	w.repeat("webhook", removeEvery, 0, "Could not remove old events; will retry", func(ctx context.Context) error {
		_, err := s.events.Remove(ctx, time.Now().Add(-keep))
		return err
	})
	if hook == nil {
		return nil
	}
	watched, err := w.metrics.WatchWebhook()
	if err != nil {
		return err
	}
	deliver := domain.NewDeliverEvents(s.events, &countedWebhook{hook, watched, w, rate.Sometimes{Interval: workLogEvery}}, time.Now)
	w.repeat("webhook", deliverEvery, workLogEvery, "Could not look for events that the webhook is told of; will retry", func(ctx context.Context) error {
		givenUp, err := deliver.Execute(ctx)
		for _, e := range givenUp {
			watched.GaveUp()
			w.log.ErrorContext(ctx, "The webhook was never told of an event, and will not be", "event", e.ID, "type", e.Type, "attempts", e.Attempts)
		}
		return err
	})
	w.repeat("webhook", tallyEvery, workLogEvery, "Could not count events that the webhook is told of", func(ctx context.Context) error {
		waiting, err := s.events.Waiting(ctx)
		if err == nil {
			watched.Looked(waiting.Count, waiting.Oldest)
		}
		return err
	})
	return nil
}

// countedWebhook counts attempts, and logs failures, once a minute at most.
type countedWebhook struct {
	domain.Webhook
	metrics *telemetry.WebhookMetrics
	*workers
	failing rate.Sometimes
}

func (c *countedWebhook) Send(ctx context.Context, e domain.Event) error {
	err := c.Webhook.Send(ctx, e)
	if ctx.Err() == nil {
		c.metrics.Attempted(err == nil)
	}
	if err != nil && ctx.Err() == nil {
		c.failing.Do(func() {
			c.log.WarnContext(ctx, "The webhook could not be told of an event", "event", e.ID, "type", e.Type, "attempt", e.Attempts, "error", err)
		})
	}
	return err
}
