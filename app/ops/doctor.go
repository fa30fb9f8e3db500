package ops

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"lethe/adapters/postgres"
	"lethe/adapters/postgres/inspect"
	"lethe/app/boot"
	"lethe/app/config"
)

// Finding is the result of a check.
type Finding string

// The findings; the service works unless there is a problem.
const (
	OK      Finding = "ok"
	Warning Finding = "warning"
	Problem Finding = "problem"
)

// Check is one check and its result.
type Check struct {
	Database string   `json:"database"` // main, fusillade, outlet, or a replica of one; or service
	Name     string   `json:"check"`
	Finding  Finding  `json:"finding"`
	Detail   string   `json:"detail"`
	Advice   string   `json:"advice,omitempty"`
	SQL      []string `json:"sql,omitempty"` // to run unchanged, outside of a transaction
}

// Report is the result of all checks.
type Report struct {
	Checks []Check `json:"checks"`
}

// Problems returns the number of checks that found a problem.
func (r *Report) Problems() int { return r.count(Problem) }

func (r *Report) count(f Finding) int {
	n := 0
	for _, c := range r.Checks {
		if c.Finding == f {
			n++
		}
	}
	return n
}

// Write prints the report.
func (r *Report) Write(out io.Writer, asJSON bool) error {
	if asJSON {
		return writeJSON(out, r)
	}
	var b strings.Builder
	for _, c := range r.Checks {
		fmt.Fprintf(&b, "%-8s %s, %s: %s\n", c.Finding, c.Database, c.Name, c.Detail)
		if c.Advice != "" {
			fmt.Fprintf(&b, "         -> %s\n", c.Advice)
		}
		for _, statement := range c.SQL {
			fmt.Fprintf(&b, "            %s;\n", statement)
		}
	}
	fmt.Fprintf(&b, "\n%s: %d ok, %s, %s\n", count(len(r.Checks), "check"), r.count(OK), count(r.count(Warning), "warning"), count(r.count(Problem), "problem"))
	_, err := io.WriteString(out, b.String())
	return err
}

// service stands for the database in checks of the service's own settings.
const service = "service"

// Doctor examines the configured databases and the trust in proxies. It probes the proxy
// at through, a URL from ProxyURL; nil: none. An error means that it could not start;
// problems of a database are in the report.
func Doctor(ctx context.Context, cfg *config.Config, through *url.URL, progress io.Writer) (report *Report, err error) {
	db, err := boot.Open(ctx, cfg, progress)
	if err != nil {
		return nil, err
	}
	defer db.CloseInto(&err)

	d := &doctor{cfg: cfg, through: through, schemas: db.Schemas, report: &Report{}, progress: progress, lacking: map[string]bool{}, lost: map[string]bool{}}
	d.proxy()
	d.throughProxy(ctx, db.MainURL)
	d.examine(ctx, "main", db.MainURL, cfg.Database.ReplicaURL, db.MainSides())
	name, url := "main", db.MainURL
	if db.Apart() {
		name, url = "fusillade", db.FusilladeURL
		d.examine(ctx, name, url, cfg.Fusillade.ReplicaURL, []inspect.Side{inspect.Fusillade})
	}
	if db.OutletURL != "" {
		d.examine(ctx, "outlet", db.OutletURL, "", []inspect.Side{inspect.Outlet})
	}
	d.orphans(ctx, name, db)
	d.examineLog(ctx, name, url)
	return d.report, nil
}

type doctor struct {
	cfg     *config.Config
	through *url.URL // URL of the proxy to probe; nil: none
	schemas inspect.Schemas
	report  *Report

	progress io.Writer
	log      bool // the tables of the log exist, and the role may use them
	whole    bool // likewise everything that the log's database needs

	// Databases for which missing privileges, or a lost connection, have been
	// reported.
	lacking, lost map[string]bool
}

func (d *doctor) add(c Check) { d.report.Checks = append(d.report.Checks, c) }

// failed reports whether err is an error, and adds a check for it unless its reason has
// been reported for that database.
func (d *doctor) failed(database, name string, err error) bool {
	if err == nil {
		return false
	}
	code := ""
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		code = pg.Code
	}
	if code == "42501" && d.lacking[database] || d.lost[database] {
		return true
	}
	advice := "look for details in the server's log"
	if code == "" || strings.HasPrefix(code, "57P") {
		d.lost[database] = true // and its connection
		advice += "; later checks of this database are missing here: examine it again"
	}
	d.add(Check{database, name, Problem, "could not be checked: " + oneLine(postgres.Described(err)), advice, nil})
	return true
}

func (d *doctor) examine(ctx context.Context, name, url, replicaURL string, sides []inspect.Side) {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	conn := d.connect(ctx, name, url)
	if conn != nil {
		defer boot.HangUp(conn)
		d.server(ctx, name, conn)
		d.settings(ctx, name, url, sides)
		d.tables(ctx, name, conn, sides)
		d.content(ctx, name, conn, sides)
		d.indexes(ctx, name, conn, sides)
		d.copyIndexes(ctx, name, conn, sides)
		if slices.Contains(sides, inspect.Fusillade) {
			d.filterIndexes(ctx, name, conn, sides)
			d.crowd(ctx, name, conn)
			d.statistics(ctx, name, conn)
			d.moments(ctx, name, conn)
			d.vacuum(ctx, name, conn)
			d.guard(ctx, name, conn)
		}
		if slices.Contains(sides, inspect.Main) {
			d.ledger(ctx, name, conn)
		}
		d.clock(ctx, name, conn)
		d.connections(ctx, name, conn, sides)
		d.migrations(ctx, name, conn, sides)
		if len(sides) == 1 && sides[0] == inspect.Main {
			d.outOfReach(ctx, name, conn)
		}
	}
	if replicaURL == "" {
		return
	}
	replicaName := name + " replica"
	replica := d.connect(ctx, replicaName, replicaURL)
	if replica == nil {
		return
	}
	defer boot.HangUp(replica)
	d.settings(ctx, replicaName, replicaURL, sides)
	d.tables(ctx, replicaName, replica, sides)
	if conn != nil {
		d.lag(ctx, replicaName, conn, replica)
	}
}

func (d *doctor) connect(ctx context.Context, name, url string) *pgx.Conn {
	const check = "connection"
	begun := time.Now()
	conn, err := boot.Connect(ctx, url)
	if err != nil {
		if away, ok := errors.AsType[*postgres.Away](err); ok {
			err = away // without its advice: the check adds its own
		}
		d.add(Check{name, check, Problem, oneLine(err.Error()), "correct the URL (`lethe config` shows it without the password), or start the server", nil})
		return nil
	}
	c := conn.Config()
	d.add(Check{Database: name, Name: check, Finding: OK,
		Detail: fmt.Sprintf("database %q at %s as role %q, in %s", c.Database, c.Host, c.User, time.Since(begun).Round(time.Millisecond))})
	return conn
}
