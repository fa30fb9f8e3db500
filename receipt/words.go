package receipt

import "slices"

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
