package lethe

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"lethe/sdk/go/receipt"
)

// EraseTarget is what EraseAndProve erases, and why. Give exactly one of Responses, Owner
// and Filter.
type EraseTarget struct {
	Responses         []uuid.UUID
	Owner             string // a UUID or an e-mail address
	Filter            *ErasureFilter
	IncludeLaterTurns bool
	Ground            NewErasureGround
	Ticket            string
}

// ProveOptions say how receipts are checked.
type ProveOptions struct {
	// Keys are the log's public keys, one per line. Without them the service is asked,
	// and then its own word is all that says that the log is the right one.
	Keys         []byte
	Wait         time.Duration // for the end and the receipts: 10 minutes
	Organization string        // to act for
}

// ProvenReceipt is a receipt's file, and what it proves.
type ProvenReceipt struct {
	File   []byte
	Result receipt.Result
}

// Outcome is what is erased and proven.
type Outcome struct {
	Responses int64          // how many
	Counts    receipt.Counts // of all receipts

	// Keep the files of Receipts with Secret and the log's Keys: together they prove the
	// erasure to anyone, at any time.
	Receipts []ProvenReceipt
	Secret   string // opens all receipts; sent only once
	Keys     []byte // the public keys that the receipts were checked with

	Erasure *Erasure        // the final state; nil for a single response
	Preview *ErasurePreview // what was counted before; if it is not Complete, a filter matches more than one erasure takes
}

// String says what is proven, without the secret.
func (o *Outcome) String() string {
	if o == nil {
		return "nothing is proven"
	}
	return fmt.Sprintf("proven: %d responses erased, in %d receipts", o.Responses, len(o.Receipts))
}

// ErasureErrorKind is why an erasure is not both complete and proven.
type ErasureErrorKind string

// The kinds of an ErasureError.
const (
	// ErasureHeld: Holds cover a part, which is kept.
	ErasureHeld ErasureErrorKind = "held"
	// ErasureRefused: somebody refused the erasure, or the database refuses to delete a
	// part of it, which is kept.
	ErasureRefused ErasureErrorKind = "refused"
	// ErasureFailed: it failed or was canceled, or parts are not erased for other or
	// several reasons: see Erasure.Failures.
	ErasureFailed ErasureErrorKind = "failed"
	// ErasureWaiting: the time is over and it is not finished, for example because it
	// awaits approval. ProveErasure waits again.
	ErasureWaiting ErasureErrorKind = "waiting"
	// ErasureUnproven: it has begun, but a call failed, or a receipt is missing or wrong.
	// ProveErasure tries again.
	ErasureUnproven ErasureErrorKind = "unproven"
)

// ErasureError is an erasure that is not both complete and proven.
type ErasureError struct {
	Kind    ErasureErrorKind
	Detail  string
	Holds   []uuid.UUID // for callers who may see them
	ID      uuid.UUID   // of the erasure, for ProveErasure
	Secret  string      // likewise; sent only once
	Erasure *Erasure    // as it is; nil for a single response
	Outcome *Outcome    // what is erased and proven anyway; nil if nothing is
	Err     error       // what a call returned, or what is wrong with a receipt
}

// Error implements error.
func (e *ErasureError) Error() string { return fmt.Sprintf("lethe: erasure %s: %s", e.Kind, e.Detail) }

// Unwrap returns what a call returned, or what is wrong with a receipt.
func (e *ErasureError) Unwrap() error { return e.Err }

// maxPreviews: what a preview counted may have changed before the erasure starts; then
// preview again.
const maxPreviews = 3

