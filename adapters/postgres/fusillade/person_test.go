package fusillade

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"lethe/adapters/postgres"
	"lethe/domain"
	"lethe/domain/porttest"
	"lethe/internal/pgtest"
	"lethe/receipt"
)

// personTables are the tables of newer versions, with the columns that matter.
const personTables = `
	CREATE TABLE public.image_access (user_id uuid NOT NULL, sha256 bytea NOT NULL, PRIMARY KEY (user_id, sha256));
	CREATE TABLE public.prompt_cache_entries (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), principal_id uuid NOT NULL, prefix_hash bytea NOT NULL);`

// TestErasePersonRows: rows kept by person are erased with everything else of
// that person, and with nothing less.
func TestErasePersonRows(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		before            string // $1: the owner
		meddle            string // on the database with the people
		single, narrowed  bool
		nothing           bool // no response of theirs exists
		apart             bool
		images, prompts   bool // are left
		receipts, without int64
	}{
		"owner":                     {receipts: 2, without: 1},
		"owner without responses":   {nothing: true, receipts: 1, without: 1},
		"owner in another database": {apart: true, receipts: 2, without: 1},
		"single response":           {single: true, images: true, prompts: true, receipts: 1},
		"filter":                    {narrowed: true, images: true, prompts: true, receipts: 1},
		"held": {before: `INSERT INTO lethe.holds (id, owners, reason, created_by) SELECT gen_random_uuid(), ARRAY[$1::uuid::text], 'a case', gen_random_uuid()`,
			nothing: true, images: true, prompts: true, receipts: 1},
		"one response held": {before: `INSERT INTO lethe.holds (id, responses, reason, created_by) SELECT gen_random_uuid(), array_agg(id), 'a case', gen_random_uuid() FROM fusillade.requests WHERE created_by = $1::uuid::text`,
			images: true, prompts: true},
		"no grant on images": {meddle: `REVOKE ALL ON public.image_access FROM ROLE`, images: true, receipts: 2, without: 1},
		"no grants":          {meddle: `REVOKE ALL ON public.image_access, public.prompt_cache_entries FROM ROLE`, images: true, prompts: true, receipts: 1},
		"delete refused": {meddle: `CREATE FUNCTION public.refuse() RETURNS trigger AS 'BEGIN RAISE EXCEPTION ''no''; END' LANGUAGE plpgsql;
			CREATE TRIGGER refuse BEFORE DELETE ON public.prompt_cache_entries FOR EACH ROW EXECUTE FUNCTION public.refuse()`, prompts: true, receipts: 2},
		"delete ignored": {meddle: `CREATE FUNCTION public.refuse() RETURNS trigger AS 'BEGIN RETURN NULL; END' LANGUAGE plpgsql;
			CREATE TRIGGER refuse BEFORE DELETE ON public.prompt_cache_entries FOR EACH ROW EXECUTE FUNCTION public.refuse()`, prompts: true, receipts: 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newFixture(t, postgres.Config{})
			people, database := b.owner, b.database
			issuer := TestIssuer
			issuer.Beyond = func() []receipt.Gap { return []receipt.Gap{receipt.GapImageStore, receipt.GapPromptCache} }
			erasures, err := NewErasures(openDB(t, postgres.Config{URL: b.database.RoleURL}), "outlet", issuer)
			if err != nil {
				t.Fatal(err)
			}
			b.responses, err = New(postgres.Source{Primary: openDB(t, postgres.Config{URL: b.database.RoleURL})}, "outlet", true, issuer)
			if err != nil {
				t.Fatal(err)
			}
			if c.apart {
				database = pgtest.New(t)
				people = openDB(t, postgres.Config{URL: database.URL})
				erasures.WithMain(openDB(t, postgres.Config{URL: database.RoleURL}))
			}
			role := openDB(t, postgres.Config{URL: database.RoleURL}).Pool().Config().ConnConfig.User
			execIn := func(sql string) {
				t.Helper()
				if _, err := people.Pool().Exec(t.Context(), sql); err != nil {
					t.Fatalf("%s: %v", sql, err)
				}
			}
			execIn(personTables + `GRANT SELECT, DELETE ON public.image_access, public.prompt_cache_entries TO "` + role + `"`)
			owner, other := uuid.New(), uuid.New()
			for _, of := range []uuid.UUID{owner, owner, other} {
				execIn(`INSERT INTO public.image_access VALUES ('` + of.String() + `', decode(md5(random()::text), 'hex'));
					INSERT INTO public.prompt_cache_entries (principal_id, prefix_hash) VALUES ('` + of.String() + `', '\xbb')`)
			}
			b.addChain(other.String(), 1)
			var first uuid.UUID
			if !c.nothing {
				first = b.addChain(owner.String(), 1)[0].ID
			}
			if c.before != "" {
				b.exec(c.before, owner)
			}
			execIn(strings.ReplaceAll(c.meddle, "ROLE", `"`+role+`"`))
			target := domain.ErasureTarget{Owner: &owner}
			if c.narrowed {
				target = domain.ErasureTarget{Filter: &domain.ResponseFilter{Owners: []string{owner.String()}}}
			}
			if c.single {
				if _, err := b.responses.Erase(t.Context(), first, nil, porttest.Permit); err != nil {
					t.Fatal(err)
				}
			} else if e := b.finish(erasures, b.create(erasures, target).ID, 10); e.State != domain.ErasureFinished || e.Receipts != c.receipts {
				t.Errorf("got the erasure %+v", e)
			}
			left := func(table, column string, of uuid.UUID) (n int64) {
				t.Helper()
				if err := people.Pool().QueryRow(t.Context(), `SELECT count(*) FROM public.`+table+` WHERE `+column+` = $1`, of).Scan(&n); err != nil {
					t.Fatal(err)
				}
				return n
			}
			for table, want := range map[string]bool{"image_access": c.images, "prompt_cache_entries": c.prompts} {
				column := map[bool]string{true: "user_id", false: "principal_id"}[table == "image_access"]
				if n := left(table, column, owner); (n == 2) != want || n == 1 {
					t.Errorf("%d rows of the owner left in %s", n, table)
				}
				if n := left(table, column, other); n != 1 {
					t.Errorf("%d rows of another owner left in %s", n, table)
				}
			}
			rows, err := b.owner.Pool().Query(t.Context(), `SELECT body FROM lethe.receipts`)
			if err != nil {
				t.Fatal(err)
			}
			defer rows.Close()
			var receipts, without int64
			for rows.Next() {
				var body []byte
				if err := rows.Scan(&body); err != nil {
					t.Fatal(err)
				}
				r, err := receipt.Parse(body)
				if err != nil {
					t.Fatal(err)
				}
				receipts++
				if !slices.Contains(r.NotCovered, receipt.GapImageStore) || len(r.Owners) != 1 {
					t.Errorf("got the receipt %+v", r)
				}
				if !slices.Contains(r.NotCovered, receipt.GapPromptCache) {
					without++
				}
			}
			if receipts != c.receipts || without != c.without {
				t.Errorf("%d of %d receipts do not cover the prompt cache", without, receipts)
			}
			// A later check finds rows written meanwhile.
			if name == "owner" {
				execIn(`INSERT INTO public.prompt_cache_entries (principal_id, prefix_hash) VALUES ('` + owner.String() + `', '\xbb')`)
				b.exec(`UPDATE lethe.erasures SET verify_at = $1`, time.Now().Add(-time.Hour))
				var id uuid.UUID
				if err := b.owner.Pool().QueryRow(t.Context(), `SELECT id FROM lethe.erasures`).Scan(&id); err != nil {
					t.Fatal(err)
				}
				for range 3 {
					if _, err := erasures.Advance(t.Context(), id, 10, porttest.JudgeAll); err != nil {
						t.Fatal(err)
					}
				}
				if n := left("prompt_cache_entries", "principal_id", owner); n != 0 || b.number(`SELECT count(*) FROM lethe.erasures WHERE verified_at IS NOT NULL`) != 1 {
					t.Errorf("%d rows written later left", n)
				}
			}
		})
	}
}
