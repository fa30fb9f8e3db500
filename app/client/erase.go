package client

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/schollz/progressbar/v3"

	"lethe/app/config"
	"lethe/app/ops"
	"lethe/domain"
	"lethe/sdk/go"
)

// Outcomes of an erasure that have exit codes of their own.
var (
	ErrNotConfirmed = errors.New("not confirmed, so nothing was erased")
	ErrPartly       = errors.New("not everything was erased")
	ErrUnproven     = errors.New("the proof is not saved yet")
)

// Erase is what to erase: responses, everything of an owner, or what a filter matches.
type Erase struct {
	Responses      []string
	Filter         Filter
	Everything     bool // that the caller's list has
	LaterTurns     bool
	Ground, Ticket string
	Request        string   // subject request that asks for it; needs the owner alone
	Yes            bool     // do not ask
	Proof          string   // folder; empty: lethe-proof-ID
	Keys           []string // of the log; empty: the service's
}

// request returns what the service is asked for. e.Filter.Owner alone is everything of
// that owner; with other conditions it is one of the filter's.
func (c *Client) request(ctx context.Context, e Erase) (r lethe.ErasureRequest, err error) {
	f := e.Filter
	if f.MinTotalCost != 0 {
		return r, config.Misused("an erasure cannot be narrowed by costs: list the responses, and erase them by their identifiers")
	}
	after, before, err := f.moments()
	if err != nil {
		return r, err
	}
	failed, err := f.hasError()
	if err != nil {
		return r, err
	}
	responses, err := ids(e.Responses)
	if err != nil {
		return r, err
	}
	filter := lethe.ErasureFilter{
		States: f.States, Models: f.Models, Tiers: f.Tiers, CreatedAfter: after, CreatedBefore: before, HasError: failed,
		MinDurationMs: given(f.MinDurationMs), ResponseStatusMin: given(f.StatusMin), ResponseStatusMax: given(f.StatusMax),
	}
	narrowed := len(f.States)+len(f.Models)+len(f.Tiers) > 0 || after != nil || before != nil || failed != nil || f.MinDurationMs != 0 || f.StatusMin != 0 || f.StatusMax != 0
	r.IncludeLaterTurns = given(e.LaterTurns)
	switch {
	case len(responses) > 0 && !narrowed && f.Owner == "" && !e.Everything:
		r.Responses = responses
	case len(responses) > 0 || e.Everything && (narrowed || f.Owner != ""):
		return r, config.Misused("give only one of: identifiers of responses, --owner and conditions, or --everything")
	case e.Everything:
		r.Filter = &lethe.ErasureFilter{All: &e.Everything}
	case f.Owner != "" && !narrowed:
		r.Owner = &f.Owner
	case narrowed:
		if f.Owner != "" {
			if filter.MemberId, err = c.owner(ctx, f.Owner); err != nil {
				return r, err
			}
		}
		r.Filter = &filter
	default:
		return r, config.Misused("say what to erase: identifiers of responses, --owner, conditions such as --state, or --everything")
	}
	return r, nil
}

// subject returns the subject request that asks for an erasure; nil if none does.
func (e Erase) subject(r lethe.ErasureRequest) (*uuid.UUID, error) {
	if e.Request == "" {
		return nil, nil
	}
	if r.Owner == nil {
		return nil, config.Misused("a subject request asks for everything of a person: give --request with --owner alone")
	}
	id, err := one(e.Request)
	return &id, err
}

// owner returns whom an address or identifier names.
func (c *Client) owner(ctx context.Context, text string) (*uuid.UUID, error) {
	if id, err := domain.ParseID(text); err == nil {
		return &id, nil
	}
	answer, err := c.api.FindOwnersWithResponse(ctx, &lethe.FindOwnersParams{Q: text})
	if err != nil {
		return nil, c.explain(err)
	}
	var found []uuid.UUID
	for _, o := range answer.JSON200.Data {
		if strings.EqualFold(o.Email, text) {
			found = append(found, o.Id)
		}
	}
	if len(found) != 1 {
		return nil, fmt.Errorf("%d owners have the address %s: give the identifier, which \"lethe owners\" shows", len(found), text)
	}
	return &found[0], nil
}

