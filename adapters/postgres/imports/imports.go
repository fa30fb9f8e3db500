// Package imports keeps responses that were read from files, in a database of Lethe's own.
// [Imports] begins a [Unit], which is a transaction; [Kept] counts what became of them.
package imports

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"lethe/adapters/postgres"
	"lethe/adapters/postgres/imports/internal/dbsqlc"
	"lethe/domain"
)

const (
	// lockKey is "import" in ASCII.
	lockKey = 0x696d706f7274

	rollbackTimeout = 5 * time.Second
)

// Imports writes to the tables of responses. It needs the privileges of the tables' owner, and all tables in one database.
type Imports struct {
	db     *postgres.DB
	schema string // fusillade's
	now    func() time.Time
}

// New makes the adapter; now is the clock.
func New(db *postgres.DB, schema string, now func() time.Time) (*Imports, error) {
	if db == nil {
		return nil, errors.New("imports need a database")
	}
	return &Imports{db, schema, now}, nil
}

// Analyze updates the statistics that estimates and plans come from.
func (i *Imports) Analyze(ctx context.Context) error {
	return i.db.Use(ctx, func(c postgres.Conn) error { return dbsqlc.New(c).Analyze(ctx) })
}

// Kept counts what became of responses.
type Kept struct {
	Kept    int64 `json:"kept"`
	Present int64 `json:"present"` // were there already, and equal
	Erased  int64 `json:"erased"`  // were erased within the last day, and stay so
	NoCost  int64 `json:"no_cost"` // kept, but no usage record can have their cost
	NoTier  int64 `json:"no_tier"` // kept, but the tables do not know their tier
}

// Add adds other responses.
func (k *Kept) Add(more Kept) {
	k.Kept += more.Kept
	k.Present += more.Present
	k.Erased += more.Erased
	k.NoCost += more.NoCost
	k.NoTier += more.NoTier
}

// Unit is a transaction.
type Unit struct {
	of       *Imports
	tx       pgx.Tx
	instance uuid.UUID // of its usage records
	numbered int64     // the last of them
}

// Begin begins a unit, and makes other imports wait for its end: CodeConflict if one is at
// work.
func (i *Imports) Begin(ctx context.Context) (*Unit, error) {
	tx, err := i.db.Pool().Begin(ctx)
	if err != nil {
		return nil, mapped(ctx, err)
	}
	u := &Unit{of: i, tx: tx, instance: uuid.New()}
	free, err := dbsqlc.New(tx).TakeTurn(ctx, lockKey)
	if err == nil && !free {
		err = domain.Errorf(domain.CodeConflict, "another import is writing to this database: wait for its end")
	}
	if err != nil {
		u.Rollback()
		return nil, mapped(ctx, err)
	}
	return u, nil
}

// Commit keeps everything that was added.
func (u *Unit) Commit(ctx context.Context) error { return mapped(ctx, u.tx.Commit(ctx)) }

// Rollback keeps nothing of it. After Commit it does nothing.
func (u *Unit) Rollback() {
	ctx, cancel := context.WithTimeout(context.Background(), rollbackTimeout)
	defer cancel()
	_ = u.tx.Rollback(ctx)
}

// Add keeps responses with different identifiers. A response that is there already and
// equal, or that was erased, is passed over. CodeConflict if one is there with other
// contents; the message names its place.
func (u *Unit) Add(ctx context.Context, responses []domain.ImportedResponse) (Kept, error) {
	if len(responses) == 0 {
		return Kept{}, nil
	}
	found, err := u.find(ctx, responses)
	if err != nil {
		return Kept{}, mapped(ctx, err)
	}
	rows := newRows(u, len(responses))
	for _, r := range responses {
		if r.Tier = keptTier(r.Tier, &rows.kept); found.erased[r.ID] {
			rows.kept.Erased++
			continue
		}
		if present, is := found.present[r.ID]; is {
			if field := differs(present, r); field != "" {
				return Kept{}, domain.Errorf(domain.CodeConflict, "%s: a response with its id is in the database, with another %s", r.Place, field)
			}
			rows.kept.Present++
			continue
		}
		rows.add(r, found.users)
	}
	if err := rows.copy(ctx); err != nil {
		return Kept{}, mapped(ctx, err)
	}
	return rows.kept, nil
}

// found is what the database knows of responses.
type found struct {
	present map[uuid.UUID]dbsqlc.PresentRow
	erased  map[uuid.UUID]bool
	users   map[uuid.UUID]bool
}

// find asks first for responses, then for those that were erased: one that is erased in
// between is found twice, and never not at all.
func (u *Unit) find(ctx context.Context, responses []domain.ImportedResponse) (found, error) {
	f := found{map[uuid.UUID]dbsqlc.PresentRow{}, map[uuid.UUID]bool{}, map[uuid.UUID]bool{}}
	ids := make([]uuid.UUID, len(responses))
	owners := map[uuid.UUID]bool{}
	for i, r := range responses {
		ids[i] = r.ID
		if id, err := uuid.Parse(r.Owner); err == nil {
			owners[id] = true
		}
	}
	var distinct []uuid.UUID
	for id := range owners {
		distinct = append(distinct, id)
	}
	q := dbsqlc.New(u.tx)
	present, err := q.Present(ctx, ids)
	if err != nil {
		return f, err
	}
	for _, row := range present {
		f.present[row.ID] = row
	}
	erased, err := q.Erased(ctx, ids)
	if err != nil {
		return f, err
	}
	for _, id := range erased {
		f.erased[id] = true
	}
	users, err := q.Users(ctx, distinct)
	if err != nil {
		return f, err
	}
	for _, id := range users {
		f.users[id] = true
	}
	return f, nil
}

// mapped is postgres.MapError, except that the end of the context comes first.
func mapped(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	return postgres.MapError(err)
}
