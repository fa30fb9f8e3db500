package domain

import (
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
)

// RetentionRule erases responses older than its age, at set times.
type RetentionRule struct {
	ID uuid.UUID
	RetentionVersion
	Enabled   bool
	Enabling  *RuleEnabling // of this version; nil: nobody has enabled it
	DryRun    *DryRun       // the newest one of this version; nil: none
	CreatedAt time.Time
	CreatedBy uuid.UUID
	NextRunAt *time.Time    // nil while it is not enabled
	LastRun   *RetentionRun // the last run that began
	SkippedAt *time.Time    // the last time a run was skipped because the one before it was not over
	RemovedAt *time.Time    // nil: not removed
	RemovedBy *uuid.UUID
}

// RuleEnabling says who let a version of a rule run.
type RuleEnabling struct {
	By         uuid.UUID
	At         time.Time
	ApproveBy  *time.Time // until when somebody else can approve it; nil: it needs no approval
	ApprovedBy *uuid.UUID
	ApprovedAt *time.Time
}

// RetentionVersion is the content of a rule from one change to the next.
type RetentionVersion struct {
	Version int64 // starts at 1
	RetentionTerms
	ChangedAt time.Time
	ChangedBy uuid.UUID
}

// RetentionTerms define which responses are erased, and when.
type RetentionTerms struct {
	Name      string
	Filter    RetentionFilter
	AgeDays   int64       // days of 24 hours since the response was created
	RunAt     []TimeOfDay // ascending, without duplicates
	MaxPerRun int64       // maximum number of responses that one run erases
}

// RetentionFilter is the part of ResponseFilter that a rule can use. Nil does not
// narrow, except for States: nil means every final state.
type RetentionFilter struct {
	States, Models, Tiers []string
	Owners                []uuid.UUID
}

// DryRun is what a rule would have erased. Its Sum is not stored, and its NotFound is
// always 0, because a rule has a filter.
type DryRun struct {
	At time.Time
	Estimate
}

// RetentionRun is a run of a rule: Erasure is the erasure that it started.
type RetentionRun struct {
	At      time.Time
	Version int64
	Erasure uuid.UUID
}

// TimeOfDay is a time of each day in UTC, in minutes after midnight.
type TimeOfDay int

// ErrNoTimeOfDay says what a time of day must be.
var ErrNoTimeOfDay = errors.New("must be a time of day in UTC from 00:00 to 23:59")

// ParseTimeOfDay reads what String writes, or returns ErrNoTimeOfDay.
func ParseTimeOfDay(text string) (TimeOfDay, error) {
	at, err := time.Parse("15:04", text)
	t := TimeOfDay(at.Hour()*60 + at.Minute())
	if err != nil || t.String() != text {
		return 0, ErrNoTimeOfDay
	}
	return t, nil
}

// String is the time of day as 15:04.
func (t TimeOfDay) String() string { return fmt.Sprintf("%02d:%02d", t/60, t%60) }

// Limits of retention rules.
const (
	MaxRuleName = 100    // characters
	MaxAgeDays  = 36_500 // a hundred years
	MaxRunsADay = 24
	MaxPerRun   = 1_000_000 // responses

	DefaultMaxPerRun int64 = 10_000
)

const firstVersion int64 = 1

// rulesAtOnce is how many rules RunRules handles in one call.
const rulesAtOnce = 100

// RuleRequest is a caller's request for a rule.
type RuleRequest struct {
	Name      string
	Filter    RetentionFilter
	AgeDays   int64
	RunAt     []TimeOfDay
	MaxPerRun *int64 // nil: DefaultMaxPerRun
}

// Position is the rule's place in lists: newest first, ties by descending identifier.
func (r RetentionRule) Position() Position { return Position{CreatedAt: r.CreatedAt, ID: r.ID} }

// RuleQuery selects a part of the list of rules, in the order of
// RetentionRule.Position.
type RuleQuery struct {
	Removed bool      // true: only removed rules; false: only the others
	After   *Position // only what comes strictly after; nil: all
	Limit   int64     // 1 or more
}

func errRuleForbidden(operation string) *Error {
	return Errorf(CodeForbidden, "Insufficient permissions to %s Retention Rules", operation)
}

// ruleError converts an error of Retention about a rule for the caller.
func ruleError(id uuid.UUID, err error) error {
	switch CodeOf(err) {
	case CodeNotFound:
		return Errorf(CodeNotFound, "Retention rule with ID %s not found", id)
	case CodeConflict:
		return Errorf(CodeConflict, "Retention rule with ID %s was changed or removed in the meantime, so nothing was done; read it and try again", id)
	}
	return err
}
