package domain

import (
	"errors"
	"fmt"
)

// Code is the kind of an error; each interface maps it once.
type Code string

const (
	CodeInvalid         Code = "invalid"         // the request contradicts the contract
	CodeUnauthenticated Code = "unauthenticated" // the caller is not known
	CodeForbidden       Code = "forbidden"       // the caller is known, and may not
	CodeNotFound        Code = "not_found"       // it does not exist, or not for this caller
	CodeHeld            Code = "held"            // it exists, but a hold prevents its erasure
	CodeRefused         Code = "refused"         // the database refuses to delete it
	CodeBusy            Code = "busy"            // another transaction is working on its rows
	CodeConflict        Code = "conflict"        // it contradicts what has happened meanwhile, or an earlier request
	CodeNotSealed       Code = "not_sealed"      // it exists, but no published checkpoint covers it yet
	CodeCrowded         Code = "crowded"         // too many concurrent requests of this kind: retry later
	CodeUnavailable     Code = "unavailable"     // a database is unreachable or busy: retry later
	CodeInternal        Code = "internal"        // a bug or fault in this service
)

// Error is the only kind of error that a use case or port returns, except for a
// canceled context.
type Error struct {
	Code      Code
	Message   string  // for the caller: our own words, no secrets, no contents
	Cause     error   // for the log
	Parameter string  // with CodeInvalid: name of the invalid parameter in the contract; may be empty
	Choices   []Owner // with CodeConflict: whom the parameter may mean; may be empty
}

func (e *Error) Error() string {
	if e.Cause == nil {
		return e.Message
	}
	return e.Message + ": " + e.Cause.Error()
}

func (e *Error) Unwrap() error { return e.Cause }

const databaseRefuses = "The database refuses to delete it: have its operator look for triggers, constraints and damaged rows"

// ErrDatabaseRefuses is returned if the database refuses to delete a response;
// nothing was erased. The cause is for the log.
func ErrDatabaseRefuses(cause error) *Error {
	return &Error{Code: CodeRefused, Message: databaseRefuses, Cause: cause}
}

// CodeOf returns the code of an error; CodeInternal if it is not an Error.
func CodeOf(err error) Code {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	return CodeInternal
}

// Errorf returns an Error without a cause.
func Errorf(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}
