package httpapi

import (
	"bytes"
	"context"
	_ "embed"
	"html/template"
	"time"

	"lethe/domain"
)

const (
	subjectsPath = "/lethe/api/v1/subject-requests"
	letterPolicy = "default-src 'none'; style-src 'unsafe-inline'"
)

// Subjects are the use cases about what people ask about their own data.
type Subjects struct {
	Open    *domain.OpenSubjectRequest
	List    *domain.ListSubjectRequests
	Get     *domain.GetSubjectRequest
	Process *domain.ProcessSubjectRequest
	Letter  *domain.GetSubjectLetter
	Words   LetterWords
}

// LetterWords are what letters say of whoever answers them; each may be empty.
type LetterWords struct {
	Controller, Contact, Authority string
	Kept                           string // what else is kept, and why
}

func (s *server) OpenSubjectRequest(ctx context.Context, request OpenSubjectRequestRequestObject) (OpenSubjectRequestResponseObject, error) {
	b := request.Body
	owner, err := s.ownerNamed(ctx, "owner", &b.Owner)
	if err != nil {
		return nil, err
	}
	r, err := s.Subjects.Open.Execute(ctx, callerIn(ctx), domain.NewSubject{
		Kind: domain.SubjectRequestKind(b.Kind), Owner: *owner, ReceivedAt: (*time.Time)(b.ReceivedAt), Ticket: given(b.Ticket),
	})
	if err != nil {
		return nil, err
	}
	s.processed(ctx, "Subject request opened", r)
	return OpenSubjectRequest201JSONResponse{
		Body:    shownSubject(r),
		Headers: OpenSubjectRequest201ResponseHeaders{Location: new(subjectsPath + "/" + r.ID.String())},
	}, nil
}

func (s *server) ListSubjectRequests(ctx context.Context, request ListSubjectRequestsRequestObject) (ListSubjectRequestsResponseObject, error) {
	p := request.Params
	owner, err := s.ownerNamed(ctx, "owner", p.Owner)
	if err != nil {
		return nil, err
	}
	page, err := s.Subjects.List.Execute(ctx, callerIn(ctx), domain.SubjectRequestListRequest{
		Open: p.Open, Owner: owner, After: (*domain.Cursor)(p.After), Limit: p.Limit,
	})
	if err != nil {
		return nil, err
	}
	return ListSubjectRequests200JSONResponse{Body: SubjectRequestPage{
		Data: convert(page.Items, shownSubject), Limit: page.Limit, HasMore: page.Next != nil, NextCursor: cursorText(page.Next),
	}}, nil
}

func (s *server) GetSubjectRequest(ctx context.Context, request GetSubjectRequestRequestObject) (GetSubjectRequestResponseObject, error) {
	r, err := s.Subjects.Get.Execute(ctx, callerIn(ctx), request.SubjectRequestId)
	if err != nil {
		return nil, err
	}
	return GetSubjectRequest200JSONResponse{Body: shownSubject(r)}, nil
}

func (s *server) CheckSubjectIdentity(ctx context.Context, request CheckSubjectIdentityRequestObject) (CheckSubjectIdentityResponseObject, error) {
	r, err := s.Subjects.Process.CheckIdentity(ctx, callerIn(ctx), request.SubjectRequestId)
	if err != nil {
		return nil, err
	}
	s.processed(ctx, "Identity of a subject request checked", r)
	return CheckSubjectIdentity200JSONResponse{Body: shownSubject(r)}, nil
}

func (s *server) ExtendSubjectRequest(ctx context.Context, request ExtendSubjectRequestRequestObject) (ExtendSubjectRequestResponseObject, error) {
	r, err := s.Subjects.Process.Extend(ctx, callerIn(ctx), request.SubjectRequestId, domain.ExtensionReason(request.Body.Reason))
	if err != nil {
		return nil, err
	}
	s.processed(ctx, "Subject request extended", r)
	return ExtendSubjectRequest200JSONResponse{Body: shownSubject(r)}, nil
}

func (s *server) AnswerSubjectRequest(ctx context.Context, request AnswerSubjectRequestRequestObject) (AnswerSubjectRequestResponseObject, error) {
	r, err := s.Subjects.Process.Answer(ctx, callerIn(ctx), request.SubjectRequestId)
	if err != nil {
		return nil, err
	}
	s.processed(ctx, "Subject request answered", r)
	return AnswerSubjectRequest200JSONResponse{Body: shownSubject(r)}, nil
}

func (s *server) RefuseSubjectRequest(ctx context.Context, request RefuseSubjectRequestRequestObject) (RefuseSubjectRequestResponseObject, error) {
	r, err := s.Subjects.Process.Refuse(ctx, callerIn(ctx), request.SubjectRequestId, domain.SubjectRefusalReason(request.Body.Reason))
	if err != nil {
		return nil, err
	}
	s.processed(ctx, "Subject request refused", r)
	return RefuseSubjectRequest200JSONResponse{Body: shownSubject(r)}, nil
}

func (s *server) processed(ctx context.Context, what string, r domain.SubjectRequest) {
	s.Log.InfoContext(ctx, what, "request_id", requestIDIn(ctx), "caller", callerIn(ctx).ID, "subject_request", r.ID)
}

//go:embed letter.html
var letterText string

var letterPage = template.Must(template.New("letter").Funcs(template.FuncMap{
	"day":     func(t time.Time) string { return t.UTC().Format("2 January 2006") },
	"receipt": receiptLocation,
}).Parse(letterText))

func (s *server) GetSubjectLetter(ctx context.Context, request GetSubjectLetterRequestObject) (GetSubjectLetterResponseObject, error) {
	letter, err := s.Subjects.Letter.Execute(ctx, callerIn(ctx), request.SubjectRequestId)
	if err != nil {
		return nil, err
	}
	shown := struct {
		domain.Letter
		Words                                   LetterWords
		Responses, Held, Refused, KeptTemplates int64
	}{Letter: letter, Words: s.Subjects.Words}
	for _, e := range letter.Erasures {
		shown.Responses += e.Done
		shown.KeptTemplates += e.KeptTemplates
	}
	if n := len(letter.Erasures); n > 0 { // what the newest one left is what is left
		shown.Held, shown.Refused = letter.Erasures[0].Held, letter.Erasures[0].Refused
	}
	var page bytes.Buffer
	if err := letterPage.Execute(&page, shown); err != nil {
		return nil, err
	}
	return GetSubjectLetter200TexthtmlResponse{
		Body: &page, ContentLength: int64(page.Len()),
		Headers: GetSubjectLetter200ResponseHeaders{ContentSecurityPolicy: new(letterPolicy)},
	}, nil
}

func shownSubject(r domain.SubjectRequest) SubjectRequest {
	return SubjectRequest{
		Id: r.ID, Kind: string(r.Kind), Owner: r.Owner, Ticket: unlessZero(r.Ticket), State: string(r.State),
		ReceivedAt: r.ReceivedAt.UTC(), DueAt: r.DueAt.UTC(), CreatedAt: r.CreatedAt.UTC(), CreatedBy: r.CreatedBy,
		IdentityCheckedAt: utc(r.IdentityCheckedAt), IdentityCheckedBy: r.IdentityCheckedBy,
		ExtendedAt: utc(r.ExtendedAt), ExtendedBy: r.ExtendedBy, Extension: unlessZero(string(r.Extension)),
		EndedAt: utc(r.EndedAt), EndedBy: r.EndedBy, Refusal: unlessZero(string(r.Refusal)),
		Erasures: convert(r.Erasures, shownErasure), Exports: convert(r.Files, shownPersonFile), Duplicates: listed(r.Duplicates),
	}
}
