package translog

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"lethe/domain"
	"lethe/internal/testreceipt"
	"lethe/receipt"
)

// TestTampering: any change that the database's owner could make is found by the
// next sealing, which then seals nothing, and named by the audit. The log has two
// full tiles and a partial one.
func TestTampering(t *testing.T) {
	t.Parallel()
	const size = 600
	for name, c := range map[string]struct {
		sql     string
		sealing string // its error; empty: sealing does not check this
		audit   string
	}{
		"a receipt changed":              {"UPDATE lethe.receipts SET body = set_byte(body, 200, 33) WHERE leaf_index = 5", "leaf 5,", "leaf 5, was modified"},
		"one of the last tile":           {"UPDATE lethe.receipts SET body = set_byte(body, 200, 33) WHERE leaf_index = 599", "leaf 599,", "leaf 599, was modified"},
		"a receipt removed":              {"DELETE FROM lethe.receipts WHERE leaf_index = 300", "leaf 300 is missing", "leaf 300 is missing"},
		"the last one removed":           {"DELETE FROM lethe.receipts WHERE leaf_index = 599", "leaf 599 is missing", "leaf 599 is missing"},
		"one taken out of the log":       {"UPDATE lethe.receipts SET leaf_index = NULL WHERE leaf_index = 7", "leaf 7 is missing", "leaf 7 is missing"},
		"two exchanged":                  {"UPDATE lethe.receipts a SET body = b.body FROM lethe.receipts b WHERE a.leaf_index + b.leaf_index = 21 AND a.leaf_index IN (10, 11)", "leaf 10,", "leaf 10, was modified"},
		"the ids of two exchanged":       {"CREATE TABLE was AS SELECT id, leaf_index FROM lethe.receipts WHERE leaf_index IN (10, 11); DELETE FROM lethe.receipt_secrets; UPDATE lethe.receipts SET id = gen_random_uuid() WHERE leaf_index IN (10, 11); UPDATE lethe.receipts r SET id = w.id FROM was w WHERE r.leaf_index = 21 - w.leaf_index", "leaf 10,", "an id that is not its own"},
		"one added":                      {"INSERT INTO lethe.receipts (id, body, leaf_index) SELECT gen_random_uuid(), body, 600 FROM lethe.receipts WHERE leaf_index = 1", "outside of the tree", "leaf 600, which the tree does not have"},
		"one added far away":             {"INSERT INTO lethe.receipts (id, body, leaf_index) SELECT gen_random_uuid(), body, 9e18 FROM lethe.receipts WHERE leaf_index = 1", "outside of the tree", "leaf 9000000000000000000, which"},
		"a hash changed":                 {"UPDATE lethe.tiles SET hashes = set_byte(hashes, 33, get_byte(hashes, 33) # 1) WHERE level = 0 AND idx = 1", "do not match the signed tree", "tile 1 of level 0 was modified: the hash of leaf 257"},
		"a hash further up changed":      {"UPDATE lethe.tiles SET hashes = set_byte(hashes, 33, get_byte(hashes, 33) # 1) WHERE level = 1", "do not match the signed tree", "tile 0 of level 1 does not match leaves 256 to 511"},
		"a receipt and its hash changed": {"UPDATE lethe.receipts SET body = set_byte(body, 200, 33) WHERE leaf_index = 5; UPDATE lethe.tiles SET hashes = overlay(hashes placing (SELECT sha256('\\x00' || body) FROM lethe.receipts WHERE leaf_index = 5) from 161) WHERE level = 0 AND idx = 0", "do not match the signed tree", "does not match leaves 0 to 255"},
		"a tile removed":                 {"DELETE FROM lethe.tiles WHERE level = 0 AND idx = 1", "tile 1 of level 0", "tile 1 of level 0 is missing"},
		"the last tile removed":          {"DELETE FROM lethe.tiles WHERE level = 0 AND idx = 2", "tile 2 of level 0", "tile 2 of level 0 is missing"},
		"an upper tile removed":          {"DELETE FROM lethe.tiles WHERE level = 1", "tile 0 of level 1", "tile 0 of level 1 is missing"},
		"a tile shortened":               {"UPDATE lethe.tiles SET hashes = substring(hashes FROM 1 FOR 320) WHERE level = 0 AND idx = 1", "tile 1 of level 0 has width 10", "tile 1 of level 0 has width 10"},
		"the last tile lengthened":       {"UPDATE lethe.tiles SET hashes = hashes || substring(hashes FROM 1 FOR 32) WHERE level = 0 AND idx = 2", "tile 2 of level 0 has width 89", "tile 2 of level 0 has width 89"},
		"a tile added":                   {"INSERT INTO lethe.tiles SELECT level, 3, hashes FROM lethe.tiles WHERE level = 0 AND idx = 2", "outside of the tree", "tile 3 of level 0 has width 88 instead of 0"},
		"an upper tile added":            {"INSERT INTO lethe.tiles SELECT 9, 9e18, hashes FROM lethe.tiles WHERE level = 1", "", "of level 9 has width 2 instead of 0"},
		"the size changed":               {"UPDATE lethe.log_state SET size = 599", "outside of the tree", "has size 599 and the newest checkpoint 600"},
		"the root changed":               {"UPDATE lethe.log_state SET root = set_byte(root, 0, get_byte(root, 0) # 1)", "belongs to another tree", "root in the log's state does not match"},
		"the root cut":                   {"UPDATE lethe.log_state SET root = ''", "belongs to another tree", "root in the log's state does not match"},
		"the origin changed":             {"UPDATE lethe.log_state SET origin = 'example.com/other'", "is example.com/other", "is example.com/other"},
		"the state removed":              {"DELETE FROM lethe.log_state", "outside of the tree", "leaf 0, which the tree does not have"},
		"the newest checkpoint removed":  {"DELETE FROM lethe.checkpoints WHERE size = 600", "the newest checkpoint 300", "the newest checkpoint 300"},
		"all checkpoints removed":        {"DELETE FROM lethe.checkpoints", "the newest checkpoint 0", "the newest checkpoint 0"},
		"all but the receipts removed":   {"DELETE FROM lethe.checkpoints; DELETE FROM lethe.log_state; DELETE FROM lethe.tiles", "outside of the tree", "leaf 0, which the tree does not have"},
		"a signature changed":            {"UPDATE lethe.checkpoints SET note = set_byte(note, length(note) - 20, get_byte(note, length(note) - 20) # 1) WHERE size = 600", "the newest checkpoint: ", "size 600 was modified after signing"},
		"a checkpoint cut":               {"UPDATE lethe.checkpoints SET note = substring(note FROM 1 FOR 20) WHERE size = 600", "the newest checkpoint: malformed note", "size 600 was modified after signing"},
		"an older one in its place":      {"UPDATE lethe.checkpoints SET note = (SELECT note FROM lethe.checkpoints WHERE size = 300) WHERE size = 600", "belongs to another tree", "size 600 was modified after signing"},
		"an older checkpoint changed":    {"UPDATE lethe.checkpoints SET note = (SELECT note FROM lethe.checkpoints WHERE size = 600) WHERE size = 300", "", "size 300 was modified after signing"},
		"a checkpoint added":             {"INSERT INTO lethe.checkpoints (size, note) SELECT 700, note FROM lethe.checkpoints WHERE size = 600", "the newest checkpoint 700", "the newest checkpoint 700"},
		"one turned back consistently": {`DELETE FROM lethe.checkpoints WHERE size > 300; DELETE FROM lethe.receipts WHERE leaf_index >= 300;
			UPDATE lethe.tiles SET hashes = substring(hashes FROM 1 FOR 1408) WHERE level = 0 AND idx = 1; DELETE FROM lethe.tiles WHERE level = 0 AND idx = 2;
			UPDATE lethe.tiles SET hashes = substring(hashes FROM 1 FOR 32) WHERE level = 1; UPDATE lethe.log_state SET size = w.size, root = w.root FROM was_state w`,
			"600 was published: the database is an older state of itself", "-"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newFixture(t)
			b.fill(300)
			b.seal(300)
			b.exec("CREATE TABLE was_state AS SELECT * FROM lethe.log_state")
			b.fill(300)
			b.seal(300)
			b.sound(size)
			b.write(1)
			b.exec(c.sql)
			const marks = "SELECT count(*) + max(size) FROM lethe.checkpoints"
			before := int64(0)
			if name != "all checkpoints removed" && name != "all but the receipts removed" {
				before = b.number(marks)
			}

			n, err := b.Seal(t.Context())
			switch {
			case c.sealing == "":
				if err != nil || n != 1 {
					t.Errorf("sealed %d (error %v)", n, err)
				}
			case err == nil || n != 0 || domain.CodeOf(err) != domain.CodeInternal || !strings.Contains(err.Error(), c.sealing):
				t.Errorf("sealed %d, want an error about %q, got %v", n, c.sealing, err)
			case before > 0 && b.number(marks) != before:
				t.Error("a checkpoint was written")
			}

			audit, err := b.Audit(t.Context(), nil)
			if err != nil {
				t.Fatal(err)
			}
			named := slices.ContainsFunc(audit.Findings, func(f string) bool { return strings.Contains(f, c.audit) })
			if !named && c.audit != "-" {
				t.Errorf("audit: want a finding with %q, got %q", c.audit, audit.Findings[:min(5, len(audit.Findings))])
			}
			if c.audit == "-" && len(audit.Findings) > 0 {
				t.Errorf("the audit found what only the running process can know: %q", audit.Findings)
			}
			// One change gives few findings.
			if len(audit.Findings) > 4 && !strings.Contains(name, "removed") && !strings.Contains(name, "shortened") {
				t.Errorf("got %d findings: %q", len(audit.Findings), audit.Findings)
			}
		})
	}
}

