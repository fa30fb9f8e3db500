package ops

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"lethe/adapters/postgres"
	"lethe/adapters/postgres/inspect"
	"lethe/adapters/postgres/jobs"
	"lethe/app/boot"
)

const (
	checkTimeout = 30 * time.Second // for all checks of one database

	skewToMention = 2 * time.Second
	lagToMention  = 10 * time.Second
	// Any busy primary is ahead by up to this.
	lagBytesToMention = 16 << 20

	heldToMention             = time.Hour
	heldTransactionsToMention = 10_000_000
)

func (d *doctor) server(ctx context.Context, name string, conn *pgx.Conn) {
	const check = "server version"
	number, text, err := inspect.ServerVersion(ctx, conn)
	if d.failed(name, check, err) {
		return
	}
	if number < inspect.MinServerVersion {
		d.add(Check{name, check, Problem, "PostgreSQL " + text, fmt.Sprintf("upgrade it to %d or newer", inspect.MinServerVersion/10000), nil})
		return
	}
	d.add(Check{Database: name, Name: check, Finding: OK, Detail: "PostgreSQL " + text})
}

// settings checks the session settings that the service's queries rely on.
func (d *doctor) settings(ctx context.Context, name, url string, sides []inspect.Side) {
	const check = "settings of sessions"
	var path []string
	switch {
	case slices.Contains(sides, inspect.Fusillade):
		path = boot.SearchPath(d.cfg)
	case slices.Contains(sides, inspect.Outlet):
		path = []string{d.cfg.Outlet.Schema}
	}
	db, err := boot.OpenPool(d.cfg, url, 1, path...)
	if err != nil {
		d.failed(name, check, err)
		return
	}
	defer db.Close()
	not, err := db.NotTaken(ctx)
	if d.failed(name, check, err) {
		return
	}
	if len(not) == 0 {
		d.add(Check{Database: name, Name: check, Finding: OK, Detail: "sessions have the settings that the service needs, whatever the role, the database or the server sets"})
		return
	}
	var words, inDatabase []string
	for _, s := range not {
		says := fmt.Sprintf("%s is %q and not %q", s.Name, s.Is, s.Wanted)
		if s.InDatabase() {
			inDatabase = append(inDatabase, says)
		} else {
			words = append(words, says)
		}
	}
	if len(inDatabase) > 0 {
		d.add(Check{name, check, Problem, "sessions have settings that they cannot override: " + strings.Join(inDatabase, ", "),
			"remove them from the role, the database or the server: `ALTER ROLE … RESET`, `ALTER DATABASE … RESET` or `ALTER SYSTEM RESET`", nil})
	}
	if len(words) == 0 {
		return
	}
	d.add(Check{name, check, Problem, "sessions do not have the settings that the service requests: " + strings.Join(words, ", "),
		"a pooler in between drops them: set database.pgbouncer to true, and take client_encoding, datestyle, timezone and standard_conforming_strings out of the pooler's ignore_startup_parameters", nil})
}

// vacuum looks for anything that keeps dead rows, and so erased content.
func (d *doctor) vacuum(ctx context.Context, name string, conn *pgx.Conn) {
	const check = "vacuum"
	on, err := inspect.Autovacuum(ctx, conn)
	if d.failed(name, check, err) {
		return
	}
	holders, err := inspect.Holders(ctx, conn)
	if d.failed(name, check, err) {
		return
	}
	if !on {
		d.add(Check{name, check, Warning, "the server does not remove dead rows by itself, so erased content stays in its files",
			"set autovacuum and track_counts to on, or run `lethe erasures attest` each day", nil})
	}
	held := false
	for _, h := range holders {
		if h.Age > heldToMention || h.Behind > heldTransactionsToMention {
			held = true
			d.add(Check{name, check, Warning, fmt.Sprintf("dead rows of the last %s are held back by %s", count(h.Behind, "transaction"), h.What), h.Advice, nil})
		}
	}
	if on && !held {
		d.add(Check{Database: name, Name: check, Finding: OK, Detail: "on, and nothing that this role can see holds dead rows back for long"})
	}
}

func (d *doctor) clock(ctx context.Context, name string, conn *pgx.Conn) {
	const check = "clock"
	skew, uncertainty, err := inspect.ClockSkew(ctx, conn)
	if d.failed(name, check, err) {
		return
	}
	c := Check{Database: name, Name: check, Finding: OK, Detail: fmt.Sprintf("%s from ours, give or take %s", skew.Round(time.Millisecond), uncertainty.Round(time.Millisecond))}
	if skew.Abs()-uncertainty > skewToMention {
		c.Finding, c.Advice = Warning, "synchronize both clocks by NTP: otherwise sessions expire and time filters cut at the wrong moment"
	}
	d.add(c)
}

