package domain

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
)

// Status is what an operator has to know of the service and its databases.
type Status struct {
	At       time.Time
	Well     bool
	Sentence string // that all is well, or the worst that is not and what mends it

	Log       LogStatus
	Erasures  ErasureStatus
	Holds     HoldStatus
	Subjects  SubjectRequestStatus
	Rules     []DueRule // enabled retention rules, the next one first; at most MaxDueRules
	Version   string    // of the service
	Databases []SchemaVersion
}

// LogStatus is the state of the log of erasures.
type LogStatus struct {
	SealedAt  *time.Time    // when the newest tree was signed; nil: none was yet
	Leaves    int64         // sealed receipts
	Published int64         // of these, those that a published checkpoint covers
	Unsealed  int64         // receipts that are not sealed yet; counting ends at MaxUnsealed
	Oldest    time.Duration // how long the first of these has been waiting
}

// ErasureStatus counts bulk erasures whose details are kept.
type ErasureStatus struct {
	Unfinished int64
	Oldest     *time.Time // when the oldest unfinished one was requested; nil: all are finished
	Failed     int64      // within the last day
	// Awaiting counts those that wait for approval; they are not unfinished.
	Awaiting       int64
	OldestAwaiting *time.Time // when the oldest of these was requested; nil: none waits
}

// HoldStatus counts what bypasses holds.
type HoldStatus struct {
	Gone          int64 // held responses that something else has deleted
	PurgesWaiting int64 // of deleted users, that would remove held responses
	PurgesFailed  int64
}

// DueRule is an enabled retention rule with the time of its next run.
type DueRule struct {
	ID   uuid.UUID
	Name string
	At   time.Time
}

// SchemaVersion is how far a schema of another system is migrated, as far as it says.
type SchemaVersion struct {
	Schema    string
	Migration *int64  // the newest one applied; nil: unknown
	Failed    []int64 // begun, but not finished
}

// Limits of a Status.
const (
	MaxUnsealed = 10_000
	MaxDueRules = 10
)

// When something that takes time has taken too long.
const (
	sealedWithin    = time.Minute
	publishedWithin = 10 * time.Minute
	erasedWithin    = 24 * time.Hour
	begunWithin     = 10 * time.Minute
	approvedWithin  = 48 * time.Hour
)

const allIsWell = "All is well"

// worst says what is wrong and what mends it, the worst thing alone; empty: nothing is.
func (s Status) worst() string {
	migrating := slices.IndexFunc(s.Databases, func(v SchemaVersion) bool { return len(v.Failed) > 0 })
	switch {
	case s.Holds.Gone > 0:
		return fmt.Sprintf("Held responses that are gone though Lethe did not erase them: %d; `lethe doctor` names them, and `lethe guard` prints SQL that prevents it", s.Holds.Gone)
	case s.Holds.PurgesWaiting > 0:
		return fmt.Sprintf("Purges of deleted users that are waiting to remove held responses: %d; stop these jobs of the queue purge-user-data in underway.task, or make the database refuse them with what `lethe guard` prints", s.Holds.PurgesWaiting)
	case s.Log.Unsealed > 0 && s.Log.Oldest > sealedWithin:
		return fmt.Sprintf("A receipt of an erasure has been waiting to be sealed for %s; `lethe doctor` says whether a key is missing or the log differs from what was signed", span(s.Log.Oldest))
	case s.Log.Published < s.Log.Leaves && s.Log.SealedAt != nil && s.At.Sub(*s.Log.SealedAt) > publishedWithin:
		return fmt.Sprintf("Sealed receipts that no published checkpoint covers: %d; `lethe doctor` names the standby of erasure.standbys that is not connected", s.Log.Leaves-s.Log.Published)
	case s.Subjects.Overdue > 0:
		return fmt.Sprintf("Subject requests whose answer is overdue: %d; GET /lethe/api/v1/subject-requests?open=true lists them", s.Subjects.Overdue)
	case s.Erasures.Failed > 0:
		return fmt.Sprintf("Erasures that failed within the last day: %d; GET /lethe/api/v1/erasures?state=failed says why, and each has to be started again", s.Erasures.Failed)
	case s.Erasures.Oldest != nil && s.At.Sub(*s.Erasures.Oldest) > erasedWithin:
		return fmt.Sprintf("An erasure has been unfinished for %s; GET /lethe/api/v1/erasures?state=pending,running shows what delays it", span(s.At.Sub(*s.Erasures.Oldest)))
	case len(s.Rules) > 0 && s.At.Sub(s.Rules[0].At) > begunWithin:
		return fmt.Sprintf("The retention rule %q has been due for %s and has not begun; the log of `lethe serve` says why", s.Rules[0].Name, span(s.At.Sub(s.Rules[0].At)))
	case s.Erasures.OldestAwaiting != nil && s.At.Sub(*s.Erasures.OldestAwaiting) > approvedWithin:
		return fmt.Sprintf("An erasure has been waiting for approval for %s; GET /lethe/api/v1/erasures?state=awaiting_approval shows it, and somebody else than who requested it has to approve or refuse it", span(s.At.Sub(*s.Erasures.OldestAwaiting)))
	case migrating >= 0:
		return fmt.Sprintf("A migration of schema %s was begun and not finished; let the system that owns its tables finish it, then run `lethe doctor`", s.Databases[migrating].Schema)
	}
	return ""
}

// summary is whether all is well, and the sentence.
func (s Status) summary() (well bool, sentence string) {
	worst := s.worst()
	return worst == "", cmp.Or(worst, allIsWell) + "."
}

// span is a duration to the minute, such as 26h5m.
func span(d time.Duration) string {
	return strings.TrimSuffix(d.Round(time.Minute).String(), "0s")
}
