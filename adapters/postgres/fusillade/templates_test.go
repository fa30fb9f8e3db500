package fusillade

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"

	"lethe/adapters/postgres"
	"lethe/domain"
	"lethe/domain/porttest"
)

// addMade stores a response whose prompt came with a file, as left by an upgrade of
// the gateway.
func (b *fixture) addMade(owner string) (row porttest.Row, template, file, batch uuid.UUID) {
	b.t.Helper()
	row = porttest.NewRow(owner, "completed", time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))
	row.Template, row.File = uuid.New(), porttest.MadeFile
	b.AddResponse(row)
	err := b.owner.Pool().QueryRow(b.t.Context(), `SELECT t.file_id, b.id FROM request_templates t JOIN batches b USING (file_id) WHERE t.id = $1`, row.Template).Scan(&file, &batch)
	if err != nil {
		b.t.Fatal(err)
	}
	return row, row.Template, file, batch
}

// TestEraseKeepsFiles: a file is erased, with its batch, only if it was made for one
// request and nothing else refers to it.
func TestEraseKeepsFiles(t *testing.T) {
	t.Parallel()
	b := newFixture(t, postgres.Config{})
	for name, change := range map[string]string{ // $1 is the file, $2 its batch
		"uploaded":                `UPDATE files SET uploaded_by = 'somebody' WHERE id = $1 AND $2::uuid IS NOT NULL`,
		"another name":            `UPDATE files SET name = 'in.jsonl' WHERE id = $1 AND $2::uuid IS NOT NULL`,
		"another purpose":         `UPDATE files SET purpose = 'batch_output' WHERE id = $1 AND $2::uuid IS NOT NULL`,
		"no purpose":              `UPDATE files SET purpose = NULL WHERE id = $1 AND $2::uuid IS NOT NULL`,
		"for two requests":        `UPDATE batches SET total_requests = 2 WHERE file_id = $1 AND id = $2`,
		"for no request":          `UPDATE batches SET total_requests = 0 WHERE file_id = $1 AND id = $2`,
		"without a batch":         `DELETE FROM batches WHERE file_id = $1 AND id = $2`,
		"with another batch":      `INSERT INTO batches (file_id, total_requests, expires_at) SELECT $1, 1, now() WHERE $2::uuid IS NOT NULL`,
		"output of a batch":       `INSERT INTO batches (output_file_id, expires_at) SELECT $1, now() WHERE $2::uuid IS NOT NULL`,
		"errors of a batch":       `INSERT INTO batches (error_file_id, expires_at) SELECT $1, now() WHERE $2::uuid IS NOT NULL`,
		"output of its own batch": `UPDATE batches SET output_file_id = $1 WHERE id = $2`,
		"with another template": `INSERT INTO request_templates (file_id, endpoint, method, path, model, api_key)
			SELECT $1, '', '', '', '', '' WHERE $2::uuid IS NOT NULL`,
		"with a request": `INSERT INTO requests (batch_id, model) SELECT $2, 'm' WHERE $1::uuid IS NOT NULL`,
	} {
		row, template, file, batch := b.addMade("somebody")
		b.exec(change, file, batch)
		before := b.Stored()
		estimate := b.estimate(row.ID)
		erased, err := b.responses.Erase(t.Context(), row.ID, nil, porttest.Permit)
		want := domain.Erased{Requests: 1, Templates: 1}
		if err != nil || erased != want || b.Stored() != before.Less(want) {
			t.Errorf("%s: want %+v, got %+v, %v; left %+v of %+v", name, want, erased, err, b.Stored(), before)
		}
		if estimate.Templates != 1 || estimate.Files != 0 {
			t.Errorf("%s: got the estimate %+v", name, estimate)
		}
		if b.number(`SELECT count(*) FROM request_templates WHERE id = $1`, template) != 0 || b.number(`SELECT count(*) FROM files WHERE id = $1`, file) != 1 {
			t.Errorf("%s: the file was erased or still has its prompt", name)
		}
	}
	row, _, file, batch := b.addMade("somebody")
	before := b.Stored()
	if estimate := b.estimate(row.ID); estimate.Files != 1 {
		t.Errorf("got the estimate %+v", estimate)
	}
	erased, err := b.responses.Erase(t.Context(), row.ID, nil, porttest.Permit)
	if want := (domain.Erased{Requests: 1, Templates: 1, Files: 1}); err != nil || erased != want || b.Stored() != before.Less(want) {
		t.Errorf("want %+v, got %+v, %v", want, erased, err)
	}
	if n := b.number(`SELECT (SELECT count(*) FROM files WHERE id = $1) + (SELECT count(*) FROM batches WHERE id = $2)`, file, batch); n != 0 {
		t.Errorf("%d rows of the file and its batch left", n)
	}
}

func (b *fixture) estimate(ids ...uuid.UUID) domain.Estimate {
	b.t.Helper()
	erasures, err := NewErasures(openDB(b.t, postgres.Config{URL: b.database.RoleURL}), "outlet", TestIssuer)
	if err != nil {
		b.t.Fatal(err)
	}
	estimate, err := erasures.Estimate(b.t.Context(), domain.ErasureTarget{Responses: ids}, nil, time.Now())
	if err != nil {
		b.t.Fatal(err)
	}
	return estimate
}

