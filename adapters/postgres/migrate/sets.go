package migrate

import (
	"io/fs"

	"github.com/pressly/goose/v3"

	"lethe/migrations"
)

const (
	setMain      = "main"
	setFusillade = "fusillade"
	setOutlet    = "outlet"
	setUnderway  = "underway"
	setLethe     = "lethe"
	setRiver     = "river"

	ownSchema = "lethe"

	// formerTable was in schema lethe until the first release.
	formerTable = ownSchema + ".looks"

	// lockKey is "lethe" in ASCII.
	lockKey = 0x6c65746865
)

type set struct {
	name   string
	schema string
	tables []string
}

// replaced maps tables that a newer version has removed to ones that replace them.
var replaced = map[string]string{"response_steps": "retained_response_objects"}

func sets(s Schemas) []set {
	return []set{
		{setMain, "public", []string{"users", "user_roles", "user_organizations", "api_keys", "http_analytics", "credits_transactions"}},
		{setFusillade, s.Fusillade, []string{"files", "batches", "request_templates", "requests", "response_steps"}},
		{setOutlet, s.Outlet, []string{"http_requests", "http_responses"}},
		{setUnderway, "underway", []string{"task_queue", "task"}},
		// The tables of its first migration: tables of later ones are missing until an
		// upgrade.
		{setLethe, ownSchema, []string{"receipts", "receipt_secrets", "tiles", "log_state", "checkpoints"}},
		{setRiver, ownSchema, []string{"river_job", "river_queue", "river_leader"}},
	}
}

// files returns the migrations of a set.
func files(set string) (fs.FS, error) {
	if set == setLethe {
		return fs.Sub(migrations.Lethe, "lethe")
	}
	return fs.Sub(migrations.Upstream, "upstream/"+set)
}

func versionTable(set string) string {
	if set == setRiver {
		return ownSchema + ".river_migration"
	}
	return ownSchema + ".version_" + set
}

// versionQuery selects the newest applied migration of a set; 0: none.
func versionQuery(set string) string {
	if set == setRiver {
		return `SELECT coalesce(max(version), 0) FROM ` + versionTable(set)
	}
	return `SELECT coalesce(max(version_id) FILTER (WHERE is_applied), 0) FROM ` + versionTable(set)
}

func latest(set string) (int64, error) {
	if set == setRiver {
		migrations, err := RiverMigrations()
		if err != nil {
			return 0, err
		}
		return int64(migrations[len(migrations)-1].Version), nil
	}
	dir, err := files(set)
	if err != nil {
		return 0, err
	}
	names, err := fs.Glob(dir, "*.sql")
	if err != nil {
		return 0, err
	}
	var newest int64
	for _, file := range names {
		n, err := goose.NumericComponent(file)
		if err != nil {
			return 0, err
		}
		newest = max(newest, n)
	}
	return newest, nil
}
