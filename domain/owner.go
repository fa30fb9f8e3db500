package domain

import (
	"context"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"
)

// Owner is a person or an organization that responses may belong to.
type Owner struct {
	ID           uuid.UUID
	Email        string
	Name         string // as people are shown; may be empty
	Organization bool   // not a person
	Deleted      bool
}

// OwnerQuery selects owners whose e-mail address, user name or name contains a text, or
// whose identifier it is, in whatever case.
type OwnerQuery struct {
	Text  string
	Among []uuid.UUID // nil: anyone
	Limit int64       // 1 or more
}

const (
	// minOwnerText is how much of a name or an address must be given, in characters: less
	// names half of all people.
	minOwnerText = 3
	// maxOwners is the maximum number of owners found.
	maxOwners = 20
)

// OwnerFound is an owner, and how many responses there are; nil: it took too long to tell.
type OwnerFound struct {
	Owner
	Responses *Count
}

// FindOwners finds people and organizations by what is known of them.
type FindOwners struct {
	people    People
	responses ResponseReader
}

// NewFindOwners returns the use case.
func NewFindOwners(people People, responses ResponseReader) *FindOwners {
	return &FindOwners{people, responses}
}

// Execute returns at most maxOwners, those first whom the text names exactly, and whether
// there are more. Those who may read everyone's responses find anyone; others find
// themselves and their organizations. CodeForbidden for those who may read nothing.
// CodeInvalid if the text is too short to mean anybody.
func (u *FindOwners) Execute(ctx context.Context, caller Principal, text string) (found []OwnerFound, more bool, err error) {
	q := OwnerQuery{Text: strings.TrimSpace(text), Limit: maxOwners + 1}
	switch {
	case caller.readReach() == none:
		return nil, false, errForbidden("Read")
	case int64(utf8.RuneCountInString(q.Text)) < minOwnerText:
		return nil, false, errParameter("q", "q: must have at least 3 characters: an identifier, or a part of an e-mail address or a name")
	}
	owners, err := ownersIn(ctx, u.people, caller, q)
	if err != nil {
		return nil, false, err
	}
	if more = int64(len(owners)) > maxOwners; more {
		owners = owners[:maxOwners]
	}
	for _, o := range owners {
		_, count, err := u.responses.PageAndCount(ctx, PageQuery{Filter: ResponseFilter{Owners: []string{o.ID.String()}}, Limit: DefaultLimit}, CountAuto)
		if err != nil {
			return nil, false, err
		}
		found = append(found, OwnerFound{o, count})
	}
	return found, more, nil
}

// ownersIn returns what the query selects of those whom the caller may find: anyone for
// those who may read everyone's responses, else themselves and their organizations.
func ownersIn(ctx context.Context, people People, caller Principal, q OwnerQuery) ([]Owner, error) {
	if caller.readReach() != everyone {
		var err error
		if q.Among, err = organizationsOf(ctx, people, caller); err != nil {
			return nil, err
		}
		q.Among = append(q.Among, caller.ID)
	}
	return people.Owners(ctx, q)
}

// IdentifyOwner tells which owner a caller means.
type IdentifyOwner struct{ people People }

// NewIdentifyOwner returns the use case.
func NewIdentifyOwner(people People) *IdentifyOwner { return &IdentifyOwner{people} }

// Execute returns the identifier that the text is, whether anybody has it or not, or else
// the identifier of the person or organization with this e-mail address, deleted ones
// included. An address that is spelled exactly so comes before one in another case.
// Those who may read everyone's responses can name anyone; others themselves and
// their organizations. CodeInvalid, for the parameter, if the caller can name nobody by
// the text; CodeConflict with choices if it names several.
func (u *IdentifyOwner) Execute(ctx context.Context, caller Principal, parameter, text string) (uuid.UUID, error) {
	if id, err := ParseID(text); err == nil {
		return id, nil
	}
	if !strings.Contains(text, "@") {
		return uuid.Nil, errParameter(parameter, parameter+": must be the UUID or the whole e-mail address of a person or an organization; find both at /lethe/api/v1/owners?q=")
	}
	found, err := ownersIn(ctx, u.people, caller, OwnerQuery{Text: text, Limit: maxOwners})
	if err != nil {
		return uuid.Nil, err
	}
	var exactly, likewise []Owner
	for _, o := range found {
		if o.Email == text {
			exactly = append(exactly, o)
		}
		if strings.EqualFold(o.Email, text) {
			likewise = append(likewise, o)
		}
	}
	if len(exactly) == 0 {
		exactly = likewise
	}
	switch len(exactly) {
	case 0:
		return uuid.Nil, errParameter(parameter, parameter+": no person or organization that you may see has this e-mail address; search for it at /lethe/api/v1/owners?q=")
	case 1:
		return exactly[0].ID, nil
	}
	return uuid.Nil, &Error{
		Code: CodeConflict, Parameter: parameter, Choices: exactly,
		Message: parameter + ": several people or organizations have this e-mail address; give the UUID of one of the choices",
	}
}
