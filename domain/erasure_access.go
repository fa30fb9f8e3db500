package domain

import (
	"fmt"
	"slices"

	"github.com/google/uuid"
)

// target returns what to erase, and the owners whose responses may be erased.
func (r ErasureRequest) target(caller Principal, operation string) (t ErasureTarget, scope []string, err error) {
	reach := caller.deleteReach()
	if reach == none {
		return ErasureTarget{}, nil, errErasureForbidden(operation)
	}
	kinds := 0
	for _, given := range []bool{r.Responses != nil, r.Owner != nil, r.Filter != nil} {
		if given {
			kinds++
		}
	}
	if kinds != 1 {
		return ErasureTarget{}, nil, errParameter("", "exactly one of responses, owner and filter must be given")
	}
	if reach != everyone {
		scope = caller.owners()
	}
	switch {
	case r.Responses != nil:
		t.Responses, err = r.responses()
	case r.Owner != nil:
		t.Owner = r.Owner
		if scope != nil && !slices.Contains(scope, r.Owner.String()) {
			err = errParameter("owner", "owner: must be you or your active organization; others require platform manager permissions")
		}
	default:
		t.Filter, err = r.Filter.filter(caller)
	}
	if err != nil {
		return ErasureTarget{}, nil, err
	}
	t.LaterTurns = r.IncludeLaterTurns
	return t, scope, nil
}

// filter returns the filter of the list with the same parameters.
func (f ErasureFilter) filter(caller Principal) (*ResponseFilter, error) {
	if err := f.check(); err != nil {
		return nil, err
	}
	owner, err := listScope(caller, ListRequest{MemberID: f.MemberID})
	if err != nil {
		return nil, err
	}
	filter := f.ResponseFilter
	if filter.Owners = nil; owner != nil {
		filter.Owners = []string{*owner}
	}
	return &filter, nil
}

// judge decides about a part.
func (e Erasure) judge(p Part) Verdict {
	for _, r := range p.Requests {
		batched := r.Owner == ""
		if batched || e.Scope != nil && !slices.Contains(e.Scope, r.Owner) {
			return Withhold
		}
	}
	if len(p.Holds) > 0 {
		return KeepHeld
	}
	// A rule keeps a response as long as it keeps any part of it. A caller who erases
	// by a filter has seen parts that pass.
	if e.Trigger == TriggerRetention {
		for _, r := range p.Requests {
			if !e.Target.Filter.Matches(r) {
				return Spare
			}
		}
	}
	return Erase
}

// visibleTo reports whether a caller may see the erasure, and cancel it.
func (e Erasure) visibleTo(caller Principal) bool {
	return caller.deleteReach() == everyone || e.RequestedBy != nil && *e.RequestedBy == caller.ID
}

// shownTo returns the erasure without what the caller may not know.
func (e Erasure) shownTo(caller Principal) Erasure {
	e.Secret = nil
	if e.LastError == "" && e.Refused > 0 && e.State.Finished() {
		e.LastError = fmt.Sprintf("%d of its responses could not be erased; failures says which, and why", e.Refused)
	}
	if !caller.mayHold() {
		e.Failures = withoutHolds(e.Failures)
	}
	return e
}

func errErasureForbidden(operation string) *Error {
	return Errorf(CodeForbidden, "Insufficient permissions to %s Erasures", operation)
}

func errNoErasure(id uuid.UUID) *Error {
	return Errorf(CodeNotFound, "Erasure with ID %s not found", id)
}
