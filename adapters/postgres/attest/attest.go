// Package attest finds out which levels erasures have reached after the first, and
// writes receipts for these: further leaves of the log, each about the receipt of an
// erasure.
//
// [Attester] writes the receipts, [Standbys] finds out what all standbys have replayed,
// and [Vacuum] which dead rows are gone.
package attest

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/google/uuid"

	"lethe/adapters/postgres"
	"lethe/adapters/postgres/attest/internal/dbsqlc"
	"lethe/domain"
	"lethe/receipt"
)

// batch is how many leaves one transaction looks at.
const batch = 2000

type Issuer struct {
	Build string // the program's version
	Now   func() time.Time
}

// Attester writes receipts of later levels.
type Attester struct {
	db     *postgres.DB
	issuer Issuer
}

// New makes the attester on the primary of fusillade's database.
func New(db *postgres.DB, issuer Issuer) (*Attester, error) {
	if db == nil || issuer.Build == "" || issuer.Now == nil {
		return nil, errors.New("attesting needs a database, a version and a clock")
	}
	return &Attester{db, issuer}, nil
}

// later says of each later level how it was verified and which gaps it closes; its
// receipts name all other gaps.
var later = map[receipt.Level]struct {
	verified receipt.Verification
	closes   []receipt.Gap
}{
	receipt.LevelReplicated: {receipt.VerifiedOnStandbys, []receipt.Gap{receipt.GapReplicas}},
	receipt.LevelVacuumed:   {receipt.VerifiedByCutoff, nil},
	receipt.LevelRewritten:  {receipt.VerifiedByRewrite, []receipt.Gap{receipt.GapPages}},
	receipt.LevelExpired:    {receipt.VerifiedByOperator, []receipt.Gap{receipt.GapWAL, receipt.GapBackups}},
}

// Leaf is the receipt of an erasure in the log.
type Leaf struct {
	Index     int64
	ID        uuid.UUID
	CreatedAt time.Time
	Age       time.Duration // by the database's clock
	// Horizon is the first transaction that had not begun when the receipt was written:
	// every version of an erased row is older. If the receipt was written in another
	// cluster, it is a later transaction of this one.
	Horizon uint64
}

// CutOff selects leaves all of whose dead rows are removable below a cutoff.
func CutOff(cutoff uint64) func(Leaf) bool {
	return func(l Leaf) bool { return l.Horizon <= cutoff }
}

// commitTime allows for the time between writing a receipt and its commit, which comes
// in the same round trip.
const commitTime = time.Minute

// Before selects leaves whose erasures were committed before a time.
func Before(t time.Time) func(Leaf) bool {
	return func(l Leaf) bool { return l.CreatedAt.Before(t.Add(-commitTime)) }
}

// Outcome is how far a level was attested.
type Outcome struct {
	Written int64 // receipts
	Open    int64 // sealed erasures that have not reached the level
	Next    *Leaf // the first of these; nil: none was looked at
}

// Attest writes a receipt of the level for each erasure that has reached it, in the
// log's order, up to the first that has not. It works in batches of one transaction
// each. Several processes may attest a level; each erasure gets at most one receipt of
// it. If dry is set, nothing is written, and Outcome says what would be. Errors are
// those of MapError.
func (s *Attester) Attest(ctx context.Context, level receipt.Level, reached func(Leaf) bool, dry bool) (Outcome, error) {
	var o Outcome
	log, err := s.log(ctx)
	if err != nil {
		return o, err
	}
	var from int64
	for done := false; !done; {
		var next *Leaf
		var written int64
		err := s.db.Tx(ctx, func(tx *postgres.Tx) error {
			q := dbsqlc.New(tx)
			mark, err := q.Mark(ctx, string(level))
			if err != nil {
				return err
			}
			var come []Leaf
			come, next, from, err = leaves(ctx, q, max(mark, from), log.Size, reached)
			if err != nil {
				return err
			}
			done = next != nil || from >= log.Size
			if written = int64(len(come)); dry || from <= mark {
				return nil
			}
			if written, err = s.issue(ctx, q, log.Origin, level, come); err != nil {
				return err
			}
			return q.Advance(ctx, dbsqlc.AdvanceParams{Level: string(level), Leaves: from})
		})
		if err != nil {
			return o, err
		}
		o.Written += written
		o.Next = next
	}
	err = s.db.Use(ctx, func(c postgres.Conn) (err error) {
		o.Open, err = dbsqlc.New(c).Open(ctx, string(level))
		return err
	})
	if dry {
		o.Open -= o.Written
	}
	return o, err
}

