package domain_test

import (
	"context"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"lethe/domain"
)

// written is a log that knows when each receipt was written.
type written struct {
	domain.Log
	at   map[uuid.UUID]time.Time
	away *bool
}

var errAway = domain.Errorf(domain.CodeUnavailable, "away")

func (w written) Receipt(_ context.Context, id uuid.UUID) (domain.LoggedReceipt, error) {
	if *w.away {
		return domain.LoggedReceipt{}, errAway
	}
	at, ok := w.at[id]
	if !ok {
		return domain.LoggedReceipt{}, domain.Errorf(domain.CodeNotFound, "none")
	}
	return domain.LoggedReceipt{WrittenAt: at}, nil
}

// once has one response, which is gone once it was erased.
type once struct {
	domain.Responses
	log   written
	owner string
	gone  map[uuid.UUID]bool
	now   *time.Time
	// meanwhile is called when the response was not found at first.
	meanwhile *func(domain.Authorization)
}

func (o once) Erase(_ context.Context, id uuid.UUID, _ []string, permit func(domain.Found) (domain.Authorization, error)) (domain.Erased, error) {
	if o.gone[id] {
		return domain.Erased{}, domain.Errorf(domain.CodeNotFound, "gone")
	}
	w, err := permit(domain.Found{Owners: []string{o.owner}})
	if err != nil {
		return domain.Erased{}, err
	}
	if *o.meanwhile != nil {
		(*o.meanwhile)(w)
		return domain.Erased{}, domain.Errorf(domain.CodeNotFound, "gone meanwhile")
	}
	o.gone[id], o.log.at[w.Receipt] = true, *o.now
	return domain.Erased{Requests: 1}, nil
}

func (o once) EraseWithLaterTurns(ctx context.Context, id uuid.UUID, owners []string, permit func(domain.Found) (domain.Authorization, error)) (domain.Erased, error) {
	return o.Erase(ctx, id, owners, permit)
}

