package offsite

import "time"

// Waiting is the same file, whose lock is waited for no longer than that.
func (s *Seen) Waiting(wait time.Duration) *Seen { return &Seen{s.path, wait} }