// Foreign counts the erasures that have not reached the level vacuumed and come from
// another cluster, of which this database is a dump or an upgrade, or from before
// clusters were told apart.
func (s *Attester) Foreign(ctx context.Context) (int64, error) {
	var row dbsqlc.ForeignRow
	err := s.db.Use(ctx, func(c postgres.Conn) (err error) {
		row, err = dbsqlc.New(c).Foreign(ctx)
		return err
	})
	if err == nil && !row.Known {
		err = domain.Errorf(domain.CodeForbidden, "The role may not identify the database's cluster; as a superuser, GRANT EXECUTE ON FUNCTION pg_control_system() to it")
	}
	return row.Erasures, err
}

// NoticeCluster gives the cluster a horizon if it has none: no version of a row erased
// elsewhere before is of a later transaction. Call it before a vacuum, so that the
// vacuum can attest erasures from another cluster. It returns the result of Foreign, or
// CodeForbidden if the role may not identify the cluster; other errors are those of
// MapError.
func (s *Attester) NoticeCluster(ctx context.Context) (foreign int64, err error) {
	if foreign, err = s.Foreign(ctx); err != nil {
		return 0, err
	}
	return foreign, s.db.Use(ctx, func(c postgres.Conn) error {
		_, err := dbsqlc.New(c).NoticeCluster(ctx)
		return err
	})
}

// log returns the state of the log; without a leaf if nothing has been sealed.
func (s *Attester) log(ctx context.Context) (log dbsqlc.LogRow, err error) {
	err = s.db.Use(ctx, func(c postgres.Conn) (err error) {
		log, err = dbsqlc.New(c).Log(ctx)
		return err
	})
	if domain.CodeOf(err) == domain.CodeNotFound {
		return dbsqlc.LogRow{}, nil
	}
	return log, err
}

// leaves reads a batch of erasures up to next, the first that has not reached a level,
// and returns where to go on.
func leaves(ctx context.Context, q *dbsqlc.Queries, first, beyond int64, reached func(Leaf) bool) (come []Leaf, next *Leaf, from int64, err error) {
	rows, err := q.Leaves(ctx, dbsqlc.LeavesParams{First: first, Beyond: beyond, Max: batch})
	if err != nil {
		return nil, nil, first, err
	}
	from = first
	for _, row := range rows {
		leaf := Leaf{Index: *row.LeafIndex, ID: row.ID, CreatedAt: row.CreatedAt, Age: time.Duration(row.AgeSeconds * float64(time.Second))}
		if leaf.Index != from {
			return nil, nil, first, damaged(from)
		}
		if row.Erasure {
			if leaf.Horizon, err = strconv.ParseUint(row.Horizon, 10, 64); err != nil {
				return nil, nil, first, err
			}
			if !reached(leaf) {
				return come, &leaf, from, nil
			}
			come = append(come, leaf)
		}
		from++
	}
	if len(rows) < batch && from < beyond {
		return nil, nil, first, damaged(from)
	}
	return come, nil, from, nil
}

func damaged(index int64) error {
	return &domain.Error{
		Code:    domain.CodeInternal,
		Message: "The log of erasures does not match its signatures; run `lethe doctor`",
		Cause:   fmt.Errorf("the receipt of leaf %d is missing", index),
	}
}

func (s *Attester) issue(ctx context.Context, q *dbsqlc.Queries, origin string, level receipt.Level, about []Leaf) (int64, error) {
	if len(about) == 0 {
		return 0, nil
	}
	says := later[level]
	rows := dbsqlc.IssueParams{Level: string(level)}
	now := s.issuer.Now()
	for _, leaf := range about {
		id := uuid.New()
		body, err := receipt.Encode(receipt.Receipt{
			ID: id, Log: origin, Level: level, About: leaf.ID, ExecutedAt: now,
			Build: s.issuer.Build, Verified: says.verified, NotCovered: receipt.GapsBut(says.closes...),
		})
		if err != nil {
			return 0, err
		}
		rows.Ids, rows.Abouts, rows.Bodies = append(rows.Ids, id), append(rows.Abouts, leaf.ID), append(rows.Bodies, body)
	}
	return q.Issue(ctx, rows)
}