func TestEraseIdempotencyKey(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	log := written{at: map[uuid.UUID]time.Time{}, away: new(bool)}
	anna, ben := domain.Principal{ID: uuid.New(), Admin: true}, domain.Principal{ID: uuid.New(), Admin: true}
	responses := once{log: log, owner: anna.ID.String(), gone: map[uuid.UUID]bool{}, now: &now, meanwhile: new(func(domain.Authorization))}
	eraser := func(secrets ...string) *domain.EraseResponse {
		var all [][]byte
		for _, s := range secrets {
			all = append(all, []byte(s))
		}
		return domain.NewEraseResponse(responses, func() time.Time { return now }).Repeatable(domain.NewRepeats(log, all))
	}
	id, other := uuid.New(), uuid.New()
	u := eraser("secret")
	erased, first, err := u.ExecuteOnce(t.Context(), anna, id, false, "key")
	if err != nil || erased.Requests != 1 || first.Again || first.Receipt.Version() != 4 || first.Salt == (domain.Salt{}) ||
		first.Trigger != domain.TriggerSingle || first.Ground != domain.GroundUnspecified || first.RequestedAt != now || *first.Actor != anna.ID || first.Role == "" {
		t.Fatalf("first call: got %+v, %+v, %v", erased, first, err)
	}
	now = now.Add(domain.RepeatableFor)
	for name, u := range map[string]*domain.EraseResponse{"the same": u, "another process": eraser("secret"), "a newer key": eraser("newer", "secret")} {
		erased, again, err := u.ExecuteOnce(t.Context(), anna, id, false, "key")
		if err != nil || erased != (domain.Erased{}) || !again.Again || again.Receipt != first.Receipt || again.Salt != first.Salt || again.Trigger != domain.TriggerSingle {
			t.Errorf("%s: want the first receipt and salt again and nothing erased, got %+v, %+v, %v", name, erased, again, err)
		}
	}
	// The same key with other parameters is another request, whichever came first.
	turned := uuid.New()
	_, withTurns, err := u.ExecuteOnce(t.Context(), anna, turned, true, "key")
	if err != nil || withTurns.Again {
		t.Fatalf("first call with later turns: got %+v, %v", withTurns, err)
	}
	if _, w, err := u.ExecuteOnce(t.Context(), anna, turned, true, "key"); err != nil || !w.Again || w.Receipt != withTurns.Receipt || w.Salt != withTurns.Salt {
		t.Errorf("repeated with later turns: want the same receipt and salt, got %+v, %v", w, err)
	}
	for _, u := range []*domain.EraseResponse{u, eraser("newer", "secret")} {
		for of, laterTurns := range map[uuid.UUID]bool{id: true, turned: false} {
			if erased, w, err := u.ExecuteOnce(t.Context(), anna, of, laterTurns, "key"); domain.CodeOf(err) != domain.CodeConflict || erased != (domain.Erased{}) || w.Salt != (domain.Salt{}) ||
				err.Error() != "This Idempotency-Key was used with a different request; use a new one for a new erasure" {
				t.Errorf("later turns %v, with a used key: want a conflict and nothing erased, got %+v, %+v, %v", laterTurns, erased, w, err)
			}
		}
	}
	_, _, forbidden := u.Execute(t.Context(), domain.Principal{ID: anna.ID}, id, false)
	for name, c := range map[string]struct {
		u      *domain.EraseResponse
		caller domain.Principal
		id     uuid.UUID
		key    string
		code   domain.Code
		said   string
		about  string
	}{
		"other caller":     {u, ben, id, "key", domain.CodeNotFound, "Response with ID " + id.String() + " not found", ""},
		"other key":        {u, anna, id, "kez", domain.CodeNotFound, "Response with ID " + id.String() + " not found", ""},
		"other secret":     {eraser("other"), anna, id, "key", domain.CodeNotFound, "Response with ID " + id.String() + " not found", ""},
		"no permission":    {u, domain.Principal{ID: anna.ID}, id, "key", domain.CodeForbidden, forbidden.Error(), ""},
		"empty key":        {u, anna, id, "", domain.CodeInvalid, "Idempotency-Key: must have 1 to 255 visible ASCII characters", "Idempotency-Key"},
		"long key":         {u, anna, id, string(make([]byte, 256)), domain.CodeInvalid, "Idempotency-Key: must have 1 to 255 visible ASCII characters", "Idempotency-Key"},
		"keys unsupported": {domain.NewEraseResponse(responses, time.Now), anna, id, "key", domain.CodeInvalid, "Idempotency-Key: not supported for single erasures on this server", "Idempotency-Key"},
	} {
		if _, w, err := c.u.ExecuteOnce(t.Context(), c.caller, c.id, false, c.key); domain.CodeOf(err) != c.code || err == nil || w.Salt != (domain.Salt{}) || err.Error() != c.said {
			t.Errorf("%s: want %s, got %+v, %v", name, c.code, w, err)
		} else if e, _ := errors.AsType[*domain.Error](err); e.Parameter != c.about {
			t.Errorf("%s: want an error about %q, got %q", name, c.about, e.Parameter)
		}
	}
	// The same key at another path is another erasure.
	if _, w, err := u.ExecuteOnce(t.Context(), anna, other, false, "key"); err != nil || w.Again || w.Receipt == first.Receipt || w.Salt == first.Salt {
		t.Errorf("other response, same key: want another receipt and salt, got %+v, %v", w, err)
	}
	// The longest key, and a log that is away.
	if _, _, err := u.ExecuteOnce(t.Context(), anna, uuid.New(), false, strings.Repeat("k", 255)); err != nil {
		t.Errorf("key of 255 bytes: got %v", err)
	}
	*log.away = true
	if _, _, err := u.ExecuteOnce(t.Context(), anna, uuid.New(), false, "key"); !errors.Is(err, errAway) {
		t.Errorf("unavailable log: want %v, got %v", errAway, err)
	}
	*log.away = false
	// The same request at the same time got there first.
	var theirs domain.Authorization
	*responses.meanwhile = func(w domain.Authorization) { theirs, log.at[w.Receipt] = w, now }
	if erased, w, err := u.ExecuteOnce(t.Context(), anna, uuid.New(), false, "key"); err != nil || erased != (domain.Erased{}) || !w.Again || w.Receipt != theirs.Receipt || w.Salt != theirs.Salt {
		t.Errorf("concurrent call with the same key: want its receipt and salt, got %+v, %v", w, err)
	}
	*responses.meanwhile = nil
	now = now.Add(time.Second)
	responses.gone[id] = false // written again
	if _, w, err := u.ExecuteOnce(t.Context(), anna, id, false, "key"); domain.CodeOf(err) != domain.CodeConflict || w.Salt != (domain.Salt{}) || responses.gone[id] || err.Error() != "This Idempotency-Key erased this response more than a day ago and can no longer be repeated: use another one" {
		t.Errorf("after a day: want a conflict without the salt, got %+v, %v", w, err)
	}
}

// TestRepeatDerivation: the values derived from a secret, a caller, a response and a
// key are fixed: the next version has to return the same receipt.
func TestRepeatDerivation(t *testing.T) {
	t.Parallel()
	if domain.RepeatableFor != 24*time.Hour {
		t.Errorf("RepeatableFor: want 24h, got %s", domain.RepeatableFor)
	}
	now := time.Now()
	log := written{at: map[uuid.UUID]time.Time{}, away: new(bool)}
	caller := domain.Principal{ID: uuid.MustParse("11111111-2222-4333-8444-555555555555"), Admin: true}
	responses := once{log: log, owner: caller.ID.String(), gone: map[uuid.UUID]bool{}, now: &now, meanwhile: new(func(domain.Authorization))}
	_, w, err := domain.NewEraseResponse(responses, time.Now).Repeatable(domain.NewRepeats(log, [][]byte{[]byte("secret")})).
		ExecuteOnce(t.Context(), caller, uuid.MustParse("aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee"), false, "k")
	if salt := hex.EncodeToString(w.Salt[:]); err != nil || w.Receipt.String() != "81e3bc5c-b9d0-4f81-b118-f94641beeda4" ||
		salt != "8cfb141a28c2545c68cca15c154ea4c2d1ec2032718cbc74b07b18aa5500f270" {
		t.Errorf("got receipt %s and salt %s, which differ from those of earlier versions; %v", w.Receipt, salt, err)
	}
}
