package domain

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
)

// RetentionRule erases responses that are older than it says, at set times.
type RetentionRule struct {
	ID uuid.UUID
	RetentionVersion
	Enabled   bool
	DryRun    *DryRun // the newest one of this version; nil: there was none
	CreatedAt time.Time
	CreatedBy uuid.UUID
	NextRunAt *time.Time    // nil while it is not enabled
	LastRun   *RetentionRun // the last one that began
	SkippedAt *time.Time    // when a run last did not begin, as the one before it was not over
	RemovedAt *time.Time    // nil: not removed
	RemovedBy *uuid.UUID
}

// RetentionVersion is what a rule says from one change of it to the next.
type RetentionVersion struct {
	Version int64 // from 1 on
	RetentionTerms
	ChangedAt time.Time
	ChangedBy uuid.UUID
}

// RetentionTerms say which responses are erased, and when.
type RetentionTerms struct {
	Name      string
	Filter    RetentionFilter
	AgeDays   int64       // of 24 hours, from when the response was created
	RunAt     []TimeOfDay // ascending, none twice
	MaxPerRun int64       // responses that one run erases at most
}

// RetentionFilter is what of ResponseFilter a rule can say. Nil does not
// narrow, but for States: without them, it is what has come to its end.
type RetentionFilter struct {
	States, Models, Tiers []string
	Owners                []uuid.UUID
}

// DryRun is what a rule would have erased; its Sum is not kept, and a filter has
// nothing that is not found.
type DryRun struct {
	At time.Time
	Estimate
}

// RetentionRun is a run of a rule: Erasure is what it began.
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

// Bounds of retention rules.
const (
	MaxRuleName = 100    // characters
	MaxAgeDays  = 36_500 // a hundred years
	MaxRunsADay = 24
	MaxPerRun   = 1_000_000 // responses

	DefaultMaxPerRun int64 = 10_000
)

const firstVersion int64 = 1

// rulesAtOnce is how many rules RunRules looks at in one call.
const rulesAtOnce = 100

// RuleRequest is what a caller wants of a rule.
type RuleRequest struct {
	Name      string
	Filter    RetentionFilter
	AgeDays   int64
	RunAt     []TimeOfDay
	MaxPerRun *int64 // nil: DefaultMaxPerRun
}

// Position is where the rule stands in lists: the newest first, ties by
// descending identifier.
func (r RetentionRule) Position() Position { return Position{CreatedAt: r.CreatedAt, ID: r.ID} }

// RuleQuery asks for a part of the list of rules, in the order of
// RetentionRule.Position.
type RuleQuery struct {
	Removed bool      // only those that have been removed, or only those that have not
	After   *Position // only what comes strictly after; nil: all
	Limit   int64     // 1 or more
}

// ruleList tells lists of rules apart, and from any other list.
func ruleList(removed bool) fingerprint {
	return sha256.Sum256(fmt.Appendf(nil, "retention rules removed=%t", removed))
}

func errRuleForbidden(operation string) *Error {
	return Errorf(CodeForbidden, "Insufficient permissions to %s Retention Rules", operation)
}

// ruleError is what is told of an error of Retention's about a rule.
func ruleError(id uuid.UUID, err error) error {
	switch CodeOf(err) {
	case CodeNotFound:
		return Errorf(CodeNotFound, "Retention rule with ID %s not found", id)
	case CodeConflict:
		return Errorf(CodeConflict, "Retention rule with ID %s has been changed or removed meanwhile, and nothing was done; read it and decide again", id)
	}
	return err
}
