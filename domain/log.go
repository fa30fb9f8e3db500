package domain

import (
	"time"

	"github.com/google/uuid"
)

// LoggedReceipt is the receipt of an erasure, or a later receipt about one.
type LoggedReceipt struct {
	// Actor asked for the erasure; nil if nobody did, or if that has been forgotten.
	Actor *uuid.UUID
	// WrittenAt is the time of writing, by the database's clock.
	WrittenAt time.Time
	// File proves that the receipt is in the log (C2SP tlog-proof, the receipt
	// as extra data). Nil until a published checkpoint covers it.
	File []byte
}

// Level is a stage that an erasure reaches after its execution.
type Level string

// The later levels; a receipt about the erasure's receipt states each.
const (
	LevelReplicated Level = "replicated" // no standby shows it
	LevelVacuumed   Level = "vacuumed"   // permanently out of SQL's reach
	LevelRewritten  Level = "rewritten"  // out of the tables' files
	LevelExpired    Level = "expired"    // the write-ahead log and backups have run out
)

// TileWidth is the number of hashes or entries in a full tile.
const TileWidth = 256

// Tile names a part of the log as in C2SP tlog-tiles: hashes of a level of the tree
// or, for entries, what is hashed at level 0.
type Tile struct {
	Level int   // 0 to 63; 0 for entries
	Index int64 // 0 or more
	Width int   // 1 to TileWidth; less for a tile that is not full yet
}
