// Package receipt proves erasures. It contains the canonical bytes of a receipt with
// its commitments, the signed checkpoints of the log whose leaves are receipts, the
// file that contains all of these, and the check of that file.
//
// The package is pure: it reads no clock, no database and no network. The format
// is described in docs/receipt-format.md, with test vectors in docs/vectors.
//
// [Receipt] is what an erasure states, [Proof] the file that holds it with its place in
// the log, and [Result] what [Check] finds proven.
package receipt

import (
	"bytes"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
)

// Version is the first value of every receipt in this format.
const Version = "lethe-receipt/1"

// What a receipt says about the method; this version has one value for each.
const (
	tool   = "lethe"
	method = "delete"
)

// MaxReceipt is the maximum size of a receipt in bytes: some 1,300 commitments.
// Mirrors get receipts in bundles (C2SP tlog-tiles), whose lengths have 16 bits.
const MaxReceipt = 1<<16 - 1

// maxNumber is the maximum of every number: JSON readers are exact up to here, and so
// is the arithmetic of tlog.
const maxNumber = 1<<53 - 1

// MaxParts is the maximum number of receipts that an erasure's first receipt names.
const MaxParts = 200

// Receipt states that something was erased (LevelLogical), or that an erasure has
// reached a later level. It holds no content, no name and no identifier of what was
// erased, only commitments to them.
type Receipt struct {
	ID         uuid.UUID // random (version 4)
	Log        string    // origin of the log whose leaf it is
	Level      Level
	ExecutedAt time.Time // to the microsecond
	Build      string    // version of the program: printable ASCII
	Verified   Verification
	NotCovered []Gap // in any order

	About uuid.UUID // the erasure's receipt; only with later levels

	// The following fields are for LevelLogical only.

	Trigger     Trigger
	Rule        *Rule // with TriggerRetention, and only then
	Ground      Ground
	RequestedAt time.Time // to the microsecond
	Actor       Actor
	Counts      Counts
	Responses   []Commitment // one for each erased request, in any order
	Owners      []Commitment // one for each of their owners, in any order

	// Parts are the other receipts of an erasure with several receipts, in any order;
	// only its first receipt has them. Each states what that part did, to other rows.
	Parts []uuid.UUID
}

// Nothing reports whether the erasure found nothing to erase.
func (r Receipt) Nothing() bool {
	return r.Level == LevelLogical && r.Counts == Counts{} && len(r.Responses) == 0
}

// Rule is the retention rule that an erasure followed.
type Rule struct {
	ID      uuid.UUID // random (version 4)
	Version int64     // starts at 1
}

// Counts are the numbers of deleted rows; KeptTemplates were not deleted.
type Counts struct {
	Requests      int64 `json:"requests"`
	Steps         int64 `json:"steps"`
	Templates     int64 `json:"templates"`
	RawRequests   int64 `json:"raw_requests"`
	RawResponses  int64 `json:"raw_responses"`
	Tasks         int64 `json:"tasks"`
	Files         int64 `json:"files"`          // made for one request, each with its empty batch
	KeptTemplates int64 `json:"kept_templates"` // prompts of erased responses that another owner's row needs
	Retained      int64 `json:"retained"`       // objects of retained responses
}

// Level is the stage that an erasure has reached.
type Level string

const (
	LevelLogical    Level = "logical"    // no query finds it any more
	LevelReplicated Level = "replicated" // nor does any standby
	LevelVacuumed   Level = "vacuumed"   // permanently out of SQL's reach; bytes may remain
	LevelRewritten  Level = "rewritten"  // the table's files are new
	LevelExpired    Level = "expired"    // the write-ahead log and backups have run out
)

// Trigger is what caused an erasure.
type Trigger string

const (
	TriggerSingle    Trigger = "single"
	TriggerBulk      Trigger = "bulk"
	TriggerRetention Trigger = "retention"
	TriggerReplay    Trigger = "replay"  // repeated after a restore
	TriggerSweep     Trigger = "sweep"   // of copies that were written late
	TriggerOrphans   Trigger = "orphans" // of copies whose request is gone
)

// Ground is why something was erased.
type Ground string

const (
	GroundRequest          Ground = "request"
	GroundConsentWithdrawn Ground = "consent_withdrawn"
	GroundObjection        Ground = "objection"
	GroundNoLongerNeeded   Ground = "no_longer_needed"
	GroundUnlawful         Ground = "unlawful"
	GroundLegalObligation  Ground = "legal_obligation"
	GroundRetention        Ground = "retention"
	GroundUnspecified      Ground = "unspecified"
)

// Actor is the role of the person who asked for an erasure; never the person.
type Actor string

const (
	ActorOwner           Actor = "owner"
	ActorOrganization    Actor = "organization"
	ActorAdministrator   Actor = "administrator"
	ActorPlatformManager Actor = "platform_manager"
	ActorSystem          Actor = "system"
)

