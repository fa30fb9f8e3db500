package domain

import (
	"time"

	"github.com/google/uuid"
)

// LoggedReceipt is the receipt of an erasure, or of what was found out about
// one later.
type LoggedReceipt struct {
	// Actor asked for the erasure; nil where nobody did, or where that has been
	// forgotten.
	Actor *uuid.UUID
	// WrittenAt is when it was written, by the database's clock.
	WrittenAt time.Time
	// File proves that the receipt is in the log (C2SP tlog-proof, the receipt
	// as extra data). Nil until a published checkpoint covers it.
	File []byte
}

// Level is how far an erasure has come after it was executed.
type Level string

// The later levels; each is said by a receipt about the erasure's.
const (
	LevelReplicated Level = "replicated" // no standby shows it
	LevelVacuumed   Level = "vacuumed"   // out of SQL's reach for ever
	LevelRewritten  Level = "rewritten"  // out of the tables' files
	LevelExpired    Level = "expired"    // the write-ahead log and backups have run out
)

// TileWidth is how many hashes or entries a full tile has.
const TileWidth = 256

// Tile names a part of the log as of C2SP tlog-tiles: hashes of a level of the
// tree, or, where entries are asked for, what is hashed at level 0.
type Tile struct {
	Level int   // 0 to 63; 0 for entries
	Index int64 // 0 or more
	Width int   // 1 to TileWidth; less than that of a tile that is not full yet
}