// Erase previews an erasure, asks, erases, and saves and checks the proof.
//
// ErrNotConfirmed: nothing was erased. ErrPartly: something was held, refused or busy, or
// the erasure was canceled; the proof of the rest is saved. ErrUnproven: the erasure runs
// or is over, and "lethe erasures proof" saves its proof.
func (c *Client) Erase(ctx context.Context, e Erase) error {
	request, err := c.request(ctx, e)
	if err != nil {
		return err
	}
	subject, err := e.subject(request)
	if err != nil {
		return err
	}
	preview, err := c.api.PreviewErasureWithResponse(ctx, nil, request)
	if err != nil {
		return c.explain(err)
	}
	p := preview.JSON200
	c.describe(p)
	if p.Responses == 0 {
		if p.Held > 0 {
			return fmt.Errorf("%w: holds cover all of it; \"lethe holds list\" shows them", ErrPartly)
		}
		if c.say("There is nothing to erase."); subject == nil {
			return nil
		}
		// The subject request cannot be answered without an erasure that has finished.
	} else if !e.Yes {
		if err := c.confirm(p.Responses, request.Owner); err != nil {
			return err
		}
	}

	// The salt is sent only once, so there must be a place for it first.
	folder := e.Proof
	if folder == "" {
		if folder, err = os.MkdirTemp(".", "lethe-proof-"); err != nil {
			return fmt.Errorf("no place for the proof, so nothing was erased: %w; give a folder with --proof", err)
		}
	} else if err := newFolder(folder); err != nil {
		return err
	}
	// A second Ctrl-C ends the program at once; the first must not lose the salt.
	starting, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Minute)
	defer cancel()
	key := uuid.NewString()
	started, err := c.api.StartErasureWithResponse(starting, &lethe.StartErasureParams{IdempotencyKey: &key}, lethe.NewErasure{
		Responses: request.Responses, Owner: request.Owner, Filter: request.Filter, IncludeLaterTurns: request.IncludeLaterTurns,
		Token: &p.Token, Ground: (*lethe.NewErasureGround)(given(e.Ground)), Ticket: given(e.Ticket),
		SubjectRequest: subject,
	})
	if err != nil {
		_ = os.Remove(folder) // stays if it is not empty
		return c.explain(err)
	}
	erasure := started.JSON201
	if erasure == nil {
		erasure = started.JSON202
	}
	id := erasure.Id
	if e.Proof == "" {
		if named := "lethe-proof-" + id.String(); os.Rename(folder, named) == nil {
			folder = named
		}
	}
	err = errors.Join(
		keep(folder, saltFile, []byte(started.HTTPResponse.Header.Get("Receipt-Salt")+"\n")),
		keep(folder, erasureFile, started.Body),
	)
	if err != nil {
		return fmt.Errorf("erasure %s has started, but its salt could not be saved: %w", id, err)
	}
	c.say("Erasure %s has started.", id)
	last, err := c.watch(ctx, id)
	if err != nil {
		return c.interrupted(ctx, err, id, folder)
	}
	return c.prove(ctx, last, folder, e.Keys)
}

// describe says what a preview counted.
func (c *Client) describe(p *lethe.ErasurePreview) {
	atLeast := ""
	if !p.Complete {
		atLeast = "at least "
	}
	c.say("This would erase %s%d responses, as of %s:", atLeast, p.Responses, local(&p.AsOf))
	c.say("  %d requests, %d steps, %d prompts, %d raw copies, %d tasks", p.Requests, p.Steps, p.Templates, p.RawRequests+p.RawResponses, p.Tasks)
	if p.Held > 0 {
		c.say("  %d responses are held and stay", p.Held)
	}
	if p.NotFound > 0 {
		c.say("  %d responses were not found", p.NotFound)
	}
	if p.LaterTurns != nil && *p.LaterTurns > 0 {
		c.say("  %d later turns quote them: --include-later-turns erases these, too", *p.LaterTurns)
	}
}

// confirm asks for the number of responses, or the owner's address.
func (c *Client) confirm(responses int64, owner *string) error {
	what := fmt.Sprint(responses)
	wanted := "the number of responses"
	if owner != nil {
		wanted += ", or the owner as you gave it,"
	}
	_, _ = fmt.Fprintf(c.o.Progress, "This cannot be undone. Type %s to erase them: ", wanted)
	answer, err := bufio.NewReader(io.LimitReader(c.in, 1<<10)).ReadString('\n')
	_, _ = fmt.Fprintln(c.o.Progress)
	answer = strings.TrimSpace(answer)
	if err != nil && answer == "" {
		return fmt.Errorf("%w: type %s, or add --yes in scripts", ErrNotConfirmed, wanted)
	}
	if answer == what || owner != nil && strings.EqualFold(answer, *owner) {
		return nil
	}
	return fmt.Errorf("%w: the answer was neither %s nor the owner", ErrNotConfirmed, what)
}

// watch waits for the end of an erasure, with a bar on a terminal.
func (c *Client) watch(ctx context.Context, id uuid.UUID) (last lethe.Erasure, err error) {
	terminal := ops.Terminal(c.o.Progress)
	var bar *progressbar.ProgressBar
	for e, err := range c.api.Watch(ctx, id, nil) {
		if err != nil {
			return last, err
		}
		last = e
		if bar == nil && e.Expected != nil && terminal != nil {
			bar = progressbar.NewOptions64(max(*e.Expected, 1), progressbar.OptionSetWriter(terminal), progressbar.OptionSetPredictTime(true),
				progressbar.OptionShowCount(), progressbar.OptionFullWidth(), progressbar.OptionClearOnFinish(), progressbar.OptionSetDescription("Erasing"))
		}
		if bar != nil {
			_ = bar.Set64(min(e.Responses+e.Held+e.Refused+e.NotFound, max(*e.Expected, 1))) // fails only if the bar cannot be drawn
		}
	}
	if bar != nil {
		_ = bar.Finish()
	}
	return last, nil
}

// interrupted says how to go on with an erasure that is no longer watched.
func (c *Client) interrupted(ctx context.Context, err error, id uuid.UUID, folder string) error {
	why := "stopped watching"
	if ctx.Err() == nil {
		why = c.explain(err).Error()
	}
	return fmt.Errorf("%w: %s; the erasure goes on: see \"lethe erasures watch %s\", and save its proof with \"lethe erasures proof %s --proof %s\"", ErrUnproven, why, id, id, folder)
}

// newFolder makes a folder that only its owner can open; an empty one is taken.
func newFolder(path string) error {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return config.Misused("--proof: %v", err)
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return config.Misused("--proof: %v", err)
	}
	if len(entries) > 0 {
		return config.Misused("--proof: %s is not empty: give a new folder", path)
	}
	return nil
}

// keep writes a file of a proof, which only its owner can read.
func keep(folder, name string, content []byte) error {
	return os.WriteFile(filepath.Join(folder, name), content, 0o600)
}