// EraseAndProve erases responses, an owner's or those of a filter, waits until all are
// erased, and checks every receipt.
//
// What a preview counts is erased at once; use PreviewErasure and StartErasure if somebody
// is to look at it first. A single response without Ground and Ticket is erased in one
// call. Returns *ErasureError, and *Error if a call fails before anything is known to be
// erased.
func (c *ClientWithResponses) EraseAndProve(ctx context.Context, target EraseTarget, options ProveOptions) (*Outcome, error) {
	given := 0
	for _, is := range []bool{target.Responses != nil, target.Owner != "", target.Filter != nil} {
		if is {
			given++
		}
	}
	if given != 1 {
		return nil, errors.New("lethe: give exactly one of Responses, Owner and Filter")
	}
	p, err := c.prover(ctx, options)
	if err != nil {
		return nil, err
	}
	if len(target.Responses) == 1 && target.Ground == "" && target.Ticket == "" {
		return p.eraseOne(ctx, target.Responses[0], target.IncludeLaterTurns)
	}
	request := ErasureRequest{Responses: target.Responses, Owner: nonZero(target.Owner), Filter: target.Filter, IncludeLaterTurns: nonZero(target.IncludeLaterTurns)}
	for n := 1; ; n++ {
		preview, err := c.PreviewErasureWithResponse(ctx, &PreviewErasureParams{XOrganizationId: p.organization}, request)
		if err != nil {
			return nil, err
		}
		started, err := c.StartErasureWithResponse(ctx, &StartErasureParams{XOrganizationId: p.organization}, NewErasure{
			Responses: request.Responses, Owner: request.Owner, Filter: request.Filter, IncludeLaterTurns: request.IncludeLaterTurns,
			Token: &preview.JSON200.Token, Ground: nonZero(target.Ground), Ticket: nonZero(target.Ticket),
		})
		if failure, ok := errors.AsType[*Error](err); ok && failure.Status == http.StatusConflict && n < maxPreviews {
			continue
		} else if err != nil {
			return nil, err
		}
		p.secret = started.HTTPResponse.Header.Get("Receipt-Salt")
		return p.prove(ctx, *cmp.Or(started.JSON201, started.JSON202), preview.JSON200)
	}
}

// ProveErasure waits for a bulk erasure that was started before, and checks every receipt,
// like EraseAndProve; secret is the Receipt-Salt of its start.
func (c *ClientWithResponses) ProveErasure(ctx context.Context, id uuid.UUID, secret string, options ProveOptions) (*Outcome, error) {
	p, err := c.prover(ctx, options)
	if err != nil {
		return nil, err
	}
	answer, err := c.GetErasureWithResponse(ctx, id, &GetErasureParams{XOrganizationId: p.organization})
	if err != nil {
		return nil, err
	}
	p.secret = secret
	return p.prove(ctx, *answer.JSON200, nil)
}

// nonZero returns nil for a zero value.
func nonZero[T comparable](value T) *T {
	var zero T
	if value == zero {
		return nil
	}
	return &value
}

// prover proves one erasure.
type prover struct {
	c            *ClientWithResponses
	organization *string
	end          time.Time
	file         []byte // of the keys
	keys         []receipt.PublicKey
	secret       string
}

// prover reads the keys before anything is erased.
func (c *ClientWithResponses) prover(ctx context.Context, options ProveOptions) (*prover, error) {
	p := &prover{c: c, organization: nonZero(options.Organization), file: options.Keys, end: time.Now().Add(cmp.Or(options.Wait, 10*time.Minute))}
	if p.file == nil {
		answer, err := c.GetLogKeysWithResponse(ctx, &GetLogKeysParams{XOrganizationId: p.organization})
		if err != nil {
			return nil, err
		}
		p.file = answer.Body
	}
	var err error
	p.keys, err = receipt.ParsePublicKeys(p.file)
	return p, err
}

