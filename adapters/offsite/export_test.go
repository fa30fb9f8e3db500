package offsite

import "time"

// Waiting is the same file, whose lock is waited for no longer than that.
func (s *CheckpointFile) Waiting(wait time.Duration) *CheckpointFile {
	return &CheckpointFile{s.path, wait}
}
