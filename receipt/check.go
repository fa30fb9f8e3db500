package receipt

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"golang.org/x/mod/sumdb/tlog"
)

// Options are further facts for the check of a proof file; all are optional.
type Options struct {
	// Older is another signed checkpoint of the log, usually from an earlier time,
	// but it may be a later one. Tiles is a mirror of the log with the tiles of the
	// larger of the two trees, as in C2SP tlog-tiles ("tile/0/000"); it is not needed
	// if both trees have the same size.
	Older []byte
	Tiles fs.FS

	Salt     *Salt      // of the receipt, or the secret that it is derived from
	Response *uuid.UUID // with Salt: was this response erased?
	Owner    *string    // with Salt: were responses of this owner erased?
}

// Result is what a proof file proves.
type Result struct {
	Receipt    Receipt
	Index      int64 // of the leaf
	Checkpoint Checkpoint
	Signatures []Signature

	Proven    []string // one sentence each
	NotProven []string // clauses, each to be read after "not proven:"
}

// Check says what a proof file proves to somebody who trusts these keys: all keys
// that the log signs with, and those of witnesses. It needs nothing but its
// arguments. If anything that was asked for does not hold, it returns an *Error, and
// nothing is proven.
func Check(file []byte, keys []PublicKey, o Options) (Result, error) {
	p, err := ParseProof(file)
	if err != nil {
		return Result{}, err
	}
	// Check that the log holds these bytes before reading them: if they were changed
	// after sealing, that is the error to report.
	r := Result{Index: p.Index}
	if r.Checkpoint, r.Signatures, err = OpenCheckpoint(p.Checkpoint, keys); err != nil {
		return Result{}, err
	}
	if tlog.CheckRecord(p.Hashes, r.Checkpoint.Size, r.Checkpoint.Root, r.Index, tlog.RecordHash(p.Receipt)) != nil {
		return Result{}, errorf(NotIncluded, "the receipt, or its proof, was changed since it was sealed: it is not leaf %d of the log's tree of size %d", r.Index, r.Checkpoint.Size)
	}
	if r.Receipt, err = Parse(p.Receipt); err != nil {
		return Result{}, err
	}
	if r.Receipt.Log != r.Checkpoint.Origin {
		return Result{}, errorf(OtherLog, "the receipt is of the log %s, its checkpoint of the log %s", r.Receipt.Log, r.Checkpoint.Origin)
	}
	r.proveInclusion()
	if err := r.proveHistory(keys, o); err != nil {
		return Result{}, err
	}
	if err := r.proveCommitments(o); err != nil {
		return Result{}, err
	}
	r.listNotProven(o)
	return r, nil
}

func (r *Result) prove(format string, args ...any) {
	r.Proven = append(r.Proven, fmt.Sprintf(format, args...))
}

func (r *Result) proveInclusion() {
	var byLog, byWitnesses []string
	for _, s := range r.Signatures {
		if s.Key.Witness() {
			byWitnesses = append(byWitnesses, fmt.Sprintf("The witness %s saw this checkpoint on %s and found that it goes on from all it had seen of the log before.", s.Key.ID(), inWords(s.Time)))
		} else {
			byLog = append(byLog, s.Key.ID())
		}
	}
	r.prove("This receipt is leaf %d of the log %s of size %d, whose checkpoint is signed with the log's key %s.",
		r.Index, r.Checkpoint.Origin, r.Checkpoint.Size, and(byLog))
	r.Proven = append(r.Proven, byWitnesses...)
	r.prove("%s", r.Receipt.sentence())
}

func (r *Result) proveHistory(keys []PublicKey, o Options) error {
	if o.Older == nil {
		return nil
	}
	other, _, err := OpenCheckpoint(o.Older, keys)
	if err != nil {
		if e, ok := errors.AsType[*Error](err); ok {
			err = errorf(e.Kind, "the other checkpoint cannot be used: %s", e.Reason)
		}
		return err
	}
	if err := checkConsistent(other, r.Checkpoint, o.Tiles); err != nil {
		return err
	}
	small, large := min(other.Size, r.Checkpoint.Size), max(other.Size, r.Checkpoint.Size)
	r.prove("The log was not rewritten between its checkpoints of size %d and %d: the larger begins with all leaves of the smaller.", small, large)
	return nil
}

func (r *Result) proveCommitments(o Options) error {
	if o.Response == nil && o.Owner == nil {
		return nil
	}
	if o.Salt == nil {
		return errorf(BadKey, "responses and owners can be looked for with the receipt's salt only")
	}
	if r.Receipt.Level != LevelLogical {
		return errorf(WrongCommitment, "the receipt commits to nothing: look in that of the erasure, %s", r.Receipt.About)
	}
	salt, derived := *o.Salt, DeriveSalt(*o.Salt, r.Receipt.ID)
	if o.Response != nil {
		if !slices.Contains(r.Receipt.Responses, CommitResponse(salt, *o.Response)) && !slices.Contains(r.Receipt.Responses, CommitResponse(derived, *o.Response)) {
			if len(r.Receipt.Responses) == 0 {
				return errorf(WrongCommitment, "the receipt says of no response that it was erased: check it without one")
			}
			return errorf(WrongCommitment, "the response %s is not among those that the receipt says were erased, or the salt is another's%s", o.Response, r.Receipt.otherParts())
		}
		r.prove("The salt fits: the response %s is among the %d that it says were erased.", o.Response, len(r.Receipt.Responses))
	}
	if o.Owner != nil {
		if !slices.Contains(r.Receipt.Owners, CommitOwner(salt, *o.Owner)) && !slices.Contains(r.Receipt.Owners, CommitOwner(derived, *o.Owner)) {
			if len(r.Receipt.Owners) == 0 {
				return errorf(WrongCommitment, "the receipt says of no owner that responses were erased: check it without one")
			}
			return errorf(WrongCommitment, "the owner given is not among those whose responses the receipt says were erased, or the salt is another's%s", r.Receipt.otherParts())
		}
		if r.Receipt.Nothing() {
			r.prove("The salt fits: it is of the owner given that it says there was nothing to erase.")
		} else {
			r.prove("The salt fits: the owner given is among the %d whose responses it says were erased.", len(r.Receipt.Owners))
		}
	}
	return nil
}

