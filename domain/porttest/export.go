package porttest

import (
	"context"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/google/uuid"

	"lethe/domain"
)

// testGetAll compares each response with what Get returns.
func testGetAll(t *testing.T, f ResponsesFixture) {
	ctx := t.Context()
	all := f.Responses().(domain.ContentsReader)
	owner := uuid.NewString()
	ids := []uuid.UUID{uuid.New(), uuid.Nil}
	for i, state := range append(states, states...) {
		row := NewRow(owner, state, start)
		switch i {
		case 1:
			row.Owner = "another"
		case 2:
			row.NoTemplate, row.Prompt = true, ""
		case 3:
			row.File = DeletedFile
		case 4:
			row.Prompt = strings.Repeat("x", 1000)
		case 5:
			row.Owner, row.Batched = "", true
		}
		f.AddResponse(row)
		ids = append(ids, row.ID)
	}
	for _, owners := range [][]string{nil, {}, {owner}, {owner, "another"}, {"nobody"}} {
		for _, limit := range []int64{0, 100, 1000, math.MaxInt64} {
			got, err := all.GetAll(ctx, ids, owners, limit)
			if err != nil {
				t.Fatal(err)
			}
			found := 0
			for _, id := range ids {
				response, contents, err := f.Responses().Get(ctx, id, owners, limit, nil)
				if domain.CodeOf(err) == domain.CodeNotFound {
					continue
				}
				found++
				if want := (domain.ResponseContents{Response: response, Contents: contents}); err != nil || !reflect.DeepEqual(got[id], want) {
					t.Errorf("owners %v, limit %d: want %+v, got %+v, %v", owners, limit, want, got[id], err)
				}
			}
			if len(got) != found {
				t.Errorf("owners %v, limit %d: want %d responses, got %d", owners, limit, found, len(got))
			}
		}
	}
	if got, err := all.GetAll(ctx, nil, nil, 0); err != nil || len(got) != 0 {
		t.Errorf("none: got %v, %v", got, err)
	}
	if _, err := f.Responses().Erase(ctx, ids[2], nil, Permit); err != nil {
		t.Fatal(err)
	}
	if got, err := all.GetAll(ctx, ids[:4], nil, math.MaxInt64); err != nil || len(got) != 1 {
		t.Errorf("after an erasure: want the other one, got %v, %v", got, err)
	}
	ctx, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := all.GetAll(ctx, ids, nil, 0); !errors.Is(err, context.Canceled) {
		t.Errorf("want the context's error, got %v", err)
	}
}
