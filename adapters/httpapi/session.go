package httpapi

import (
	"context"

	"lethe/domain"
)

func (s *server) StartSession(ctx context.Context, _ StartSessionRequestObject) (StartSessionResponseObject, error) {
	call := callIn(ctx)
	session, err := s.startSession.Execute(ctx, call.credentials)
	if err != nil {
		return nil, err
	}
	return StartSession201JSONResponse{
		Body:    Session{ExpiresAt: session.Until.UTC(), IdleSeconds: int64(s.IdleSession.Seconds())},
		Headers: StartSession201ResponseHeaders{SetCookie: call.cookie(&session)},
	}, nil
}

func (s *server) EndSession(ctx context.Context, _ EndSessionRequestObject) (EndSessionResponseObject, error) {
	call := callIn(ctx)
	if err := s.endSession.Execute(ctx, call.credentials); err != nil {
		return nil, err
	}
	return EndSession204Response{Headers: EndSession204ResponseHeaders{SetCookie: call.cookie(nil)}}, nil
}

// cookie returns a Set-Cookie header with a session; nil: one that removes it.
func (c call) cookie(session *domain.Session) *string {
	return new(c.sessionCookie(session).String())
}
