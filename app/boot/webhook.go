package boot

import (
	"errors"
	"fmt"
	"io/fs"
	"time"

	"lethe/adapters/webhook"
	"lethe/app/config"
)

// NewWebhook returns the configured webhook; nil: there is none.
func NewWebhook(cfg *config.Config) (*webhook.Webhook, error) {
	if cfg.Webhook.URL == "" {
		return nil, nil
	}
	text, from := cfg.Webhook.Secret, "webhook.secret"
	if file := cfg.Webhook.SecretFile; file != "" {
		read, err := ReadBounded(file, MaxKeyFile)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil, fmt.Errorf("open secret file %q: not found: correct webhook.secret_file, or %s > %[1]s, readable by this user only", file, webhook.Advice)
		case err != nil:
			return nil, fmt.Errorf("read the secret of the webhook: %w: correct webhook.secret_file, or make the file readable by this user", err)
		}
		text, from = string(read), file
	}
	secret, err := webhook.ParseSecret(text)
	if err != nil {
		return nil, fmt.Errorf("the secret of the webhook in %s %w", from, err)
	}
	return webhook.New(cfg.Webhook.URL, secret, time.Now)
}
