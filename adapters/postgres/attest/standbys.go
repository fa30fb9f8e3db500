package attest

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"lethe/adapters/postgres"
	"lethe/adapters/postgres/attest/internal/dbsqlc"
	"lethe/domain"
	"lethe/receipt"
)

type Standbys struct {
	*Attester
	standbys []*postgres.DB
	// awaited is the state of the log at the previous call, which the standbys must
	// have replayed. They have the time in between for it.
	awaited  dbsqlc.LogRow
	attested int64 // leaves of the log
}

// NewStandbys takes a database for each standby, whose search_path begins with
// fusillade's schema. Only one caller at a time may use the result.
func (s *Attester) NewStandbys(standbys []*postgres.DB) (*Standbys, error) {
	if len(standbys) == 0 || slices.Contains(standbys, nil) {
		return nil, errors.New("at least one standby must be given")
	}
	return &Standbys{Attester: s, standbys: standbys}, nil
}

// graceTime is how long to wait for the sweep of rows that were written again after an
// erasure. After that the erasure does not reach the level.
const graceTime = 10 * time.Minute

// Attest writes a receipt of the level replicated for each erasure that was in the log
// at the previous call, once every standby has replayed past that and shows none of its
// requests and steps. Erasures whose requests are no longer known, which is after about
// a day, cannot be read back and get none; nor do those whose requests were written
// again and not swept within ten minutes, which it counts as passed. If another process
// is attesting, it does nothing. It fails with CodeInternal if a standby is not one of
// this database; other errors are those of MapError.
func (s *Standbys) Attest(ctx context.Context) (written, passed int64, err error) {
	log, err := s.log(ctx)
	if err != nil || log.Size == s.attested {
		return 0, 0, err
	}
	if s.awaited.Size == 0 {
		s.awaited = log
		return 0, 0, nil
	}
	cluster, err := identity(ctx, s.db)
	if err != nil {
		return 0, 0, err
	}
	for _, standby := range s.standbys {
		if has, err := replayed(ctx, standby, cluster, s.awaited.Place); err != nil || !has {
			return 0, 0, err
		}
	}
	for more := true; more; {
		var b attested
		err := s.db.Tx(ctx, func(tx *postgres.Tx) (err error) {
			b, err = s.attest(ctx, dbsqlc.New(tx))
			return err
		})
		if err != nil {
			return written, passed, err
		}
		written, passed, more = written+b.written, passed+b.passed, b.more
		s.attested = max(s.attested, b.mark)
	}
	s.awaited = log
	return written, passed, nil
}

type attested struct {
	written, passed int64
	mark            int64 // leaves before it are attested
	more            bool
}

func (s *Standbys) attest(ctx context.Context, q *dbsqlc.Queries) (b attested, err error) {
	const level = receipt.LevelReplicated
	b.mark, err = q.FreeMark(ctx, string(level))
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return attested{}, nil
	case err != nil || b.mark >= s.awaited.Size:
		return b, err
	}
	found, _, beyond, err := leaves(ctx, q, b.mark, s.awaited.Size, func(Leaf) bool { return true })
	if err != nil {
		return b, err
	}
	requests, err := known(ctx, q, found)
	if err != nil {
		return b, err
	}
	there, err := s.stillThere(ctx, requests)
	if err != nil {
		return b, err
	}
	b.mark, b.more = beyond, beyond < s.awaited.Size
	var come []Leaf
	for _, leaf := range found {
		of := requests[leaf.ID]
		again := slices.ContainsFunc(of, func(id uuid.UUID) bool { return there[id] })
		if again && leaf.Age < graceTime {
			b.mark, b.more = leaf.Index, false
			break
		}
		if again {
			b.passed++
		} else if len(of) > 0 {
			come = append(come, leaf)
		}
	}
	if b.written, err = s.issue(ctx, q, s.awaited.Origin, level, come); err != nil {
		return b, err
	}
	return b, q.Advance(ctx, dbsqlc.AdvanceParams{Level: string(level), Leaves: b.mark})
}

// known returns the requests of those erasures whose requests are still known.
func known(ctx context.Context, q *dbsqlc.Queries, erasures []Leaf) (map[uuid.UUID][]uuid.UUID, error) {
	ids := make([]uuid.UUID, len(erasures))
	for i, leaf := range erasures {
		ids[i] = leaf.ID
	}
	tombstones, err := q.Tombstones(ctx, ids)
	requests := make(map[uuid.UUID][]uuid.UUID, len(tombstones))
	for _, t := range tombstones {
		requests[t.ReceiptID] = t.RequestIds
	}
	return requests, err
}

// stillThere returns the requests that a standby shows.
func (s *Standbys) stillThere(ctx context.Context, requests map[uuid.UUID][]uuid.UUID) (map[uuid.UUID]bool, error) {
	var all []uuid.UUID
	for _, of := range requests {
		all = append(all, of...)
	}
	there := map[uuid.UUID]bool{}
	if len(all) == 0 {
		return there, nil
	}
	for _, standby := range s.standbys {
		err := standby.Use(ctx, func(c postgres.Conn) error {
			q := dbsqlc.New(c)
			found, err := q.StillThere(ctx, all)
			if err != nil {
				return err
			}
			retained, err := q.BesideRetained(ctx)
			if err == nil && retained {
				var moved []uuid.UUID
				moved, err = q.RetainedStillThere(ctx, all)
				found = append(found, moved...)
			}
			for _, id := range found {
				there[id] = true
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return there, nil
}

// identity names the cluster of a database, which its physical standbys copy.
func identity(ctx context.Context, db *postgres.DB) (cluster string, err error) {
	err = db.Use(ctx, func(c postgres.Conn) error {
		return c.QueryRow(ctx, clusterQuery).Scan(&cluster)
	})
	return cluster, err
}

const clusterQuery = `-- name: Cluster :one
SELECT system_identifier::text FROM pg_control_system()`

// replayed reports whether a standby has replayed past a place in the primary's
// write-ahead log.
func replayed(ctx context.Context, standby *postgres.DB, cluster, place string) (has bool, err error) {
	var its string
	var recovers bool
	err = standby.Use(ctx, func(c postgres.Conn) error {
		return c.QueryRow(ctx, replayedQuery, place).Scan(&its, &recovers, &has)
	})
	if err == nil && (its != cluster || !recovers) {
		return false, domain.Errorf(domain.CodeInternal, "A database in erasure.standby_urls is not a standby of the primary; correct its URL")
	}
	return has, err
}

const replayedQuery = `-- name: Replayed :one
SELECT system_identifier::text, pg_is_in_recovery(), coalesce(pg_last_wal_replay_lsn() >= $1::text::pg_lsn, false)
FROM pg_control_system()`
