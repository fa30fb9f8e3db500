package domain_test

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"github.com/google/uuid"

	"lethe/domain"
)

// fakeLog knows one receipt and answers everything else with its own name.
type fakeLog struct {
	id      uuid.UUID
	receipt domain.LoggedReceipt
	err     error

	later *fakeLog // about the receipt, of the level vacuumed; nil: none
}

func (f fakeLog) Reached(_ context.Context, id uuid.UUID, level domain.Level) (uuid.UUID, error) {
	if f.later == nil || id != f.id || level != domain.LevelVacuumed {
		return uuid.Nil, domain.Errorf(domain.CodeNotFound, "none")
	}
	return f.later.id, f.later.err
}

func (f fakeLog) Receipt(_ context.Context, id uuid.UUID) (domain.LoggedReceipt, error) {
	if f.err != nil {
		return domain.LoggedReceipt{}, f.err
	}
	if f.later != nil && id == f.later.id {
		return f.later.receipt, nil
	}
	if id != f.id {
		return domain.LoggedReceipt{}, domain.Errorf(domain.CodeNotFound, "none")
	}
	return f.receipt, nil
}

func (f fakeLog) Checkpoint(context.Context) ([]byte, error) { return []byte("checkpoint"), f.err }

func (f fakeLog) Hashes(_ context.Context, t domain.Tile) ([]byte, error) {
	return bytes.Repeat([]byte("h"), t.Width), f.err
}

func (f fakeLog) Entries(_ context.Context, t domain.Tile) ([]byte, error) {
	return bytes.Repeat([]byte("e"), t.Width), f.err
}

func (f fakeLog) Keys() []string { return []string{"key"} }

// TestReadLog: hashes and checkpoints are for those who may erase, receipts for
// those who may erase everyone's.
func TestReadLog(t *testing.T) {
	t.Parallel()
	const forbidden = "Insufficient permissions to Read the Log"
	u := domain.NewReadLog(fakeLog{})
	for _, c := range callers {
		for name, read := range map[string]struct {
			least string
			want  string
			call  func() (string, error)
		}{
			"checkpoint": {"own", "checkpoint", func() (string, error) {
				b, err := u.Checkpoint(t.Context(), c.principal)
				return string(b), err
			}},
			"hashes": {"own", "hh", func() (string, error) {
				b, err := u.Hashes(t.Context(), c.principal, domain.Tile{Width: 2})
				return string(b), err
			}},
			"entries": {"everyone", "eee", func() (string, error) {
				b, err := u.Entries(t.Context(), c.principal, domain.Tile{Width: 3})
				return string(b), err
			}},
			"keys": {"own", "key", func() (string, error) {
				keys, err := u.Keys(t.Context(), c.principal)
				if err != nil {
					return "", err
				}
				return keys[0], nil
			}},
		} {
			got, err := read.call()
			if c.delete == "everyone" || c.delete == read.least {
				if err != nil || got != read.want {
					t.Errorf("%s, %s: got %q, %v", c.name, name, got, err)
				}
				continue
			}
			wantError(t, err, domain.CodeForbidden, forbidden)
		}
	}
}