// Verification is how a level was checked.
type Verification string

const (
	VerifiedInTransaction Verification = "read back in the same transaction"
	VerifiedOnStandbys    Verification = "read back on every configured standby"
	VerifiedByCutoff      Verification = "the removable cutoff is past the transaction"
	VerifiedByRewrite     Verification = "the table was rewritten after the transaction"
	VerifiedByDrop        Verification = "the partition was dropped after the transaction"
	VerifiedByOperator    Verification = "stated by an operator"
)

// Gap is a place that a receipt does not cover and where something may remain.
type Gap string

const (
	GapPages           Gap = "pages"
	GapWAL             Gap = "wal"
	GapBackups         Gap = "backups"
	GapReplicas        Gap = "replicas"
	GapLateCopies      Gap = "late_copies"
	GapUnlocatedCopies Gap = "unlocated_copies"
	GapLaterTurns      Gap = "later_turns"
	GapImageStore      Gap = "image_store"
	GapPromptCache     Gap = "prompt_cache"
)

// The words that a receipt may contain, with their meaning in a sentence. Gaps are in
// the order in which a receipt lists them.
var (
	levels = map[Level][]Verification{
		LevelLogical:    {VerifiedInTransaction},
		LevelReplicated: {VerifiedOnStandbys},
		LevelVacuumed:   {VerifiedByCutoff},
		LevelRewritten:  {VerifiedByRewrite, VerifiedByDrop},
		LevelExpired:    {VerifiedByOperator},
	}
	reached = map[Level]string{
		LevelReplicated: "no configured standby shows it any more",
		LevelVacuumed:   "no query can ever find it again, though bytes may remain in free space",
		LevelRewritten:  "no file of the tables holds it any more",
		LevelExpired:    "the write-ahead log and backups of before are gone, by the word of an operator",
	}
	triggers = map[Trigger]string{
		TriggerSingle:    "the erasure of one response",
		TriggerBulk:      "a part of a bulk erasure",
		TriggerRetention: "an erasure by a retention rule",
		TriggerReplay:    "an erasure that was applied again after a restore",
		TriggerSweep:     "a sweep for copies that came late",
		TriggerOrphans:   "a sweep for copies whose request is gone",
	}
	grounds = map[Ground]string{
		GroundRequest:          "it was requested",
		GroundConsentWithdrawn: "consent was withdrawn",
		GroundObjection:        "somebody objected",
		GroundNoLongerNeeded:   "the data were no longer needed",
		GroundUnlawful:         "the data were held unlawfully",
		GroundLegalObligation:  "the law demands it",
		GroundRetention:        "their time was over",
		GroundUnspecified:      "unspecified",
	}
	actors = map[Actor]string{
		ActorOwner:           "by the owner",
		ActorOrganization:    "for the organization that owned it",
		ActorAdministrator:   "by an administrator",
		ActorPlatformManager: "by a platform manager",
		ActorSystem:          "by the service itself",
	}
	gaps = []gapMeaning{
		{GapPages, "that no bytes remain in pages of the database's files"},
		{GapWAL, "that no bytes remain in the write-ahead log"},
		{GapBackups, "that no backup holds it"},
		{GapReplicas, "that no replica holds it"},
		{GapLateCopies, "that no raw copy came after the erasure"},
		{GapUnlocatedCopies, "that there is no raw copy that nothing points to"},
		{GapLaterTurns, "that no prompt of a later turn quotes it"},
		{GapImageStore, "that no image of it remains in the gateway's image store"},
		{GapPromptCache, "that no fingerprint of a prompt's beginning remains in the gateway's prompt cache"},
	}
)

type gapMeaning struct {
	Gap
	notProven string
}

// GapsBut returns all gaps except these.
func GapsBut(closed ...Gap) (others []Gap) {
	for _, g := range gaps {
		if !slices.Contains(closed, g.Gap) {
			others = append(others, g.Gap)
		}
	}
	return others
}

// wire is a receipt as JSON: the fields in order, without those that the level does
// not have.
type wire struct {
	Version     string        `json:"version"`
	ID          uuid.UUID     `json:"id"`
	Log         string        `json:"log"`
	Level       Level         `json:"level"`
	About       uuid.UUID     `json:"about,omitzero"`
	Trigger     Trigger       `json:"trigger,omitzero"`
	Rule        *wireRule     `json:"rule,omitzero"`
	Ground      Ground        `json:"ground,omitzero"`
	RequestedAt moment        `json:"requested_at,omitzero"`
	ExecutedAt  moment        `json:"executed_at"`
	Actor       Actor         `json:"actor,omitzero"`
	Tool        string        `json:"tool"`
	Build       string        `json:"build"`
	Method      string        `json:"method,omitzero"`
	Counts      *Counts       `json:"counts,omitzero"`
	Responses   *[]Commitment `json:"responses,omitzero"`
	Owners      *[]Commitment `json:"owners,omitzero"`
	Parts       []uuid.UUID   `json:"parts,omitempty"`
	Verified    Verification  `json:"verified"`
	NotCovered  []Gap         `json:"not_covered"`
}

