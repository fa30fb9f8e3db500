package search_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"net"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"lethe/adapters/postgres/search"
	"lethe/internal/pgtest"
)

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
	return conn
}

func execute(t *testing.T, conn *pgx.Conn, sql string, args ...any) {
	t.Helper()
	if _, err := conn.Exec(t.Context(), sql, args...); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

func read(t *testing.T, text string) []search.Needle {
	t.Helper()
	needles, err := search.ReadNeedles(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return needles
}

func open(t *testing.T, url string, blocks int64, needles string) *search.Database {
	t.Helper()
	d, err := search.Open(t.Context(), url, search.Options{BatchBlocks: blocks})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	d.For(read(t, needles))
	return d
}

// all reads everything, and returns the number of rows for each needle and column,
// as "schema.table.column needle".
func all(t *testing.T, d *search.Database, places ...string) (found map[string]int, unread map[string]string) {
	t.Helper()
	found, unread = map[string]int{}, map[string]string{}
	tables, not, err := d.Tables(t.Context(), places)
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range not {
		unread[u.Name] = u.Why
	}
	for _, table := range tables {
		why, err := d.Read(t.Context(), table, "", func(row search.Row) {
			for column, needles := range row.Found {
				for _, n := range needles {
					found[fmt.Sprintf("%s.%s %d", table.Root, column, n)]++
				}
			}
		}, func(float64) {})
		if err != nil {
			t.Fatal(err)
		}
		if why != "" {
			unread[table.String()] = why
		}
	}
	return found, unread
}

const (
	text = `Zoë said: "no", and C:\new is 8 €`
	id   = "0b6f3a52-9d41-4c7e-8a10-5e2f7c9d3b18"
)

// TestEncodings: a needle is found in every encoding and type in which a column may
// hold it.
func TestEncodings(t *testing.T) {
	t.Parallel()
	database := pgtest.Empty(t)
	conn := connect(t, database.URL)
	execute(t, conn, `
		CREATE SCHEMA "a b";
		CREATE DOMAIN note AS text;
		CREATE DOMAIN short_note AS note CHECK (length(value) < 1000);
		CREATE TYPE pair AS (number int, said text, id uuid);
		CREATE TABLE "a b"."T x" ("the text" text, v varchar(200), c char(200), j json, b jsonb, y bytea, u uuid, us uuid[], ts text[],
			d short_note, ds short_note[], p pair, ps pair[], x xml, n name, i int, at timestamptz, yes bool)`)
	as16 := uuid.MustParse(id)
	escaped := func(s string) string { // escapes every letter outside of ASCII
		var b strings.Builder
		for _, r := range s {
			switch {
			case r == '"' || r == '\\':
				b.WriteString(`\` + string(r))
			case r > 126:
				fmt.Fprintf(&b, `\u%04X`, r)
			default:
				b.WriteRune(r)
			}
		}
		return b.String()
	}
	inText := map[string]string{
		"plain":          "before " + text + " after",
		"json":           `{"a":"x ` + escaped(text) + `"}`,
		"json in json":   `{"a":"{\"b\":\"` + escaped(escaped(text)) + `\"}"}`,
		"hexadecimal":    `\x00` + hex.EncodeToString([]byte(text)) + "ff",
		"HEXADECIMAL":    strings.ToUpper(hex.EncodeToString([]byte(text))),
		"base64, 0":      base64.StdEncoding.EncodeToString([]byte(text + "..")),
		"base64, 1":      base64.StdEncoding.EncodeToString([]byte("." + text)),
		"base64, 2":      base64.RawURLEncoding.EncodeToString([]byte(".." + text + ".")),
		"base64, quoted": "data:text/plain;base64," + base64.StdEncoding.EncodeToString([]byte(strings.Repeat("…", 5)+text)),
	}
	for name, value := range inText {
		for _, sql := range []string{
			`INSERT INTO "a b"."T x" ("the text") VALUES ($1)`, `INSERT INTO "a b"."T x" (v) VALUES ($1)`, `INSERT INTO "a b"."T x" (c) VALUES ($1)`,
			`INSERT INTO "a b"."T x" (j) VALUES (to_json($1::text))`, `INSERT INTO "a b"."T x" (b) VALUES (jsonb_build_object('k', $1::text))`,
			`INSERT INTO "a b"."T x" (b) VALUES (jsonb_build_object($1::text, 1))`,
			`INSERT INTO "a b"."T x" (y) VALUES (convert_to($1, 'UTF8'))`, `INSERT INTO "a b"."T x" (ts) VALUES (ARRAY['', $1, NULL])`,
			`INSERT INTO "a b"."T x" (d) VALUES ($1)`, `INSERT INTO "a b"."T x" (ds) VALUES (ARRAY[$1::short_note])`,
			`INSERT INTO "a b"."T x" (p) VALUES (ROW(1, $1, NULL))`, `INSERT INTO "a b"."T x" (ps) VALUES (ARRAY[ROW(1, $1, NULL)::pair])`,
		} {
			execute(t, conn, sql, value)
		}
		if name == "json" {
			execute(t, conn, `INSERT INTO "a b"."T x" (j, b) VALUES ($1::text::json, $1::text::jsonb)`, value)
		}
	}
	execute(t, conn, `INSERT INTO "a b"."T x" (x) VALUES (xmlelement(name a, 'nothing of it'))`)
	forms := []string{id, strings.ToUpper(id), strings.ReplaceAll(id, "-", ""), "resp_" + id, `{"id":"resp_` + id + `"}`, base64.StdEncoding.EncodeToString(as16[:]), base64.StdEncoding.EncodeToString([]byte("id=" + id))}
	for _, form := range forms {
		execute(t, conn, `INSERT INTO "a b"."T x" ("the text", y) VALUES ($1, convert_to($1, 'UTF8'))`, form)
	}
	execute(t, conn, `INSERT INTO "a b"."T x" (u, us, p, y, n) VALUES ($1::uuid, ARRAY[$1::uuid, gen_random_uuid()], ROW(1, NULL, $1), uuid_send($1), $1::uuid::text)`, id)
	// These do not match: other case, one letter less, truncated.
	for _, other := range []string{strings.ToUpper(text), text[1:], strings.TrimSuffix(text, "€"), id[:35]} {
		execute(t, conn, `INSERT INTO "a b"."T x" (v, y, j) VALUES ($1::text, convert_to($1::text, 'UTF8'), to_json($1::text))`, other)
	}

	found, unread := all(t, open(t, database.URL, 0, text+"\n\nresp_"+strings.ToUpper(id)+"\r\n"))
	n, m := len(inText), len(forms)
	want := map[string]int{
		"the text 0": n, "v 0": n, "c 0": n, "j 0": n + 1, "b 0": 2*n + 1, "y 0": n, "ts 0": n, "d 0": n, "ds 0": n, "p 0": n, "ps 0": n,
		"the text 1": m, "y 1": m + 1, "u 1": 1, "us 1": 1, "p 1": 1, "n 1": 1,
	}
	for _, key := range slices.Sorted(maps.Keys(want)) {
		if got := found["a b.T x."+key]; got != want[key] {
			t.Errorf("%s: got %d rows, want %d", key, got, want[key])
		}
		delete(found, "a b.T x."+key)
	}
	if len(found)+len(unread) > 0 {
		t.Errorf("unexpected: found %v, unread %v", found, unread)
	}
}

// TestTableKinds: partitions, inheritance, materialized views and unlogged tables are
// read; tables that cannot be read are named.
func TestTableKinds(t *testing.T) {
	t.Parallel()
	database := pgtest.New(t)
	conn := connect(t, database.URL)
	execute(t, conn, `
		SET search_path = public;
		CREATE TABLE parted (at date, said text) PARTITION BY RANGE (at);
		CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
		CREATE TABLE parted_2 PARTITION OF parted FOR VALUES FROM ('2026-02-01') TO ('2026-03-01') PARTITION BY RANGE (at);
		CREATE TABLE parted_2a PARTITION OF parted_2 DEFAULT;
		INSERT INTO parted VALUES ('2026-01-01', 'the needle'), ('2026-02-01', 'the needle');
		CREATE TABLE parent (said text);
		CREATE TABLE child () INHERITS (parent);
		INSERT INTO parent VALUES ('the needle');
		INSERT INTO child VALUES ('the needle');
		CREATE UNLOGGED TABLE unlogged AS SELECT 'the needle'::text AS said;
		CREATE MATERIALIZED VIEW made AS SELECT * FROM parent;
		CREATE MATERIALIZED VIEW unmade AS SELECT * FROM parent WITH NO DATA;
		CREATE VIEW seen AS SELECT * FROM parent;
		CREATE VIEW place AS SELECT * FROM parent;
		CREATE TABLE long AS SELECT repeat(md5(random()::text), 100000) || 'the needle' AS said;
		CREATE TABLE acl (rights aclitem[], said text);
		INSERT INTO acl VALUES (ARRAY[makeaclitem(10, 10, 'SELECT', false)], 'the needle');
		CREATE TYPE granted AS (rights aclitem, said text);
		CREATE TABLE composite (g granted);
		INSERT INTO composite VALUES (ROW(makeaclitem(10, 10, 'SELECT', false), 'the needle'));
		CREATE TABLE secured (said text);
		INSERT INTO secured VALUES ('the needle');
		ALTER TABLE secured ENABLE ROW LEVEL SECURITY;
		CREATE TABLE secret AS SELECT 'the needle'::text AS said;
		CREATE TABLE numbers AS SELECT 1 AS n;
		CREATE FOREIGN DATA WRAPPER nowhere;
		CREATE SERVER nowhere FOREIGN DATA WRAPPER nowhere;
		CREATE FOREIGN TABLE distant (said text) SERVER nowhere;
		INSERT INTO fusillade.request_templates (endpoint, method, path, body, model, api_key) VALUES ('', '', '', 'the needle', '', '')`)
	want := map[string]int{
		"public.parted.said 0": 2, "public.parent.said 0": 1, "public.child.said 0": 1, "public.unlogged.said 0": 1, "public.made.said 0": 2,
		"public.long.said 0": 1, "public.acl.said 0": 1, "public.composite.g 0": 1, "public.secured.said 0": 1, "public.secret.said 0": 1,
		"fusillade.request_templates.body 0": 1,
	}
	found, unread := all(t, open(t, database.URL, 0, "the needle"), "public.place")
	if !maps.Equal(found, want) {
		t.Errorf("found %v, want %v", found, want)
	}
	if len(unread) != 2 || !strings.Contains(unread["public.distant"], "foreign table") || !strings.Contains(unread["public.place"], "view") {
		t.Errorf("unread by the owner: %v", unread)
	}

	// A role that cannot read everything.
	u, err := url.Parse(database.RoleURL)
	if err != nil {
		t.Fatal(err)
	}
	execute(t, conn, "GRANT SELECT ON ALL TABLES IN SCHEMA public, fusillade, outlet, underway, lethe TO "+pgx.Identifier{u.User.Username()}.Sanitize()+
		"; REVOKE ALL ON secret FROM "+pgx.Identifier{u.User.Username()}.Sanitize())
	found, unread = all(t, open(t, database.RoleURL, 0, "the needle"))
	delete(want, "public.secured.said 0")
	delete(want, "public.secret.said 0")
	if !maps.Equal(found, want) {
		t.Errorf("the role found %v, want %v", found, want)
	}
	if len(unread) != 3 || !strings.Contains(unread["public.secured"], "hides rows") || !strings.Contains(unread["public.secret"], "may not be read") {
		t.Errorf("unread by the role: %v", unread)
	}
	if got, _ := all(t, open(t, database.URL, 0, "the needles")); len(got) > 0 {
		t.Errorf("found in a missing table: %v", got)
	}
	execute(t, conn, "SELECT lo_from_bytea(0, 'the needle')")
	if _, unread := all(t, open(t, database.URL, 0, "the needle")); !strings.HasPrefix(unread["large objects"], "1 ") {
		t.Errorf("large object: got unread %v", unread)
	}
}

// TestRowsMovedMeanwhile: a row that is rewritten while its table is read block by block is
// found, wherever it moves.
func TestRowsMovedMeanwhile(t *testing.T) {
	t.Parallel()
	database := pgtest.Empty(t)
	conn := connect(t, database.URL)
	execute(t, conn, `
		CREATE TABLE moving (id int, said text, filler text) WITH (autovacuum_enabled = false);
		INSERT INTO moving SELECT -i, 'nothing', repeat('x', 400) FROM generate_series(1, 3000) i;
		INSERT INTO moving SELECT i, 'the needle ' || lpad(i::text, 6, '0'), repeat('x', 400) FROM generate_series(1, 2000) i`)
	// Free space in the first blocks, for rewritten rows.
	execute(t, conn, "DELETE FROM moving WHERE id < 0")
	execute(t, conn, "VACUUM moving")
	var needles strings.Builder
	for i := 1; i <= 2000; i++ {
		fmt.Fprintf(&needles, "the needle %06d\n", i)
	}
	d := open(t, database.URL, 8, needles.String())
	tables, _, err := d.Tables(t.Context(), nil)
	if err != nil || len(tables) != 1 {
		t.Fatalf("got the tables %v (error %v)", tables, err)
	}
	for _, moves := range []struct {
		name, sql string
		at        int // number of batches read before
	}{
		{"back into the first blocks", "UPDATE moving SET filler = filler || 'y' WHERE id > 1000", 20},
		{"into another file", "VACUUM FULL moving", 30},
	} {
		found, steps := map[int]bool{}, 0
		why, err := d.Read(t.Context(), tables[0], "id::text", func(row search.Row) {
			for _, n := range row.Found["said"] {
				found[n] = true
				if row.Key != fmt.Sprint(n+1) {
					t.Fatalf("needle %d: got the row with key %q", n, row.Key)
				}
			}
		}, func(float64) {
			if steps++; steps == moves.at {
				execute(t, conn, moves.sql)
			}
		})
		if why != "" || err != nil || len(found) != 2000 || steps < moves.at {
			t.Errorf("%s: found %d of 2000 in %d steps (%q, error %v)", moves.name, len(found), steps, why, err)
		}
	}
	// Rewritten each time, then dropped.
	calls := 0
	why, err := d.Read(t.Context(), tables[0], "", func(search.Row) {}, func(float64) {
		if calls++; calls%5 == 0 {
			execute(t, conn, "VACUUM FULL moving")
		}
	})
	if err != nil || !strings.Contains(why, "rewritten") {
		t.Errorf("got %q (error %v)", why, err)
	}
	execute(t, conn, "DROP TABLE moving")
	if why, err := d.Read(t.Context(), tables[0], "", func(search.Row) {}, func(float64) {}); why != "" || err != nil {
		t.Errorf("dropped table: got %q (error %v)", why, err)
	}
}

// TestNeedlesNotSent: needles, and the values of a sample, are never sent to the
// server, in any form.
func TestNeedlesNotSent(t *testing.T) {
	t.Parallel()
	database := pgtest.WithFixture(t)
	u, err := url.Parse(database.URL)
	if err != nil {
		t.Fatal(err)
	}
	config, err := pgx.ParseConfig(database.URL)
	if err != nil {
		t.Fatal(err)
	}
	var sent recording
	network, address := pgconn.NetworkAddress(config.Host, config.Port)
	u.Host, u.RawQuery = sent.relay(t, network, address), "sslmode=disable"
	d := open(t, u.String(), 1, text+"\n"+id)
	all(t, d)
	if d.Bytes() == 0 || !bytes.Contains(sent.bytes(), []byte("COPY (SELECT")) {
		t.Fatal("recorded no traffic")
	}
	given := read(t, text+"\n"+id)
	sample, err := d.TakeSample(t.Context(), schemas, search.Leads{Usage: true, Step: true, Header: true}, 100)
	if err != nil || sample.Responses < 5 || len(sample.Needles) < 20 {
		t.Fatalf("got the sample %+v (error %v)", sample, err)
	}
	d.For(sample.Needles)
	all(t, d)
	for _, n := range append(given, sample.Needles...) {
		if search.Contains([]search.Needle{n}, sent.bytes()) {
			t.Errorf("%s was sent to the server", n)
		}
	}
	if !search.Contains(given, []byte("SELECT '"+id+"'")) {
		t.Error("the recording misses a value that was sent")
	}
}

// recording relays connections and records what the client sends.
type recording struct {
	mu  sync.Mutex
	all bytes.Buffer
}

func (r *recording) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.all.Write(p)
}

func (r *recording) bytes() []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	return bytes.Clone(r.all.Bytes())
}

func (r *recording) relay(t *testing.T, network, to string) (address string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial(network, to)
			if err != nil {
				_ = client.Close()
				return
			}
			go func() {
				_, _ = io.Copy(server, io.TeeReader(client, r))
				_ = server.Close()
			}()
			go func() {
				_, _ = io.Copy(client, server)
				_ = client.Close()
			}()
		}
	}()
	return listener.Addr().String()
}

// TestReadNeedles: a needle that cannot be searched for is refused by line number,
// without quoting it.
func TestReadNeedles(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"":                     "is empty",
		"\n \n":                "is empty",
		"long enough\nshorter": "line 2 is shorter than 8 characters",
		"ëëëëëëë":              "line 1 is shorter",
		"   sp   ":             "line 1 is shorter",
		"wrong \xff bytes":     "line 1 is not UTF-8",
		"fine here\n" + strings.Repeat("x", 70_000): "line 2 is longer",
		strings.Repeat("the same\n", 100_001):       "more than 100000",
	} {
		_, err := search.ReadNeedles(strings.NewReader(given))
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "shorter\n") {
			t.Errorf("%.20q: got %v", given, err)
		}
	}
	needles := read(t, "12345678\r\n\r\nëëëëëëëë\n"+id)
	if len(needles) != 3 || needles[2].Line != 4 || needles[2].String() != "line 4" {
		t.Errorf("printing needles shows %s", needles)
	}
}

func BenchmarkFind(b *testing.B) {
	var lines strings.Builder
	for range 4000 {
		lines.WriteString(rest(30) + "\n")
	}
	needles, err := search.ReadNeedles(strings.NewReader(lines.String()))
	if err != nil {
		b.Fatal(err)
	}
	finder := search.NewFinder(needles)
	value := []byte(`{"role":"user","content":"` + strings.Repeat(`What was said is \"this\",\n`, 40_000) + `"}`)
	b.SetBytes(int64(len(value)))
	for b.Loop() {
		if finder(value) {
			b.Fatal("not found")
		}
	}
}

func rest(n int) string {
	id := uuid.NewString() + uuid.NewString()
	return "x" + strings.ReplaceAll(id, "-", "")[:n-1]
}

var schemas = search.Schemas{Fusillade: "fusillade", Outlet: "outlet", Own: "lethe"}
