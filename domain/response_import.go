package domain

import (
	"slices"
	"time"
)

// ImportedResponse is a response that was read from a file, to be kept like any other.
type ImportedResponse struct {
	// CreatedAt is zero if it is unknown: then it becomes the time of the import. So do
	// CompletedAt and FailedAt become CreatedAt.
	ResponseDetail
	Place    string // where it is in the file, such as "line 3"
	Partial  bool   // nothing is known of its contents
	Path     string // that it was requested at
	CustomID *string
	// Proven is set if the file proves that all before it is complete and unchanged, or
	// has nothing to prove that with.
	Proven bool
}

// maxImportedWord is how many bytes the model and the owner may have: both are in indexes.
const maxImportedWord = 512

// knownStates are the states in which a response can be kept.
var knownStates = slices.Concat(ActiveStates, []string{"completed", "failed", "canceled"})

// Check fails with CodeInvalid if the response cannot be kept. The message has nothing of
// the response itself.
func (r ImportedResponse) Check() error {
	switch {
	case r.Owner == "":
		return errImported("names no owner: give one with --owner")
	case !imported(r.Owner):
		return errImported("has an owner that is too long, or not UTF-8 without NUL")
	case r.Model == "":
		return errImported("names no model")
	case !imported(r.Model):
		return errImported("has a model that is too long, or not UTF-8 without NUL")
	case !slices.Contains(knownStates, r.State):
		return errImported("has a status that is none of pending, claimed, processing, completed, failed and canceled")
	case r.State == "completed" && r.HTTPStatus == nil:
		return errImported("is completed, but has no response_status")
	case r.HTTPStatus != nil && (*r.HTTPStatus < 0 || *r.HTTPStatus > 999):
		return errImported("has an HTTP status that is none")
	case !storable(&r.Prompt, r.Answer, r.Error, r.CustomID):
		return errImported("has a text with NUL or bytes that are not UTF-8, which the database cannot store")
	case !known(&r.CreatedAt) || !known(r.CompletedAt) || !known(r.FailedAt) || !known(r.StartedAt):
		return errImported("has a time outside the years 1 to 9999")
	}
	for _, tokens := range []*int64{r.Usage.PromptTokens, r.Usage.CompletionTokens, r.Usage.ReasoningTokens, r.Usage.TotalTokens} {
		if tokens != nil && *tokens < 0 {
			return errImported("has a negative number of tokens")
		}
	}
	return nil
}

func errImported(message string) error { return Errorf(CodeInvalid, "%s", message) }

func imported(word string) bool { return len(word) <= maxImportedWord && Storable(word) }

func storable(texts ...*string) bool {
	return !slices.ContainsFunc(texts, func(t *string) bool { return t != nil && !Storable(*t) })
}

// known reports whether a time can be kept: one that an export could not express is kept
// as an infinite one.
func known(at *time.Time) bool { return at == nil || at.IsZero() || infinite(*at) || Sayable(*at) }