// TestForgedCheckpoint: a consistent tree, signed by another key of the same name.
func TestForgedCheckpoint(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	b.write(3)
	forger := b.open(Config{Signers: []receipt.Signer{testreceipt.Signer(t, origin)}})
	if n, err := forger.Seal(t.Context()); err != nil || n != 3 {
		t.Fatalf("sealed %d (error %v)", n, err)
	}
	b.write(1)
	if n, err := b.Seal(t.Context()); n != 0 || err == nil || !strings.Contains(err.Error(), "signed with none of the keys") {
		t.Errorf("sealed %d (error %v), want an error", n, err)
	}
}

// TestSealChecksEveryTileInTurn: in a log with more tiles than one sealing checks, every tile is
// checked in turn.
func TestSealChecksEveryTileInTurn(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	const tiles = 3*roundTiles + 2
	b.fill(tiles*tileWidth + 1)
	b.seal(tiles*tileWidth + 1)
	b.exec("UPDATE lethe.receipts SET body = set_byte(body, 200, 33) WHERE leaf_index = $1", (tiles-1)*tileWidth)
	for turn := 1; ; turn++ {
		b.write(1)
		n, err := b.Seal(t.Context())
		switch {
		case err != nil && strings.Contains(err.Error(), "leaf 6400,"):
			return
		case err != nil || n != 1:
			t.Fatalf("sealed %d (error %v)", n, err)
		case turn > 4:
			t.Fatalf("not found after %d sealings", turn)
		}
	}
}

