package translog

import (
	"slices"
	"strings"
	"testing"

	"lethe/adapters/postgres"
	"lethe/domain"
	"lethe/receipt"
)

// played replaces the server's view of its standbys by a table, and returns a log
// that reads it.
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

// standby sets what a standby has replayed, as an SQL expression; empty means it is
// not connected.
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
			t.Errorf("got a checkpoint of %d leaves, want %d", b.tree(signed).N, want)
		}
	}
	seal := func(l *Log) {
		t.Helper()
		b.write(1)
		if n, err := l.Seal(t.Context()); err != nil || n != 1 {
			t.Fatalf("sealed %d (error %v)", n, err)
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
		t.Errorf("published %d of those that both standbys have: %v", n, err)
	}
	shown(3)
	b.exec("INSERT INTO played.pg_stat_replication (application_name, replay_lsn) VALUES ('near', '0/1')")
	b.standby("far", current)
	publish("two under one name, of which one is behind", 0)
	b.exec("DELETE FROM played.pg_stat_replication")
	publish("both gone", 0, "far", "near")
	shown(3)

	// Without standbys to wait for, everything is published at once.
	if n, _, err := b.Publish(t.Context()); err != nil || n != 1 {
		t.Errorf("published %d (error %v)", n, err)
	}
	shown(4)
	seal(b.Log)
	shown(5)
	b.sound(5)
}

// TestPublishNotPermitted: without the privilege, the view's columns are null,
// which must not count as a missing standby.
func TestPublishNotPermitted(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	l := b.open(Config{Signers: []receipt.Signer{b.signer}, Standbys: []string{"near"}})
	_, _, err := l.Publish(t.Context())
	if domain.CodeOf(err) != domain.CodeInternal || !strings.Contains(err.Error(), "pg_monitor") {
		t.Errorf("got %v, want an error naming pg_monitor", err)
	}
	b.exec(`GRANT pg_monitor TO "` + b.role.Pool().Config().ConnConfig.User + `"`)
	if _, absent, err := l.Publish(t.Context()); err != nil || !slices.Equal(absent, []string{"near"}) {
		t.Errorf("with the privilege: got %q missing (error %v)", absent, err)
	}
}

// TestPositionAfterCommit: the position that standbys must have replayed is
// not before the end of the sealing transaction.
func TestPositionAfterCommit(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	l := b.played("near")
	for range 3 {
		b.write(1)
		if n, err := l.Seal(t.Context()); err != nil || n != 1 {
			t.Fatalf("sealed %d (error %v)", n, err)
		}
		var after string
		if err := b.owner.Pool().QueryRow(t.Context(), "SELECT pg_current_wal_lsn()::text").Scan(&after); err != nil {
			t.Fatal(err)
		}
		if n := b.number("SELECT count(*) FROM lethe.checkpoints WHERE lsn IS NULL"); n != 1 {
			t.Errorf("%d checkpoints have no position before the first look", n)
		}
		if _, _, err := l.Publish(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := b.number("SELECT count(*) FROM lethe.checkpoints WHERE lsn < $1::text::pg_lsn AND size = (SELECT max(size) FROM lethe.checkpoints)", after); n != 0 {
			t.Error("the position is before the commit")
		}
	}
}

// TestPositionOfOtherCluster: a restored dump contains unpublished checkpoints.
// Their positions are in the write-ahead log of the first cluster, which may be far
// ahead of this one's.
func TestPositionOfOtherCluster(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	l := b.played("near")
	b.write(1)
	if n, err := l.Seal(t.Context()); err != nil || n != 1 {
		t.Fatalf("sealed %d (error %v)", n, err)
	}
	b.exec("UPDATE lethe.checkpoints SET lsn = 'FFFFFF/0'")
	b.standby("near", "'0/1'::pg_lsn")
	if n, _, err := l.Publish(t.Context()); err != nil || n != 0 {
		t.Errorf("published %d before the standby replayed it: %v", n, err)
	}
	b.standby("near", "pg_current_wal_lsn()")
	if n, _, err := l.Publish(t.Context()); err != nil || n != 1 {
		t.Errorf("published %d (error %v)", n, err)
	}
}
