package client

import (
	"context"
	"encoding/json"
	"fmt"

	"lethe/app/boot"
	"lethe/app/config"
	"lethe/app/ops"
	"lethe/sdk/go"
)

// NewRequest is a subject request to record.
type NewRequest struct {
	Owner    string // e-mail address or identifier
	Kind     string // access, erasure or both
	Received string // a time; empty: now
	Ticket   string
}

// Requests lists subject requests: of an owner, or everyone's if it is empty; only those
// that wait for an answer if open is set.
func (c *Client) Requests(ctx context.Context, owner string, open bool, p Page) error {
	return list(c, p, []string{"id", "received", "due", "state", "kind", "owner", "ticket"}, func(limit *int64, after *string) ([]byte, error) {
		answer, err := c.api.ListSubjectRequestsWithResponse(ctx, &lethe.ListSubjectRequestsParams{Limit: limit, After: after, Owner: given(owner), Open: given(open)})
		if err != nil {
			return nil, err
		}
		return answer.Body, nil
	}, func(r lethe.SubjectRequest) []any {
		return []any{r.Id, local(&r.ReceivedAt), local(&r.DueAt), string(r.State), string(r.Kind), value(r.Owner), value(r.Ticket)}
	})
}

// Request shows a subject request, with its erasures and files.
func (c *Client) Request(ctx context.Context, id string) error {
	request, err := one(id)
	if err != nil {
		return err
	}
	answer, err := c.api.GetSubjectRequestWithResponse(ctx, request, nil)
	if err != nil {
		return c.explain(err)
	}
	return c.showRequest(answer.Body)
}

// showRequest prints a subject request, and for people its erasures and files as tables.
func (c *Client) showRequest(body []byte) error {
	if err := c.show(body, "erasures", "exports"); err != nil || c.o.JSON {
		return err
	}
	var r lethe.SubjectRequest
	if err := json.Unmarshal(body, &r); err != nil {
		return err
	}
	if len(r.Erasures) > 0 {
		table := ops.NewTable("erasure", "requested", "state", "responses", "held", "receipts")
		for _, e := range r.Erasures {
			table.Row(e.Id, local(&e.RequestedAt), string(e.State), e.Responses, e.Held, e.Receipts)
		}
		if err := c.below(table); err != nil {
			return err
		}
	}
	if len(r.Exports) > 0 {
		table := ops.NewTable("file", "requested", "state", "responses", "expires")
		for _, f := range r.Exports {
			table.Row(f.Id, local(&f.RequestedAt), string(f.State), f.Responses, local(f.ExpiresAt))
		}
		return c.below(table)
	}
	return nil
}

// below prints a table after another.
func (c *Client) below(table *ops.Table) error {
	if _, err := fmt.Fprintln(c.o.Out); err != nil {
		return err
	}
	return table.Print(c.o.Out)
}

// OpenRequest records a subject request and shows it.
func (c *Client) OpenRequest(ctx context.Context, r NewRequest) error {
	received, err := moment("--received", r.Received)
	if err != nil {
		return err
	}
	answer, err := c.api.OpenSubjectRequestWithResponse(ctx, nil, lethe.NewSubjectRequest{
		Owner: r.Owner, Kind: lethe.NewSubjectRequestKind(r.Kind), ReceivedAt: received, Ticket: given(r.Ticket),
	})
	if err != nil {
		return c.explain(err)
	}
	if err := c.showRequest(answer.Body); err != nil {
		return err
	}
	c.say("Make sure that it comes from this person; then record that: lethe requests check-identity %s", answer.JSON201.Id)
	return nil
}

// CheckIdentity records that the caller has made sure whom a subject request comes from,
// and shows the request.
func (c *Client) CheckIdentity(ctx context.Context, id string) error {
	request, err := one(id)
	if err != nil {
		return err
	}
	answer, err := c.api.CheckSubjectIdentityWithResponse(ctx, request, nil)
	if err != nil {
		return c.explain(err)
	}
	return c.showRequest(answer.Body)
}

// ExtendRequest gives more time for the answer, for a reason, and shows the request.
func (c *Client) ExtendRequest(ctx context.Context, id, reason string) error {
	request, err := one(id)
	if err != nil {
		return err
	}
	answer, err := c.api.ExtendSubjectRequestWithResponse(ctx, request, nil, lethe.SubjectRequestExtension{Reason: lethe.SubjectRequestExtensionReason(reason)})
	if err != nil {
		return c.explain(err)
	}
	return c.showRequest(answer.Body)
}

// AnswerRequest ends a subject request whose work is done, and shows it.
func (c *Client) AnswerRequest(ctx context.Context, id string) error {
	request, err := one(id)
	if err != nil {
		return err
	}
	answer, err := c.api.AnswerSubjectRequestWithResponse(ctx, request, nil)
	if err != nil {
		return c.explain(err)
	}
	return c.ended(answer.Body, id)
}

// RefuseRequest ends a subject request without its work, for a reason, and shows it.
func (c *Client) RefuseRequest(ctx context.Context, id, reason string) error {
	request, err := one(id)
	if err != nil {
		return err
	}
	answer, err := c.api.RefuseSubjectRequestWithResponse(ctx, request, nil, lethe.SubjectRequestRefusal{Reason: lethe.SubjectRequestRefusalReason(reason)})
	if err != nil {
		return c.explain(err)
	}
	return c.ended(answer.Body, id)
}

// ended shows a subject request that is over.
func (c *Client) ended(body []byte, id string) error {
	if err := c.showRequest(body); err != nil {
		return err
	}
	c.say("Save the letter to the person: lethe requests letter %s", id)
	return nil
}

// SaveLetter saves the letter of a subject request that is over, as HTML in a new file
// that only its owner can read; without a name it is lethe-letter-ID.html.
func (c *Client) SaveLetter(ctx context.Context, id, file string) error {
	request, err := one(id)
	if err != nil {
		return err
	}
	if file == "" {
		file = "lethe-letter-" + request.String() + ".html"
	}
	answer, err := c.api.GetSubjectLetterWithResponse(ctx, request, nil)
	if err != nil {
		return c.explain(err)
	}
	if err := boot.WriteNew(file, string(answer.Body)); err != nil {
		return config.Misused("--output: %v", err)
	}
	if c.o.JSON {
		return c.saved(struct {
			Letter string `json:"letter"`
		}{file})
	}
	_, err = fmt.Fprintf(c.o.Out, "The letter is in %s: print it from a browser.\n", ops.Printable(file))
	return err
}

// saved prints for programs what was saved.
func (c *Client) saved(what any) error {
	text, err := json.Marshal(what)
	if err != nil {
		return err
	}
	return c.show(text)
}