// TestAuditFindingsLimit: a limited number of findings is named, the others are counted.
func TestAuditFindingsLimit(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	b.fill(300)
	b.seal(300)
	b.exec("UPDATE lethe.receipts SET body = set_byte(body, 200, 33)")
	audit, err := b.Audit(t.Context(), nil)
	if err != nil || len(audit.Findings) != maxFindings || audit.More != 300-maxFindings {
		t.Errorf("got %d findings and %d more (error %v)", len(audit.Findings), audit.More, err)
	}
	for i, finding := range audit.Findings {
		if !strings.Contains(finding, fmt.Sprintf("leaf %d, was modified", i)) {
			t.Errorf("finding %d is %q", i, finding)
		}
	}
}

// TestAuditDoubtsLimit: without a checkpoint to confirm them, the audit keeps a
// limited number of doubts.
func TestAuditDoubtsLimit(t *testing.T) {
	t.Parallel()
	a := auditor{receipts: &edge{}}
	for n := range int64(3*maxDoubts + 1) {
		a.doubt(doubt{index: n})
		if len(a.doubts) > maxDoubts {
			t.Fatalf("got %d doubts", len(a.doubts))
		}
		a.receipts.add(leafHash(n), func(tile) {})
		a.tiles.add(leafHash(-n), func(tile) {})
	}
	if told := int64(len(a.Findings)) + a.More; told != 3*maxDoubts {
		t.Errorf("got %d findings", told)
	}
}

// TestAuditWhileSealing: the audit covers the tree as of its start.
func TestAuditWhileSealing(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	b.fill(5000)
	b.seal(5000)
	pieces := 0
	audit, err := b.Audit(t.Context(), func(done, size int64) {
		pieces++
		b.fill(300)
		b.seal(300)
		if size != 5000 || done > size || done <= 0 {
			t.Errorf("progress: got %d of %d", done, size)
		}
	})
	if err != nil || len(audit.Findings) > 0 || audit.Size != 5000 || audit.Checkpoints != 1 || pieces != 2 {
		t.Errorf("after %d pieces: got %+v (error %v)", pieces, audit, err)
	}
	b.sound(5600)
}

// TestAuditEmptyLog: an empty log has no findings.
func TestAuditEmptyLog(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	b.write(2) // unsealed
	audit, err := b.Audit(t.Context(), func(int64, int64) { t.Error("progress was reported for an empty log") })
	if err != nil || len(audit.Findings) > 0 || audit.Size != 0 {
		t.Errorf("got %+v (error %v)", audit, err)
	}
}