type wireRule struct {
	ID      uuid.UUID `json:"id"`
	Version int64     `json:"version"`
}

// moment is a time with exactly six decimals of a second.
type moment time.Time

const momentLayout = "2006-01-02T15:04:05.000000Z"

func (m moment) MarshalText() ([]byte, error) {
	return time.Time(m).UTC().AppendFormat(nil, momentLayout), nil
}

func (m *moment) UnmarshalText(text []byte) error {
	t, err := time.Parse(momentLayout, string(text))
	*m = moment(t)
	return err
}

// IsZero is for omitzero.
func (m moment) IsZero() bool { return time.Time(m).IsZero() }

// Encode returns the receipt's canonical form: the bytes that become a leaf of the
// log. It truncates times to the microsecond and writes them in UTC; it sorts lists.
// It refuses a receipt that breaks a rule of the format (BadReceipt).
func Encode(r Receipt) ([]byte, error) {
	r.Responses, r.Owners = sorted(r.Responses), sorted(r.Owners)
	r.Parts = slices.SortedFunc(slices.Values(r.Parts), compareIDs)
	if err := r.validate(); err != nil {
		return nil, err
	}
	w := wire{
		Version: Version, ID: r.ID, Log: r.Log, Level: r.Level, About: r.About,
		ExecutedAt: moment(r.ExecutedAt), Tool: tool, Build: r.Build, Verified: r.Verified,
		NotCovered: make([]Gap, 0, len(r.NotCovered)),
	}
	for _, g := range gaps {
		if slices.Contains(r.NotCovered, g.Gap) {
			w.NotCovered = append(w.NotCovered, g.Gap)
		}
	}
	if r.Level == LevelLogical {
		w.Trigger, w.Ground, w.RequestedAt, w.Actor = r.Trigger, r.Ground, moment(r.RequestedAt), r.Actor
		w.Method, w.Counts, w.Responses, w.Owners, w.Parts = method, &r.Counts, &r.Responses, &r.Owners, r.Parts
		if r.Rule != nil {
			w.Rule = (*wireRule)(r.Rule)
		}
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(w); err != nil {
		return nil, errorf(BadReceipt, "the receipt cannot be written: %v", err)
	}
	b.Truncate(b.Len() - 1) // the encoder ends with a newline
	if b.Len() > MaxReceipt {
		return nil, errorf(BadReceipt, "the receipt is longer than %d bytes: erase less at once", MaxReceipt)
	}
	return b.Bytes(), nil
}

// Parse reads a receipt's canonical form. It refuses whatever Encode would not have
// written byte for byte (BadReceipt): unknown and repeated fields, white space,
// another order, other spellings of times and numbers.
func Parse(data []byte) (Receipt, error) {
	if len(data) > MaxReceipt {
		return Receipt{}, errorf(BadReceipt, "the receipt is longer than %d bytes", MaxReceipt)
	}
	var w wire
	if err := json.Unmarshal(data, &w); err != nil {
		return Receipt{}, errorf(BadReceipt, "the receipt is no JSON with the fields of a receipt")
	}
	if w.Version != Version {
		return Receipt{}, errorf(BadReceipt, "the receipt is not of the version %s", Version)
	}
	r := Receipt{
		ID: w.ID, Log: w.Log, Level: w.Level, ExecutedAt: time.Time(w.ExecutedAt), Build: w.Build,
		Verified: w.Verified, NotCovered: w.NotCovered, About: w.About,
		Trigger: w.Trigger, Rule: (*Rule)(w.Rule), Ground: w.Ground, RequestedAt: time.Time(w.RequestedAt), Actor: w.Actor,
		Parts: w.Parts,
	}
	if w.Counts != nil {
		r.Counts = *w.Counts
	}
	if w.Responses != nil {
		r.Responses = *w.Responses
	}
	if w.Owners != nil {
		r.Owners = *w.Owners
	}
	canonical, err := Encode(r)
	if err != nil {
		return Receipt{}, err
	}
	if at, same := firstDifference(data, canonical); !same {
		return Receipt{}, errorf(BadReceipt, "the receipt is not in its canonical form from byte %d on", at)
	}
	return r, nil
}

// validate alone defines which receipts are valid. It expects sorted commitments and
// parts.
func (r Receipt) validate() error {
	verifications, known := levels[r.Level]
	switch {
	case !known:
		return errorf(BadReceipt, "the receipt is of an unknown level")
	case !isRandom(r.ID):
		return errorf(BadReceipt, "the receipt's id is no random UUID")
	case !validName(r.Log):
		return errorf(BadReceipt, "the receipt's log is not named as a log can be")
	case !validMoment(r.ExecutedAt):
		return errorf(BadReceipt, "the receipt does not say when the erasure was executed")
	case !validText(r.Build):
		return errorf(BadReceipt, "the receipt's build must be 1 to %d printable ASCII characters without quotes and backslashes", maxText)
	case !slices.Contains(verifications, r.Verified):
		return errorf(BadReceipt, "the receipt says of its level that it was verified in a way that is none for it")
	}
	for i, gap := range r.NotCovered {
		if !slices.ContainsFunc(gaps, func(known gapMeaning) bool { return known.Gap == gap }) {
			return errorf(BadReceipt, "the receipt does not cover something unknown")
		}
		if slices.Contains(r.NotCovered[:i], gap) {
			return errorf(BadReceipt, "the receipt says twice that it does not cover the same")
		}
	}
	if r.Level != LevelLogical {
		return r.validateLater()
	}
	return r.validateErasure()
}

func (r Receipt) validateErasure() error {
	counts := r.Counts
	switch {
	case r.About != uuid.Nil:
		return errorf(BadReceipt, "an erasure's receipt is not about another")
	case triggers[r.Trigger] == "":
		return errorf(BadReceipt, "the receipt's trigger is unknown")
	case grounds[r.Ground] == "":
		return errorf(BadReceipt, "the receipt's ground is unknown")
	case actors[r.Actor] == "":
		return errorf(BadReceipt, "the receipt's actor is unknown")
	case (r.Rule != nil) != (r.Trigger == TriggerRetention):
		return errorf(BadReceipt, "a receipt names a rule when retention triggered the erasure, and only then")
	case r.Rule != nil && (!isRandom(r.Rule.ID) || r.Rule.Version < 1 || r.Rule.Version > maxNumber):
		return errorf(BadReceipt, "the receipt's rule has no id or no version")
	case !validMoment(r.RequestedAt):
		return errorf(BadReceipt, "the receipt does not say when the erasure was requested")
	case int64(len(r.Responses)) < counts.Requests:
		return errorf(BadReceipt, "the receipt commits to fewer responses than were erased")
	}
	for _, n := range reflect.ValueOf(counts).Fields() {
		if n.Int() < 0 || n.Int() > maxNumber {
			return errorf(BadReceipt, "a count of the receipt is negative or too large")
		}
	}
	for _, list := range [][]Commitment{r.Responses, r.Owners} {
		for i := 1; i < len(list); i++ {
			if list[i-1] == list[i] {
				return errorf(BadReceipt, "the receipt holds the same commitment twice")
			}
		}
	}
	return r.validateParts()
}

func (r Receipt) validateParts() error {
	if len(r.Parts) > MaxParts {
		return errorf(BadReceipt, "the receipt names more than %d parts", MaxParts)
	}
	for i, part := range r.Parts {
		switch {
		case !isRandom(part) || part == r.ID:
			return errorf(BadReceipt, "a part that the receipt names has no id of another receipt")
		case i > 0 && r.Parts[i-1] == part:
			return errorf(BadReceipt, "the receipt names the same part twice")
		}
	}
	return nil
}

func (r Receipt) validateLater() error {
	switch {
	case !isRandom(r.About) || r.About == r.ID:
		return errorf(BadReceipt, "the receipt of a later level does not name the erasure's")
	case r.Trigger != "" || r.Rule != nil || r.Ground != "" || !r.RequestedAt.IsZero() || r.Actor != "" ||
		r.Counts != Counts{} || len(r.Responses) > 0 || len(r.Owners) > 0 || len(r.Parts) > 0:
		return errorf(BadReceipt, "the receipt of a later level says what only an erasure's says")
	}
	return nil
}

func compareIDs(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) }

func isRandom(id uuid.UUID) bool { return id.Version() == 4 && id.Variant() == uuid.RFC4122 }

// validMoment refuses unset times and years with more than four digits.
func validMoment(t time.Time) bool {
	year := t.UTC().Year()
	return year >= 1970 && year <= 9999
}

const maxText = 255

// validText accepts only text that every JSON encoder writes in the same way.
func validText(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return s != "" && len(s) <= maxText
}

// validName accepts names of logs and witnesses: valid in a signed note, in ASCII.
func validName(s string) bool {
	return validText(s) && !strings.ContainsAny(s, " +")
}

// firstDifference returns the offset at which two byte strings start to differ.
func firstDifference(a, b []byte) (at int, same bool) {
	for at < len(a) && at < len(b) && a[at] == b[at] {
		at++
	}
	return at, at == len(a) && at == len(b)
}
