package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/uuid"

	"lethe/app/boot"
	"lethe/app/config"
	"lethe/receipt"
	"lethe/sdk/go"
)

// The files of a proof, beside one ID.receipt for each receipt.
const (
	saltFile    = "salt"         // opens the receipts
	erasureFile = "erasure.json" // as the service told it at the start
	keysFile    = "log.pub"
)

// sealWait is how long to wait until all receipts are sealed: two seconds if all is well.
const sealWait = 2 * time.Minute

// Erasures lists bulk erasures.
func (c *Client) Erasures(ctx context.Context, states []string, trigger string, p Page) error {
	return list(c, p, []string{"id", "requested", "state", "responses", "held", "receipts", "trigger", "ticket"}, func(limit *int64, after *string) ([]byte, error) {
		answer, err := c.api.ListErasuresWithResponse(ctx, &lethe.ListErasuresParams{Limit: limit, After: after, State: states, Trigger: given(trigger)})
		if err != nil {
			return nil, err
		}
		return answer.Body, nil
	}, func(e lethe.Erasure) []any {
		return []any{e.Id, local(&e.RequestedAt), string(e.State), e.Responses, e.Held, e.Receipts, string(e.Trigger), value(e.Ticket)}
	})
}

// Erasure shows a bulk erasure.
func (c *Client) Erasure(ctx context.Context, id string) error {
	erasure, err := one(id)
	if err != nil {
		return err
	}
	answer, err := c.api.GetErasureWithResponse(ctx, erasure, nil)
	if err != nil {
		return c.explain(err)
	}
	return c.show(answer.Body)
}

// WatchErasure waits for the end of an erasure and shows it.
func (c *Client) WatchErasure(ctx context.Context, id string) error {
	erasure, err := one(id)
	if err != nil {
		return err
	}
	if _, err := c.watch(ctx, erasure); err != nil {
		if ctx.Err() != nil {
			return fmt.Errorf("stopped watching; the erasure goes on: see \"lethe erasures watch %s\"", erasure)
		}
		return c.explain(err)
	}
	return c.Erasure(ctx, id)
}

// CancelErasure stops an erasure and shows it.
func (c *Client) CancelErasure(ctx context.Context, id string) error {
	erasure, err := one(id)
	if err != nil {
		return err
	}
	answer, err := c.api.CancelErasureWithResponse(ctx, erasure, nil)
	if err != nil {
		return c.explain(err)
	}
	return c.show(answer.Body)
}

// ProveErasure saves and checks the proof of an erasure that is over, in a folder that
// may have the salt and the start of it already.
func (c *Client) ProveErasure(ctx context.Context, id, folder string, keys []string) error {
	erasure, err := one(id)
	if err != nil {
		return err
	}
	if folder == "" {
		folder = "lethe-proof-" + erasure.String()
	}
	answer, err := c.api.GetErasureWithResponse(ctx, erasure, nil)
	if err != nil {
		return c.explain(err)
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return config.Misused("--proof: %v", err)
	}
	if started, err := savedErasure(folder); err != nil {
		return err
	} else if started == nil {
		if err := keep(folder, erasureFile, answer.Body); err != nil {
			return err
		}
	} else if started.Id != erasure {
		return config.Misused("--proof: %s is of erasure %s: give another folder", folder, started.Id)
	}
	last := *answer.JSON200
	if last.FinishedAt == nil {
		if last, err = c.watch(ctx, erasure); err != nil {
			return c.interrupted(ctx, err, erasure, folder)
		}
	}
	return c.prove(ctx, last, folder, keys)
}

// savedErasure returns the erasure of a folder; nil if it has none.
func savedErasure(folder string) (*lethe.Erasure, error) {
	text, err := boot.ReadBounded(filepath.Join(folder, erasureFile), 1<<20)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var e lethe.Erasure
	if err == nil {
		err = json.Unmarshal(text, &e)
	}
	if err != nil {
		return nil, config.Misused("--proof: %v", err)
	}
	return &e, nil
}

// proved is what --json prints of an erasure.
type proved struct {
	Erasure  lethe.Erasure `json:"erasure"`
	Folder   string        `json:"proof"`
	Receipts int           `json:"receipts"`
	Checked  bool          `json:"checked"` // true
	Opened   bool          `json:"opened"`  // whether the salt shows whose or which responses
}