func (d *doctor) connections(ctx context.Context, name string, conn *pgx.Conn, sides []inspect.Side) {
	const check = "connections"
	c, err := inspect.ConnectionLimits(ctx, conn)
	if d.failed(name, check, err) {
		return
	}
	want := d.cfg.Database.MaxConns
	if slices.Contains(sides, inspect.Main) || slices.Contains(sides, inspect.Fusillade) {
		want += postgres.KeptConns
	}
	if slices.Contains(sides, inspect.Fusillade) {
		want += jobs.MaxConns
	}
	result := Check{Database: name, Name: check, Finding: OK,
		Detail: fmt.Sprintf("the pools may use %d of %d for this role; %d of the server's are open now", want, c.Limit(), c.Open)}
	switch {
	case want > c.Limit():
		result.Finding, result.Advice = Problem, "lower database.max_conns, or raise max_connections or the role's limit"
	case want+c.Open > c.Max-c.Reserved:
		result.Finding, result.Advice = Warning, "the server may run out of connections under load: lower database.max_conns or raise max_connections"
	}
	d.add(result)
}

func (d *doctor) migrations(ctx context.Context, name string, conn *pgx.Conn, sides []inspect.Side) {
	for _, side := range sides {
		if side == inspect.Outlet {
			continue // it records none
		}
		check, schema, version, known := "dwctl's migrations", "public", inspect.DwctlVersion, int64(inspect.DwctlMigration)
		if side == inspect.Fusillade {
			check, schema, version, known = "fusillade's migrations", d.schemas.Fusillade, inspect.FusilladeVersion, int64(inspect.FusilladeMigration)
		}
		m, err := inspect.UpstreamVersion(ctx, conn, schema, known)
		if d.failed(name, check, err) {
			continue
		}
		c := Check{Database: name, Name: check, Finding: OK}
		switch m.Age {
		case inspect.NoMigrations:
			c.Detail = "none recorded: the tables are Lethe's own, or come from elsewhere"
		case inspect.Unreadable:
			c.Finding, c.Detail = Warning, "the role may not read which were applied, so the version of the tables is unknown; Lethe was built against "+version
			c.Advice = fmt.Sprintf("have the tables' owner run what `lethe doctor --grants --role %s` prints", conn.Config().User)
		case inspect.Known:
			c.Detail = fmt.Sprintf("%d, of version %s, which Lethe was built against", m.Newest, version)
		default:
			c.Finding = Warning
			c.Detail = fmt.Sprintf("%d is %s than %d of version %s, which Lethe was built against", m.Newest, m.Age, known, version)
			c.Advice = "if no tables or columns are missing, reading is safe; test an erasure on a copy before you rely on it"
			if m.Age == inspect.Newer {
				c.Advice += "; `lethe erasures search --sample 20`, as the database's owner, finds the places of content that an erasure would miss"
			}
		}
		if len(m.Failed) > 0 {
			c.Finding = Warning
			c.Detail += fmt.Sprintf("; started but not finished: %v", m.Failed)
			c.Advice = "let the system that owns the tables finish its migrations"
		}
		d.add(c)
	}
}

func (d *doctor) lag(ctx context.Context, name string, primary, replica *pgx.Conn) {
	const check = "lag"
	lag, err := inspect.ReplicaLag(ctx, primary, replica)
	if d.failed(name, check, err) {
		return
	}
	c := Check{Database: name, Name: check, Finding: OK, Detail: fmt.Sprintf("%s behind, newest change applied %s ago", count(lag.Bytes, "byte"), lag.Since.Round(time.Millisecond))}
	if lag.Bytes == 0 {
		c.Detail = "none"
	}
	switch {
	case !lag.InRecovery:
		c.Finding, c.Detail = Warning, "this is a primary, not a replica"
		c.Advice = "correct the replica's URL, unless it is another kind of copy: erased rows must disappear there, too"
	case lag.Bytes > lagBytesToMention || lag.Bytes > 0 && lag.Since > lagToMention:
		c.Finding, c.Advice = Warning, "lists are out of date: find out what delays the replica, or read from the primary for now"
	}
	d.add(c)
}
