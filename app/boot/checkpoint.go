package boot

import (
	"fmt"
	"path/filepath"

	"lethe/adapters/offsite"
	"lethe/app/config"
)

// embeddedCheckpoint is the file in which the embedded mode keeps the newest
// checkpoint that was seen.
const embeddedCheckpoint = "erasure.checkpoint"

// NoCheckpointFile is what to do where the newest checkpoint is kept nowhere.
const NoCheckpointFile = "name a file for it in erasure.checkpoint_file (LETHE_ERASURE_CHECKPOINT_FILE), on another disk than the database's"

// CheckpointFile is where the newest checkpoint that was seen is kept; nil: nowhere.
func CheckpointFile(cfg *config.Config) *offsite.CheckpointFile {
	switch {
	case cfg.Erasure.CheckpointFile != "":
		return offsite.CheckpointFileAt(cfg.Erasure.CheckpointFile)
	case cfg.Embedded():
		return offsite.CheckpointFileAt(filepath.Join(cfg.DataDir, embeddedCheckpoint))
	}
	return nil
}

// UnusableCheckpoint says what to do about a file of a checkpoint that cannot be gone by.
func UnusableCheckpoint(file *offsite.CheckpointFile, err error) error {
	return fmt.Errorf("%s, which keeps the newest checkpoint of the log of erasures that was seen: %w: put back what was there, or correct erasure.checkpoint_file; take the file away only when you are sure that the database is the newest", file.Path(), err)
}
