package users

import (
	"context"
	"log/slog"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/jackc/pgx/v5"

	"lethe/adapters/postgres"
)

const (
	// authChannel is where the triggers of keys and memberships notify. Changed roles
	// and deleted people cause no notification.
	authChannel = "auth_config_changed"

	maxReconnectWait = 30 * time.Second
	hangUpTimeout    = 2 * time.Second
)

// Listen calls onChange, from one goroutine, whenever the database notifies of changed
// keys or memberships, and whenever a notification may have been missed: when listening
// begins and when the connection is lost. It uses a connection to db's server outside
// of the pool, reconnects after a loss, and returns when ctx ends. Through a pooler
// that reassigns connections after each transaction it receives nothing, without an
// error.
func Listen(ctx context.Context, db *postgres.DB, log *slog.Logger, onChange func()) {
	wait := backoff.NewExponentialBackOff()
	wait.MaxInterval = maxReconnectWait
	reported := false
	for {
		err := listen(ctx, db, func() {
			wait.Reset()
			if reported {
				log.InfoContext(ctx, "Receiving changes of keys and memberships again")
				reported = false
			}
			onChange()
		}, onChange)
		if ctx.Err() != nil {
			return
		}
		if !reported {
			log.WarnContext(ctx, "Not receiving changes of keys and memberships; callers are cached for up to auth.cache_ttl", "error", postgres.MapError(err))
			reported = true
		}
		select {
		case <-time.After(wait.NextBackOff()):
		case <-ctx.Done():
			return
		}
	}
}

// listen returns when the connection fails or is lost; it calls begun once it is
// established.
func listen(ctx context.Context, db *postgres.DB, begun, onChange func()) error {
	cfg := db.Pool().Config().ConnConfig
	cfg.Tracer = nil // its queries are no pool's
	cfg.RuntimeParams["application_name"] += " listener"
	conn, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		return err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), hangUpTimeout)
		defer cancel()
		_ = conn.Close(ctx)
	}()
	if _, err := conn.Exec(ctx, "LISTEN "+pgx.Identifier{authChannel}.Sanitize()); err != nil {
		return err
	}
	begun()
	defer onChange()
	for {
		if _, err := conn.WaitForNotification(ctx); err != nil {
			return err
		}
		onChange()
	}
}
