package translog

import (
	"slices"
	"strings"
	"testing"

	"lethe/adapters/postgres"
	"lethe/domain"
	"lethe/receipt"
)

// played hides the server's view of its standbys behind a table, and gives the
// log a way in that sees it.
func (b *fixture) played(standbys ...string) *Log {
	b.t.Helper()
	b.exec(`CREATE SCHEMA played;
		CREATE TABLE played.pg_stat_replication (pid int DEFAULT 1, application_name text, replay_lsn pg_lsn);
		CREATE FUNCTION played.pg_has_role(text, text) RETURNS boolean LANGUAGE sql AS 'SELECT true';
		GRANT USAGE ON SCHEMA played TO PUBLIC;
		GRANT SELECT ON played.pg_stat_replication TO PUBLIC`)
	db := openDB(b.t, postgres.Config{URL: b.database.RoleURL, SearchPath: []string{"played", "pg_catalog"}})
	l, err := New(db, Config{Signers: []receipt.Signer{b.signer}, Standbys: standbys})
	if err != nil {
		b.t.Fatal(err)
	}
	return l
}

// standby says what a standby has replayed: an expression, or nothing where it
// is not connected.
func (b *fixture) standby(name, replayed string) {
	b.t.Helper()
	b.exec("DELETE FROM played.pg_stat_replication WHERE application_name = $1", name)
	if replayed != "" {
		b.exec("INSERT INTO played.pg_stat_replication (application_name, replay_lsn) SELECT $1, "+replayed, name)
	}
}

func TestPublish(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	l := b.played("near", "far")
	const (
		current = "pg_current_wal_lsn()"
		before  = "(SELECT min(lsn) - 1 FROM lethe.checkpoints WHERE published_at IS NULL)"
	)
	publish := func(name string, want int64, absent ...string) {
		t.Helper()
		n, missing, err := l.Publish(t.Context())
		if err != nil || n != want || !slices.Equal(missing, absent) {
			t.Errorf("%s: published %d without %q, want %d without %q: %v", name, n, missing, want, absent, err)
		}
	}
	shown := func(want int64) {
		t.Helper()
		signed, err := l.Checkpoint(t.Context())
		switch {
		case want == 0 && domain.CodeOf(err) == domain.CodeNotFound:
		case err != nil:
			t.Error(err)
		case b.tree(signed).N != want:
			t.Errorf("a checkpoint of %d leaves is shown, want %d", b.tree(signed).N, want)
		}
	}
	seal := func(l *Log) {
		t.Helper()
		b.write(1)
		if n, err := l.Seal(t.Context()); err != nil || n != 1 {
			t.Fatalf("sealed %d, %v", n, err)
		}
	}

	publish("nothing there, nobody connected", 0, "far", "near")
	seal(l)
	publish("nobody connected", 0, "far", "near")
	b.standby("near", current)
	publish("one of two", 0, "far")
	b.standby("far", before)
	publish("one behind", 0)
	b.standby("far", "NULL::pg_lsn")
	publish("one that does not say", 0)
	b.exec("INSERT INTO played.pg_stat_replication (application_name, replay_lsn) VALUES ('other', 'FFFFFFFF/0')")
	publish("another one far ahead", 0)
	shown(0)
	b.standby("far", current)
	b.standby("near", current)
	publish("both", 1)
	shown(1)

	seal(l)
	seal(l)
	publish("sealed after what they have replayed", 0)
	shown(1)
	b.standby("near", current)
	b.standby("far", "(SELECT lsn FROM lethe.checkpoints WHERE size = 2)")
	seal(l)
	if n, _, err := l.Publish(t.Context()); err != nil || n != 2 {
		t.Errorf("published %d of those that both have: %v", n, err)
	}
	shown(3)
	b.exec("INSERT INTO played.pg_stat_replication (application_name, replay_lsn) VALUES ('near', '0/1')")
	b.standby("far", current)
	publish("two under one name, of which one is behind", 0)
	b.exec("DELETE FROM played.pg_stat_replication")
	publish("both gone", 0, "far", "near")
	shown(3)

	// Once none has to be waited for, all is published, and at once.
	if n, _, err := b.Publish(t.Context()); err != nil || n != 1 {
		t.Errorf("published %d, %v", n, err)
	}
	shown(4)
	seal(b.Log)
	shown(5)
	b.sound(5)
}

// TestPublishIsNotPermitted: without the privilege, the columns are null, and
// that is not taken for a standby that is not there.
func TestPublishIsNotPermitted(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	l := b.open(Config{Signers: []receipt.Signer{b.signer}, Standbys: []string{"near"}})
	_, _, err := l.Publish(t.Context())
	if domain.CodeOf(err) != domain.CodeInternal || !strings.Contains(err.Error(), "pg_monitor") {
		t.Errorf("got %v", err)
	}
	b.exec(`GRANT pg_monitor TO "` + b.role.Pool().Config().ConnConfig.User + `"`)
	if _, absent, err := l.Publish(t.Context()); err != nil || !slices.Equal(absent, []string{"near"}) {
		t.Errorf("with the privilege: %q, %v", absent, err)
	}
}

// TestThePlaceIsAfterTheCommit: the place that standbys have to have replayed is
// not before the end of the sealing's transaction.
func TestThePlaceIsAfterTheCommit(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	l := b.played("near")
	for range 3 {
		b.write(1)
		if n, err := l.Seal(t.Context()); err != nil || n != 1 {
			t.Fatalf("sealed %d, %v", n, err)
		}
		var after string
		if err := b.owner.Pool().QueryRow(t.Context(), "SELECT pg_current_wal_lsn()::text").Scan(&after); err != nil {
			t.Fatal(err)
		}
		if n := b.number("SELECT count(*) FROM lethe.checkpoints WHERE lsn IS NULL"); n != 1 {
			t.Errorf("%d checkpoints are without a place before anyone has looked", n)
		}
		if _, _, err := l.Publish(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := b.number("SELECT count(*) FROM lethe.checkpoints WHERE lsn < $1::text::pg_lsn AND size = (SELECT max(size) FROM lethe.checkpoints)", after); n != 0 {
			t.Error("the place is before the commit")
		}
	}
}

// TestPlaceOfAnotherCluster: a dump that is restored brings checkpoints along
// that were not published yet. Their places are in the write-ahead log of the
// first cluster, and may be far ahead of this one's.
func TestPlaceOfAnotherCluster(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	l := b.played("near")
	b.write(1)
	if n, err := l.Seal(t.Context()); err != nil || n != 1 {
		t.Fatalf("sealed %d, %v", n, err)
	}
	b.exec("UPDATE lethe.checkpoints SET lsn = 'FFFFFF/0'")
	b.standby("near", "'0/1'::pg_lsn")
	if n, _, err := l.Publish(t.Context()); err != nil || n != 0 {
		t.Errorf("published %d before the standby had it: %v", n, err)
	}
	b.standby("near", "pg_current_wal_lsn()")
	if n, _, err := l.Publish(t.Context()); err != nil || n != 1 {
		t.Errorf("published %d, %v", n, err)
	}
}