func (r *Result) listNotProven(o Options) {
	add := func(clause string) { r.NotProven = append(r.NotProven, clause) }
	add("that what the receipt says is true: it is the word of who runs the log, who can be held to it")
	switch {
	case r.Receipt.Level != LevelLogical:
		add(fmt.Sprintf("what was erased: that is said by the receipt %s, which has a file of its own", r.Receipt.About))
	case r.Receipt.Nothing():
		if o.Owner == nil && len(r.Receipt.Owners) > 0 {
			add("whose responses were looked for (give the salt and an owner)")
		}
	default:
		if o.Response == nil {
			add("which responses were erased (give the salt and a response)")
		}
		if o.Owner == nil {
			add("whose responses were erased (give the salt and an owner)")
		}
	}
	if parts := len(r.Receipt.Parts); parts > 0 {
		add(fmt.Sprintf("what else this erasure removed: that is said by %s, with a file for each: %s", counted(int64(parts), "other receipt", "other receipts"), someOf(r.Receipt.Parts)))
	}
	if o.Older == nil {
		add("that the log was never rewritten (give an older checkpoint)")
	}
	if !slices.ContainsFunc(r.Signatures, func(s Signature) bool { return s.Key.Witness() }) {
		add("that others are shown the same log (no witness has signed)")
	}
	for _, g := range gaps {
		if slices.Contains(r.Receipt.NotCovered, g.Gap) {
			add(fmt.Sprintf("%s (the receipt does not cover %s)", g.notProven, g.Gap))
		}
	}
}

// otherParts says where to look for what the receipt does not state.
func (r Receipt) otherParts() string {
	if len(r.Parts) == 0 {
		return ""
	}
	others := "others"
	if len(r.Parts) == 1 {
		others = "other one"
	}
	return fmt.Sprintf("; this receipt is one of %d parts of its erasure: fetch and verify the %s, too: %s", len(r.Parts)+1, others, someOf(r.Parts))
}

// someOf names a few receipts.
func someOf(receipts []uuid.UUID) string {
	const limit = 3
	var parts []string
	for _, id := range receipts[:min(limit, len(receipts))] {
		parts = append(parts, id.String())
	}
	if more := len(receipts) - limit; more > 0 {
		parts = append(parts, fmt.Sprintf("%d more", more))
	}
	return and(parts)
}

// sentence returns the receipt's statement in words.
func (r Receipt) sentence() string {
	if r.Level != LevelLogical {
		return fmt.Sprintf("It says that the erasure of the receipt %s had come to the level %s by %s: %s (verified: %s; lethe %s).",
			r.About, r.Level, inWords(r.ExecutedAt), reached[r.Level], r.Verified, r.Build)
	}
	rule := ""
	if r.Rule != nil {
		rule = fmt.Sprintf(" (%s, version %d)", r.Rule.ID, r.Rule.Version)
	}
	did := "removed " + r.Counts.words()
	if r.Nothing() {
		did = "found nothing that was there to erase"
	}
	if kept := r.Counts.KeptTemplates; kept > 0 {
		did += ", and left " + counted(kept, "template that somebody else's row needs", "templates that somebody else's rows need")
	}
	return fmt.Sprintf("It says that on %s %s%s, asked for on %s %s (ground: %s), %s (verified: %s; lethe %s).",
		inWords(r.ExecutedAt), triggers[r.Trigger], rule, inWords(r.RequestedAt), actors[r.Actor], grounds[r.Ground],
		did, r.Verified, r.Build)
}

// words returns the deleted rows in words.
func (c Counts) words() string {
	var parts []string
	for _, count := range []struct {
		n         int64
		one, many string
	}{
		{c.Requests, "request", "requests"},
		{c.Steps, "step", "steps"},
		{c.Templates, "template", "templates"},
		{c.RawRequests, "raw copy of a request", "raw copies of requests"},
		{c.RawResponses, "raw copy of a response", "raw copies of responses"},
		{c.Tasks, "task", "tasks"},
		{c.Files, "file that was made for one request", "files that were made for one request each"},
		{c.Retained, "object of a retained response", "objects of retained responses"},
	} {
		if count.n != 0 {
			parts = append(parts, counted(count.n, count.one, count.many))
		}
	}
	if len(parts) == 0 {
		return "nothing"
	}
	return and(parts)
}

func counted(n int64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// and joins parts as in a sentence.
func and(parts []string) string {
	last := len(parts) - 1
	if last < 1 {
		return strings.Join(parts, "")
	}
	return strings.Join(parts[:last], ", ") + " and " + parts[last]
}

func inWords(t time.Time) string { return t.UTC().Format("2 January 2006, 15:04:05 UTC") }