func TestReadLogFailures(t *testing.T) {
	t.Parallel()
	down := domain.Errorf(domain.CodeUnavailable, "down")
	u := domain.NewReadLog(fakeLog{err: down})
	admin := domain.Principal{Admin: true}
	_, checkpoint := u.Checkpoint(t.Context(), admin)
	_, hashes := u.Hashes(t.Context(), admin, domain.Tile{Width: 1})
	_, entries := u.Entries(t.Context(), admin, domain.Tile{Width: 1})
	_, receipt := domain.NewGetReceipt(fakeLog{err: down}).Execute(t.Context(), admin, uuid.New(), nil)
	_, own := domain.NewGetReceipt(fakeLog{err: down}).Execute(t.Context(), domain.Principal{ID: anna}, uuid.New(), nil)
	for name, err := range map[string]error{"checkpoint": checkpoint, "hashes": hashes, "entries": entries, "receipt": receipt, "own receipt": own} {
		if !errors.Is(err, down) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// TestGetReceipt: visible to the caller who requested the erasure and to those who may
// erase everyone's responses; anyone else gets 404.
func TestGetReceipt(t *testing.T) {
	t.Parallel()
	id := uuid.New()
	missing := "Receipt with ID " + id.String() + " not found"
	waiting := "Receipt with ID " + id.String() + " is not sealed and published yet"
	for _, c := range callers {
		everyone := c.delete == "everyone"
		for name, r := range map[string]struct {
			actor *uuid.UUID
			file  []byte
			may   bool
		}{
			"own":                    {&anna, []byte("file"), true},
			"own, unsealed":          {&anna, nil, true},
			"other caller":           {&ben, []byte("file"), everyone},
			"other caller, unsealed": {&ben, nil, everyone},
			"no actor":               {nil, []byte("file"), everyone},
			"no actor, unsealed":     {nil, nil, everyone},
		} {
			u := domain.NewGetReceipt(fakeLog{id: id, receipt: domain.LoggedReceipt{Actor: r.actor, File: r.file}})
			got, err := u.Execute(t.Context(), c.principal, id, nil)
			switch {
			case !r.may:
				wantError(t, err, domain.CodeNotFound, missing)
			case r.file == nil:
				wantError(t, err, domain.CodeNotSealed, waiting)
			case err != nil || string(got) != "file":
				t.Errorf("%s, %s: got %q, %v", c.name, name, got, err)
			}
			if err != nil && got != nil {
				t.Errorf("%s, %s: want no file with an error", c.name, name)
			}
			other := uuid.New()
			_, err = u.Execute(t.Context(), c.principal, other, nil)
			wantError(t, err, domain.CodeNotFound, "Receipt with ID "+other.String()+" not found")
		}
	}
}

// TestGetReceiptReached: a caller who may fetch an erasure's receipt may fetch the
// receipts about it; nobody else learns which level it has reached.
func TestGetReceiptReached(t *testing.T) {
	t.Parallel()
	id, later := uuid.New(), uuid.New()
	missing := "Receipt with ID " + id.String() + " not found"
	vacuumed, rewritten := domain.LevelVacuumed, domain.LevelRewritten
	down := domain.Errorf(domain.CodeUnavailable, "down")
	for _, c := range callers {
		for name, actor := range map[string]*uuid.UUID{"hers": &anna, "another's": &ben, "nobody's": nil} {
			may := actor == &anna || c.delete == "everyone"
			log := fakeLog{id: id, receipt: domain.LoggedReceipt{Actor: actor, File: []byte("file")}}
			get := func(level domain.Level, about *fakeLog) (string, error) {
				log.later = about
				file, err := domain.NewGetReceipt(log).Execute(t.Context(), c.principal, id, &level)
				return string(file), err
			}
			sealed := &fakeLog{id: later, receipt: domain.LoggedReceipt{Actor: actor, File: []byte("later")}}
			waiting := &fakeLog{id: later, receipt: domain.LoggedReceipt{Actor: actor}}
			_, none := get(vacuumed, nil)
			_, other := get(rewritten, sealed)
			_, unsealed := get(vacuumed, waiting)
			_, failed := get(vacuumed, &fakeLog{id: later, err: down})
			file, err := get(vacuumed, sealed)
			if !may {
				for _, err := range []error{none, other, unsealed, failed, err} {
					wantError(t, err, domain.CodeNotFound, missing)
				}
				continue
			}
			wantError(t, none, domain.CodeNotFound, "The erasure of receipt "+id.String()+" has not reached level vacuumed")
			wantError(t, other, domain.CodeNotFound, "The erasure of receipt "+id.String()+" has not reached level rewritten")
			wantError(t, unsealed, domain.CodeNotSealed, "Receipt with ID "+later.String()+" is not sealed and published yet")
			wantError(t, failed, domain.CodeUnavailable, "down")
			if err != nil || file != "later" {
				t.Errorf("%s, %s: got %q, %v", c.name, name, file, err)
			}
		}
	}
}

// TestGetReceiptWithoutActor: a receipt that no caller requested does not belong to
// the caller with the nil ID.
func TestGetReceiptWithoutActor(t *testing.T) {
	t.Parallel()
	id := uuid.New()
	u := domain.NewGetReceipt(fakeLog{id: id, receipt: domain.LoggedReceipt{File: []byte("file")}})
	if _, err := u.Execute(t.Context(), domain.Principal{}, id, nil); domain.CodeOf(err) != domain.CodeNotFound {
		t.Errorf("got %v", err)
	}
}
