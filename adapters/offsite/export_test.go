package offsite

import "time"

// Waiting returns the same file, with a limit on how long to wait for its lock.
func (s *CheckpointFile) Waiting(wait time.Duration) *CheckpointFile {
	return &CheckpointFile{s.path, wait}
}
