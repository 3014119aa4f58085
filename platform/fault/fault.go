// Package fault is the one shape of an error that a caller can act on.
//
// A subject declares its sentinels with [New]; whoever crosses a border wraps
// with fmt.Errorf and %w; only web/ turns a [Code] into an HTTP status. An
// error that carries no fault is internal: it is never "free", "active" or
// "allowed".
package fault

import (
	"errors"
	"time"
)

// Code says what kind of failure it is. The list is closed.
type Code string

// The codes, from the caller's mistake to ours.
const (
	Invalid         Code = "invalid"
	Unauthenticated Code = "unauthenticated"
	Forbidden       Code = "forbidden"
	NotFound        Code = "not_found"
	Conflict        Code = "conflict"
	Expired         Code = "expired"
	Limited         Code = "limited"
	Unavailable     Code = "unavailable"
	Internal        Code = "internal"
)

// Error is a failure with a stable reason.
type Error struct {
	Code Code
	// Reason is a stable snake_case word that the web translates, such as
	// "slot_taken". It never carries data.
	Reason string
	// RetryAfter, where above zero, says when trying again makes sense.
	RetryAfter time.Duration
	// Err is the cause, for logs; it is never shown.
	Err error
}

// New returns a fault without a cause, fit to be a package's sentinel.
func New(code Code, reason string) *Error { return &Error{Code: code, Reason: reason} }

// Because returns a copy of e that carries err as its cause; errors.Is(copy, e) holds.
func (e *Error) Because(err error) *Error {
	c := *e
	c.Err = err
	return &c
}

// After returns a copy of e that says when to try again; errors.Is(copy, e) holds.
func (e *Error) After(d time.Duration) *Error {
	c := *e
	c.RetryAfter = d
	return &c
}

func (e *Error) Error() string {
	s := string(e.Code) + ": " + e.Reason
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is reports whether target is the same fault, whatever its cause.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code && t.Reason == e.Reason
}

// From finds the fault in err's chain. An error without one is internal.
func From(err error) *Error {
	var f *Error
	if errors.As(err, &f) {
		return f
	}
	return &Error{Code: Internal, Reason: "internal", Err: err}
}
