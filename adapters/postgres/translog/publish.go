package translog

import (
	"context"

	"lethe/adapters/postgres"
	"lethe/adapters/postgres/translog/internal/dbsqlc"
	"lethe/domain"
)

// Publish publishes the checkpoints that all configured standbys have replayed, by the
// write-ahead log position read after the checkpoint's commit: a failover to one of
// them cannot lose these. It returns their number, and the standbys that are not
// connected. Several processes may call it. It fails with CodeInternal if the role may
// not see what standbys have replayed; other errors are those of MapError.
func (l *Log) Publish(ctx context.Context) (published int64, absent []string, err error) {
	permitted := true
	err = l.db.Use(ctx, func(c postgres.Conn) (err error) {
		queries := dbsqlc.New(c)
		if len(l.standbys) == 0 {
			published, err = queries.PublishAll(ctx)
			return err
		}
		if err := queries.MarkPlace(ctx); err != nil {
			return err
		}
		return c.QueryRow(ctx, publishReplayed, l.standbys).Scan(&permitted, &published, &absent)
	})
	switch {
	case err != nil:
		return 0, nil, err
	case !permitted:
		return 0, nil, domain.Errorf(domain.CodeInternal, "No checkpoint was published, since the role may not see what the standbys have replayed: GRANT pg_monitor to it")
	}
	return published, absent, nil
}

// A standby that is not connected has replayed nothing; of several with the same name,
// only the one furthest behind counts.
const publishReplayed = `-- name: PublishReplayed :one
WITH standbys AS (
    SELECT wanted.name, min(coalesce(r.replay_lsn, '0/0')) FILTER (WHERE r.pid IS NOT NULL) AS replayed
    FROM unnest($1::text[]) AS wanted (name)
    LEFT JOIN pg_stat_replication r ON r.application_name = wanted.name
    GROUP BY wanted.name
), published AS (
    UPDATE lethe.checkpoints c SET published_at = clock_timestamp()
    WHERE c.published_at IS NULL AND c.lsn <= (SELECT min(coalesce(s.replayed, '0/0')) FROM standbys s)
    RETURNING c.size
)
SELECT pg_has_role('pg_read_all_stats', 'USAGE'),
       (SELECT count(*) FROM published),
       ARRAY (SELECT s.name FROM standbys s WHERE s.replayed IS NULL ORDER BY s.name)`