// TestEraseTemplateReferencedMeanwhile: if a template or file gets a new reference
// during its erasure, the erasure waits, and keeps it.
func TestEraseTemplateReferencedMeanwhile(t *testing.T) {
	t.Parallel()
	b := newFixture(t, postgres.Config{ApplicationName: "eraser"})
	// Code that reads again after locking needs a newer snapshot than its first.
	b.exec(`DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_isolation = ''repeatable read''', current_database()); END $$`)
	for i, c := range []struct {
		name   string
		steps  int // of the response; 0: a response with a file made for it
		come   string
		needed string // true while the new row has what it needs
		want   func(domain.Erased) domain.Erased
	}{
		{"a request with the same template", 1,
			`INSERT INTO requests (id, template_id, model, created_by) SELECT $2, template_id, 'm', 'ben' FROM requests WHERE id = $1`,
			`SELECT count(*) FROM requests r JOIN request_templates t ON t.id = r.template_id WHERE r.id = $1`,
			func(e domain.Erased) domain.Erased { e.Templates, e.KeptTemplates = 0, 1; return e }},
		{"a request with a chain's template", 3,
			`INSERT INTO requests (id, template_id, model, created_by) SELECT $2, template_id, 'm', 'ben' FROM requests WHERE id = $1`,
			`SELECT count(*) FROM requests r JOIN request_templates t ON t.id = r.template_id WHERE r.id = $1`,
			func(e domain.Erased) domain.Erased { e.Templates, e.KeptTemplates = e.Templates-1, 1; return e }},
		{"a template of a file", 0,
			`INSERT INTO request_templates (id, file_id, endpoint, method, path, model, api_key)
				SELECT $2, t.file_id, '', '', '', '', '' FROM requests r JOIN request_templates t ON t.id = r.template_id WHERE r.id = $1`,
			`SELECT count(*) FROM request_templates t JOIN files f ON f.id = t.file_id WHERE t.id = $1`,
			func(e domain.Erased) domain.Erased { e.Files = 0; return e }},
		{"a batch of a file", 0,
			`INSERT INTO batches (id, file_id, expires_at)
				SELECT $2, t.file_id, now() FROM requests r JOIN request_templates t ON t.id = r.template_id WHERE r.id = $1`,
			`SELECT count(*) FROM batches b JOIN files f ON f.id = b.file_id WHERE b.id = $1`,
			func(e domain.Erased) domain.Erased { e.Files = 0; return e }},
	} {
		var id uuid.UUID
		want := domain.Erased{Requests: 1, Templates: 1, Files: 1}
		if c.steps == 0 {
			row, _, _, _ := b.addMade("anna")
			id = row.ID
		} else {
			requests := b.addChain("anna", c.steps)
			id, want = requests[0].ID, whole(c.steps, len(requests))
		}
		want = c.want(want)
		tx, err := b.owner.Pool().Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = tx.Rollback(context.WithoutCancel(t.Context())) }()
		newcomer := uuid.New()
		if tag, err := tx.Exec(t.Context(), c.come, id, newcomer); err != nil || tag.RowsAffected() != 1 {
			t.Fatalf("%s: %v, %v", c.name, tag, err)
		}
		var erased domain.Erased
		done := make(chan error)
		go func() {
			var err error
			erased, err = b.responses.Erase(t.Context(), id, nil, porttest.Permit)
			done <- err
		}()
		b.await(`SELECT EXISTS (SELECT FROM pg_stat_activity WHERE application_name = 'eraser' AND wait_event_type = 'Lock')`)
		if err := tx.Commit(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := <-done; err != nil || erased != want {
			t.Errorf("%s: want %+v erased, got %+v, %v", c.name, want, erased, err)
		}
		if b.number(c.needed, newcomer) != 1 {
			t.Errorf("%s: the new row lost what it needs", c.name)
		}
		if body := b.number(`SELECT count(*) FROM lethe.receipts WHERE convert_from(body, 'UTF8') LIKE $1`, fmt.Sprintf(`%%"kept_templates":%d,%%`, erased.KeptTemplates)); body == 0 {
			t.Errorf("%s, %d: no receipt counts the %d kept templates", c.name, i, erased.KeptTemplates)
		}
	}
}

// TestEraseSharedTemplateConcurrently: two responses share a prompt, and are erased in
// bulk at the same time. The prompt is erased with the last of them.
func TestEraseSharedTemplateConcurrently(t *testing.T) {
	t.Parallel()
	b := newFixture(t, postgres.Config{MaxConns: 8})
	for range 20 {
		template := uuid.New()
		ids := make([]uuid.UUID, 4)
		for i := range ids {
			row := porttest.NewRow(fmt.Sprint("owner ", i), "completed", time.Now())
			row.Template, row.File = template, porttest.MadeFile
			b.AddResponse(row)
			ids[i] = row.ID
		}
		results := make(chan domain.Erased, len(ids))
		for _, id := range ids {
			go func() {
				erased, err := b.responses.Erase(t.Context(), id, nil, porttest.Permit)
				if err != nil {
					t.Error(err)
				}
				results <- erased
			}()
		}
		var all domain.Erased
		for range ids {
			all.Add(<-results)
		}
		if want := (domain.Erased{Requests: 4, Templates: 1, Files: 1, KeptTemplates: 3}); all != want {
			t.Errorf("want %+v in total, got %+v", want, all)
		}
	}
	if left := b.Stored(); left != (porttest.Stored{}) {
		t.Errorf("want nothing left, got %+v", left)
	}
}
