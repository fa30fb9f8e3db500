package domain

import (
	"errors"
	"fmt"
)

// Code says what kind of thing went wrong; each border maps it once.
type Code string

// The codes.
const (
	CodeInvalid         Code = "invalid"         // the request contradicts the contract
	CodeUnauthenticated Code = "unauthenticated" // nobody is calling
	CodeForbidden       Code = "forbidden"       // somebody is, and may not
	CodeNotFound        Code = "not_found"       // there is none, or it is not for this caller
	CodeHeld            Code = "held"            // it is there, and a hold keeps it from being erased
	CodeRefused         Code = "refused"         // the database does not let it be erased
	CodeBusy            Code = "busy"            // something else is at work on its rows
	CodeConflict        Code = "conflict"        // it contradicts what has happened meanwhile, or what was asked before
	CodeNotSealed       Code = "not_sealed"      // it is there, and no published checkpoint covers it yet
	CodeCrowded         Code = "crowded"         // others want the same at the time: worth another try
	CodeUnavailable     Code = "unavailable"     // a database is gone or busy: worth another try
	CodeInternal        Code = "internal"        // a fault of ours
)

// Error is the only kind of error that a use case or port returns, but for a
// canceled context.
type Error struct {
	Code      Code
	Message   string // for the caller: our words, no secrets, no contents
	Cause     error  // for the log
	Parameter string // with CodeInvalid: the parameter that is wrong, by its name in the contract; may be empty
}

func (e *Error) Error() string {
	if e.Cause == nil {
		return e.Message
	}
	return e.Message + ": " + e.Cause.Error()
}

func (e *Error) Unwrap() error { return e.Cause }

const databaseRefuses = "The database refuses to delete it: have its operator look for triggers, constraints and damaged rows"

// ErrDatabaseRefuses is of a response that the database does not let be deleted,
// so that nothing was erased; the cause is for the log.
func ErrDatabaseRefuses(cause error) *Error {
	return &Error{Code: CodeRefused, Message: databaseRefuses, Cause: cause}
}

// CodeOf is an error's code; one that is no Error is CodeInternal.
func CodeOf(err error) Code {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	return CodeInternal
}

// Errorf makes an Error without a cause.
func Errorf(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}