var identifiers = regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`)

func (p *prover) eraseOne(ctx context.Context, id uuid.UUID, includeLaterTurns bool) (*Outcome, error) {
	erased, err := p.c.EraseResponseWithResponse(ctx, id, &EraseResponseParams{IncludeLaterTurns: nonZero(includeLaterTurns), XOrganizationId: p.organization})
	if failure, ok := errors.AsType[*Error](err); ok && failure.Status == http.StatusConflict {
		e := &ErasureError{Kind: ErasureRefused, Detail: failure.Detail, Err: err}
		if strings.Contains(failure.Detail, " is held ") {
			e.Kind = ErasureHeld
			_, holds, _ := strings.Cut(failure.Detail, "expire: ")
			for _, hold := range identifiers.FindAllString(holds, -1) {
				e.Holds = append(e.Holds, uuid.MustParse(hold))
			}
		}
		return nil, e
	} else if err != nil {
		return nil, err
	}
	p.secret = erased.HTTPResponse.Header.Get("Receipt-Salt")
	location := strings.Split(erased.HTTPResponse.Header.Get("Location"), "/") // …/erasures/{id}/receipt
	first, err := uuid.Parse(location[max(len(location)-2, 0)])
	if err != nil {
		return nil, p.unproven(uuid.Nil, nil, "the answer names no receipt", err)
	}
	outcome := &Outcome{Responses: 1, Secret: p.secret, Keys: p.file}
	if err := p.check(ctx, outcome, first, []uuid.UUID{first}, []uuid.UUID{id}, nil); err != nil {
		return nil, err
	}
	return outcome, nil
}

func (p *prover) unproven(id uuid.UUID, erasure *Erasure, detail string, err error) error {
	return &ErasureError{Kind: ErasureUnproven, Detail: detail, ID: id, Secret: p.secret, Erasure: erasure, Err: err}
}

// prove waits for the end of an erasure and checks its receipts.
func (p *prover) prove(ctx context.Context, erasure Erasure, preview *ErasurePreview) (*Outcome, error) {
	if !slices.Contains([]ErasureState{"finished", "canceled", "failed", "refused"}, erasure.State) {
		waiting, cancel := context.WithDeadline(ctx, p.end)
		defer cancel()
		for now, err := range p.c.Watch(waiting, erasure.Id, &WatchErasureParams{XOrganizationId: p.organization}) {
			if err != nil && waiting.Err() != nil && ctx.Err() == nil {
				detail := fmt.Sprintf("%s is not finished yet; its state is %s", erasure.Id, erasure.State)
				return nil, &ErasureError{Kind: ErasureWaiting, Detail: detail, ID: erasure.Id, Secret: p.secret, Erasure: &erasure, Err: err}
			} else if err != nil {
				return nil, p.unproven(erasure.Id, &erasure, err.Error(), err)
			}
			erasure = now
		}
	}
	var ids []uuid.UUID
	for r, err := range p.c.AllErasureReceipts(ctx, erasure.Id, &ListErasureReceiptsParams{XOrganizationId: p.organization}) {
		if err != nil {
			return nil, p.unproven(erasure.Id, &erasure, err.Error(), err)
		}
		ids = append(ids, r.Id)
	}
	if int64(len(ids)) < erasure.Receipts {
		return nil, p.unproven(erasure.Id, &erasure, fmt.Sprintf("it has %d receipts, and %d were found", erasure.Receipts, len(ids)), nil)
	}
	outcome := &Outcome{Responses: erasure.Responses, Secret: p.secret, Keys: p.file, Erasure: &erasure, Preview: preview}
	var responses []uuid.UUID
	var owner *string
	if target := erasure.Target; target != nil {
		// A failure names one part of a chain, and more parts of it may have been asked
		// for.
		if erasure.State == ErasureStateFinished && erasure.Held+erasure.Refused+erasure.NotFound == 0 {
			responses = target.Responses
		}
		if target.Owner != nil {
			owner = new(target.Owner.String())
		}
	}
	if err := p.check(ctx, outcome, erasure.Id, ids, responses, owner); err != nil {
		return nil, err
	}
	if e := notErased(erasure, outcome); e != nil {
		e.Secret = p.secret
		return nil, e
	}
	return outcome, nil
}

// notErased returns the error for what is not erased, nil if everything is.
func notErased(erasure Erasure, outcome *Outcome) *ErasureError {
	var reasons []string
	e := &ErasureError{ID: erasure.Id, Erasure: &erasure, Outcome: outcome}
	other := erasure.NotFound > 0
	for _, f := range erasure.Failures {
		if !slices.Contains(reasons, f.Message) {
			reasons = append(reasons, f.Message)
		}
		for _, hold := range f.Holds {
			if !slices.Contains(e.Holds, hold) {
				e.Holds = append(e.Holds, hold)
			}
		}
		other = other || f.Reason != ErasureFailureReasonHeld && f.Reason != ErasureFailureReasonRefused
	}
	why := strings.Join(reasons, "; ")
	if erasure.LastError != nil {
		why = *erasure.LastError
	}
	e.Detail = fmt.Sprintf("%s left responses: %d held, %d refused, %d not found: %s", erasure.Id, erasure.Held, erasure.Refused, erasure.NotFound, why)
	switch {
	case erasure.State == "refused":
		e.Kind, e.Detail = ErasureRefused, fmt.Sprintf("%s was refused: %s", erasure.Id, why)
	case erasure.State != ErasureStateFinished:
		e.Kind, e.Detail = ErasureFailed, fmt.Sprintf("%s is %s: %s", erasure.Id, erasure.State, why)
	case other || erasure.Held > 0 && erasure.Refused > 0:
		e.Kind = ErasureFailed
	case erasure.Refused > 0:
		e.Kind = ErasureRefused
	case erasure.Held > 0:
		e.Kind = ErasureHeld
	default:
		return nil
	}
	return e
}

// check fetches the receipts and the other parts that they name, checks each, and that
// together they name the responses and the owner.
func (p *prover) check(ctx context.Context, outcome *Outcome, erasure uuid.UUID, ids, responses []uuid.UUID, owner *string) error {
	ctx, cancel := context.WithDeadline(ctx, p.end)
	defer cancel()
	seen := map[uuid.UUID]bool{}
	for len(ids) > 0 {
		id := ids[0]
		if ids = ids[1:]; seen[id] {
			continue
		}
		seen[id] = true
		file, err := p.c.fetchReceipt(ctx, id, &GetReceiptParams{XOrganizationId: p.organization})
		if err != nil {
			return p.unproven(erasure, outcome.Erasure, fmt.Sprintf("the receipt %s: %v", id, err), err)
		}
		result, err := receipt.Check(file, p.keys, receipt.Options{})
		if err != nil {
			return p.unproven(erasure, outcome.Erasure, fmt.Sprintf("the receipt %s: %v", id, err), err)
		}
		outcome.Receipts = append(outcome.Receipts, ProvenReceipt{file, result})
		outcome.Counts = sum(outcome.Counts, result.Receipt.Counts)
		ids = append(ids, result.Receipt.Parts...)
	}
	if len(responses) == 0 && owner == nil {
		return nil
	}
	secret, err := receipt.ParseSalt(p.secret)
	if err != nil {
		return p.unproven(erasure, outcome.Erasure, err.Error(), err)
	}
	for _, id := range responses {
		if !outcome.names(secret, func(r receipt.Receipt, salt receipt.Salt) bool {
			return slices.Contains(r.Responses, receipt.CommitResponse(salt, id))
		}) {
			return p.unproven(erasure, outcome.Erasure, fmt.Sprintf("no receipt names the response %s", id), nil)
		}
	}
	if owner != nil && !outcome.names(secret, func(r receipt.Receipt, salt receipt.Salt) bool {
		return slices.Contains(r.Owners, receipt.CommitOwner(salt, *owner))
	}) {
		return p.unproven(erasure, outcome.Erasure, fmt.Sprintf("no receipt names the owner %s", *owner), nil)
	}
	return nil
}

// names reports whether a receipt has a commitment under the secret, or the salt derived
// from it.
func (o *Outcome) names(secret receipt.Salt, has func(receipt.Receipt, receipt.Salt) bool) bool {
	return slices.ContainsFunc(o.Receipts, func(r ProvenReceipt) bool {
		return has(r.Result.Receipt, secret) || has(r.Result.Receipt, receipt.DeriveSalt(secret, r.Result.Receipt.ID))
	})
}

func sum(a, b receipt.Counts) receipt.Counts {
	return receipt.Counts{
		Requests: a.Requests + b.Requests, Steps: a.Steps + b.Steps, Templates: a.Templates + b.Templates,
		RawRequests: a.RawRequests + b.RawRequests, RawResponses: a.RawResponses + b.RawResponses,
		Tasks: a.Tasks + b.Tasks, Files: a.Files + b.Files, KeptTemplates: a.KeptTemplates + b.KeptTemplates, Retained: a.Retained + b.Retained,
	}
}
