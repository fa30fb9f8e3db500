package postgres

import (
	"context"
	"maps"
	"net"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/multitracer"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"
	pgxuuid "github.com/vgarvardt/pgx-google-uuid/v5"
)

// configureSessions sets up connections as this package needs them. wanted are a session's
// settings; settings is the statement that begins each transaction through PgBouncer.
func configureSessions(config *pgxpool.Config, cfg Config) (wanted map[string]string, settings string) {
	conn := config.ConnConfig
	if conn.ConnectTimeout == 0 {
		conn.ConnectTimeout = connectTimeout
	}
	conn.DialFunc = (&net.Dialer{
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 30 * time.Second, Interval: 10 * time.Second, Count: 3},
	}).DialContext
	conn.Tracer = statements{}
	if cfg.Tracer != nil {
		conn.Tracer = multitracer.New(cfg.Tracer, statements{})
	}
	for name, value := range map[string]string{
		"application_name": cfg.ApplicationName,
		// Planning takes longer than most queries. Queries with optional filters ask for
		// a plan made for their arguments.
		"plan_cache_mode": "force_generic_plan",
		// Starting workers takes longer than most queries, and one request has one
		// process of the database.
		"max_parallel_workers_per_gather": "0",
		// Nothing takes that long unless something is wrong.
		"statement_timeout": "30s",
		"lock_timeout":      "5s",
	} {
		if conn.RuntimeParams[name] == "" && value != "" {
			conn.RuntimeParams[name] = value
		}
	}
	if len(cfg.SearchPath) > 0 {
		schemas := make([]string, len(cfg.SearchPath))
		for i, schema := range cfg.SearchPath {
			schemas[i] = pgx.Identifier{schema}.Sanitize()
		}
		conn.RuntimeParams["search_path"] = strings.Join(schemas, ", ")
	}
	RelyOn(conn.RuntimeParams, false)
	wanted = maps.Clone(conn.RuntimeParams)
	if cfg.PgBouncer {
		settings = localSettings(conn.RuntimeParams)
		// A statement must not be prepared on one server and used on another. One sent
		// before the settings would not find its tables.
		conn.DefaultQueryExecMode = pgx.QueryExecModeExec
	}
	// A connection allocates its caches at full size. There are fewer statements than
	// that, and only one mode caches descriptions.
	conn.StatementCacheCapacity = min(conn.StatementCacheCapacity, 256)
	if conn.DefaultQueryExecMode != pgx.QueryExecModeCacheDescribe {
		conn.DescriptionCacheCapacity = 0
	}
	config.ShouldPing = func(_ context.Context, p pgxpool.ShouldPingParams) bool {
		return p.IdleDuration > pingAfterIdle
	}
	config.AfterConnect = func(_ context.Context, c *pgx.Conn) error {
		types := c.TypeMap()
		types.RegisterType(&pgtype.Type{
			Name: "timestamptz", OID: pgtype.TimestamptzOID,
			Codec: &moments{pgtype.TimestamptzCodec{ScanLocation: time.UTC}},
		})
		types.RegisterType(&pgtype.Type{Name: "bytea", OID: pgtype.ByteaOID, Codec: octets{}})
		pgxuuid.Register(types)
		id := &pgtype.Type{Name: "uuid", OID: pgtype.UUIDOID, Codec: uuids{}}
		types.RegisterType(id)
		types.RegisterType(&pgtype.Type{Name: "_uuid", OID: pgtype.UUIDArrayOID, Codec: &pgtype.ArrayCodec{ElementType: id}})
		// For the modes that do not ask the server for the types of arguments.
		types.RegisterDefaultPgType(uuid.UUID{}, "uuid")
		types.RegisterDefaultPgType([]uuid.UUID{}, "_uuid")
		return nil
	}
	return wanted, settings
}