// prove saves all receipts of an erasure that is over, checks them with nothing but the
// files, and says how the erasure ended.
func (c *Client) prove(ctx context.Context, e lethe.Erasure, folder string, given []string) error {
	later := func(err error) error {
		return fmt.Errorf("%w: %v; %d responses are erased; save the proof with \"lethe erasures proof %s --proof %s\"", ErrUnproven, err, e.Responses, e.Id, folder)
	}
	keys, err := c.logKeys(ctx, folder, given)
	if err != nil {
		return later(err)
	}
	options, named, err := opening(folder)
	if err != nil {
		return later(err)
	}
	files, err := c.receipts(ctx, e.Id, folder)
	if err != nil {
		return later(err)
	}
	var covered int64
	opened := map[uuid.UUID]bool{}
	for _, f := range files {
		result, err := receipt.Check(f.content, keys, options)
		if err != nil {
			return later(fmt.Errorf("receipt %s is not proven: %w", f.id, err))
		}
		if result.Receipt.ID != f.id {
			return later(fmt.Errorf("the file of receipt %s is of another", f.id))
		}
		covered += f.responses
		for _, id := range named {
			if !opened[id] {
				_, err := receipt.Check(f.content, keys, receipt.Options{Salt: options.Salt, Response: &id})
				opened[id] = err == nil
			}
		}
	}
	if covered < e.Responses {
		return later(fmt.Errorf("the receipts cover %d of %d erased responses", covered, e.Responses))
	}
	done := proved{Erasure: e, Folder: folder, Receipts: len(files), Checked: true, Opened: options.Owner != nil && len(files) > 0}
	if len(named) > 0 {
		n := 0
		for _, ok := range opened {
			if ok {
				n++
			}
		}
		done.Opened = n == len(named)
		c.say("The salt opens %d of the %d identifiers given.", n, len(named))
	}
	if c.o.JSON {
		text, err := json.Marshal(done)
		if err == nil {
			err = c.show(text)
		}
		if err != nil {
			return err
		}
	} else if _, err := fmt.Fprintf(c.o.Out, "Erased %d responses. %d receipts, all checked, are in %s\n", e.Responses, len(files), folder); err != nil {
		return err
	}
	c.say("Keep that folder as long as anyone may ask for the proof. To check it again, offline: lethe verify FILE --key %s", filepath.Join(folder, keysFile))
	if len(given) == 0 {
		c.say("The log's key comes from the service itself: compare it with the one that its operator gave you.")
	}
	if e.VerifyAt != nil && e.VerifiedAt == nil {
		c.say("The service looks for late arrivals at %s; then \"lethe erasures proof %s --proof %s\" saves their receipts.", local(e.VerifyAt), e.Id, folder)
	}
	if left := e.Held + e.Refused; e.State != lethe.ErasureStateFinished || left > 0 {
		why := ""
		if e.LastError != nil {
			why = "; " + *e.LastError
		}
		return fmt.Errorf("%w: the erasure is %s, %d responses are held, %d refused%s; \"lethe erasures show %s\" names them", ErrPartly, e.State, e.Held, e.Refused, why, e.Id)
	}
	return nil
}

// logKeys returns the public keys of the log: those given, or the service's. They are
// saved.
func (c *Client) logKeys(ctx context.Context, folder string, given []string) ([]receipt.PublicKey, error) {
	var text []byte
	if len(given) > 0 {
		for _, name := range given {
			if _, err := receipt.ParsePublicKey(name); err == nil {
				text = append(text, name+"\n"...)
				continue
			}
			file, err := boot.ReadBounded(name, boot.MaxKeyFile)
			if err != nil {
				return nil, err
			}
			text = append(append(text, file...), '\n')
		}
	} else {
		answer, err := c.api.GetLogKeysWithResponse(ctx, nil)
		if err != nil {
			return nil, c.explain(err)
		}
		text = answer.Body
	}
	keys, err := receipt.ParsePublicKeys(text)
	if err != nil {
		return nil, err
	}
	return keys, keep(folder, keysFile, text)
}

// opening returns what the salt of a folder opens: an owner, or named responses. Without a
// salt it opens nothing.
func opening(folder string) (o receipt.Options, named []uuid.UUID, err error) {
	text, err := boot.ReadBounded(filepath.Join(folder, saltFile), boot.MaxKeyFile)
	if errors.Is(err, fs.ErrNotExist) {
		return o, nil, nil
	} else if err != nil {
		return o, nil, err
	}
	salt, err := receipt.ParseSalt(strings.TrimSpace(string(text)))
	if err != nil {
		return o, nil, err
	}
	e, err := savedErasure(folder)
	if err != nil || e == nil || e.Target == nil {
		return o, nil, err
	}
	if e.Target.Owner != nil {
		owner := e.Target.Owner.String()
		return receipt.Options{Salt: &salt, Owner: &owner}, nil, nil
	}
	o = receipt.Options{}
	if len(e.Target.Responses) > 0 {
		// Each is in one of the receipts, so none is demanded of every one.
		named = e.Target.Responses
		o.Salt = &salt
	}
	return o, named, nil
}

type receiptSaved struct {
	id        uuid.UUID
	responses int64
	content   []byte
}

// receipts fetches every receipt of an erasure once it is sealed, and saves it.
func (c *Client) receipts(ctx context.Context, id uuid.UUID, folder string) (all []receiptSaved, err error) {
	waiting, cancel := context.WithTimeout(ctx, sealWait)
	defer cancel()
	limit := int64(pageSize)
	params := lethe.ListErasureReceiptsParams{Limit: &limit}
	for {
		page, err := c.api.ListErasureReceiptsWithResponse(ctx, id, &params)
		if err != nil {
			return nil, c.explain(err)
		}
		for _, r := range page.JSON200.Data {
			file := filepath.Join(folder, r.Id.String()+".receipt")
			content, err := boot.ReadBounded(file, receipt.MaxProof)
			if errors.Is(err, fs.ErrNotExist) {
				content, err = c.api.FetchReceipt(waiting, r.Id)
				if waiting.Err() != nil && ctx.Err() == nil {
					return nil, fmt.Errorf("receipt %s was not sealed within %s: \"lethe status\" says why", r.Id, sealWait)
				} else if err != nil {
					return nil, c.explain(err)
				}
				err = keep(folder, r.Id.String()+".receipt", content)
			}
			if err != nil {
				return nil, err
			}
			all = append(all, receiptSaved{r.Id, r.Responses, content})
		}
		if params.After = page.JSON200.NextCursor; params.After == nil {
			return all, nil
		}
	}
}
