package demo

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// keyName is the name of the printed keys.
const keyName = "demo"

// Access is what a user needs to try the demonstration.
type Access struct {
	// The secrets of the three keys; empty if revoked.
	Administrator, Manager, User string
	// Response is one of the user's, with several steps if one is left; the nil UUID
	// if they have none.
	Response uuid.UUID
	// Person has responses but none of the keys; the nil UUID if nobody is left.
	Person uuid.UUID
}

// ReadAccess reads what Fill has written; Access is empty if it has written nothing.
func ReadAccess(ctx context.Context, conn *pgx.Conn, schemas Schemas) (Access, error) {
	var a Access
	for _, k := range []struct {
		owner  person
		secret *string
	}{{administrator, &a.Administrator}, {manager, &a.Manager}, {user, &a.User}} {
		err := conn.QueryRow(ctx, `SELECT secret FROM public.api_keys
			WHERE user_id = $1 AND created_by = $1 AND name = $2 AND NOT is_deleted`, k.owner.id(), keyName).Scan(k.secret)
		if err != nil && !errors.Is(err, pgx.ErrNoRows) {
			return a, fmt.Errorf("read the keys: %w", err)
		}
	}
	err := conn.QueryRow(ctx, `
		SELECT r.id FROM `+pgx.Identifier{schemas.Fusillade, "requests"}.Sanitize()+` r
		LEFT JOIN `+pgx.Identifier{schemas.Fusillade, "response_steps"}.Sanitize()+` s ON s.request_id = r.id
		WHERE r.created_by = $1 AND r.state = 'completed' AND r.created_at < now() - interval '10 minutes'
		ORDER BY s.id IS NULL, s.parent_step_id IS NULL, r.created_at DESC LIMIT 1`, user.id().String()).Scan(&a.Response)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return a, fmt.Errorf("choose a response: %w", err)
	}
	err = conn.QueryRow(ctx, `
		SELECT u.id FROM public.users u
		JOIN `+pgx.Identifier{schemas.Fusillade, "requests"}.Sanitize()+` r ON r.created_by = u.id::text
		WHERE u.user_type = 'individual' AND u.id <> ALL ($1)
		GROUP BY u.id ORDER BY count(*) DESC, u.id LIMIT 1`,
		[]uuid.UUID{administrator.id(), manager.id(), user.id()}).Scan(&a.Person)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return a, fmt.Errorf("choose a person: %w", err)
	}
	return a, nil
}

// Print writes the keys and commands to copy; base is the service's URL.
func (a Access) Print(w io.Writer, base string) error {
	p := printer{w: w, url: base + "/admin/api/v1/batches/requests"}
	p.line("")
	p.line("Lethe listens on %s", base)
	p.line("")
	p.line("API keys, for the header Authorization: Bearer KEY")
	p.key("administrator (everyone's)", a.Administrator)
	p.key("platform manager (everyone's)", a.Manager)
	p.key("user (their own)", a.User)
	if a.Administrator != "" && a.Person != uuid.Nil {
		p.line("")
		p.line("For the commands in the README, paste this into another terminal:")
		p.line("  HOST=%s KEY=%s PERSON=%s", base, a.Administrator, a.Person)
	}
	p.line("")
	p.line("Commands to copy:")
	p.command("list the user's newest responses", a.User, "", "?limit=3")
	p.command("filter everyone's, as the platform manager", a.Manager, "", "?status=failed&model=openai/gpt-oss-120b,deepseek-ai/DeepSeek-V3.1&limit=2")
	if a.Response != uuid.Nil {
		one := "/" + a.Response.String()
		p.command("fetch one with its prompt and answer", a.User, "", one)
		p.command("erase it: all steps, prompts, answers and raw copies", a.User, "-i -X DELETE ", one)
		p.command("see that it is gone", a.User, "-i ", one)
	}
	p.line("")
	p.line("API reference: %s/openapi.yaml", base)
	p.line("Stop it with Ctrl-C; the data is kept for the next start.")
	return p.err
}

type printer struct {
	w   io.Writer
	url string
	err error
}

func (p *printer) line(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format+"\n", args...)
	}
}

func (p *printer) key(who, secret string) {
	if secret == "" {
		secret = "revoked; create one: see lethe keys create --help"
	}
	p.line("  %-30s %s", who, secret)
}

// command prints nothing if the key was revoked.
func (p *printer) command(what, secret, options, rest string) {
	if secret == "" {
		return
	}
	p.line("")
	p.line("  # %s", what)
	p.line(`  curl -sS -w '\n' %s-H 'Authorization: Bearer %s' '%s%s'`, options, secret, p.url, rest)
}
