package domain

import (
	"context"
	"time"
)

// GetStatus says how the service and its databases are.
type GetStatus struct {
	status StatusReader
	now    func() time.Time
}

// NewGetStatus returns the use case.
func NewGetStatus(status StatusReader, now func() time.Time) *GetStatus {
	return &GetStatus{status, now}
}

// Execute returns the status with its sentence. CodeForbidden for everyone but
// administrators and platform managers.
func (u *GetStatus) Execute(ctx context.Context, caller Principal) (Status, error) {
	if !caller.mayReadStatus() {
		return Status{}, Errorf(CodeForbidden, "Insufficient permissions to Read Status")
	}
	s, err := u.status.Status(ctx)
	if err != nil {
		return Status{}, err
	}
	s.At = u.now()
	s.Well, s.Sentence = s.summary()
	return s, nil
}
