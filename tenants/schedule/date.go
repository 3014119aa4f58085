package schedule

import (
	"time"

	"siegel/platform/fault"
)

// ErrMalformedDate is returned for text that is not a date of the form 2006-01-02.
var ErrMalformedDate = fault.New(fault.Invalid, "malformed_date")

// Date is a calendar date without a zone, as the number of days since
// 1970-01-01. The zero value stands for no date.
type Date int32

const daySeconds = 24 * 60 * 60

// NewDate returns the date of year, month and day; values out of range carry
// over as in [time.Date].
func NewDate(year int, month time.Month, day int) Date {
	return Date(floorDiv(time.Date(year, month, day, 0, 0, 0, 0, time.UTC).Unix(), daySeconds))
}

// DateOf returns the date that t has in its own location.
func DateOf(t time.Time) Date { return NewDate(t.Date()) }

// ParseDate reads the ISO 8601 form 2006-01-02. It returns [ErrMalformedDate]
// for anything else, and for days that no calendar has.
func ParseDate(s string) (Date, error) {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return 0, ErrMalformedDate.Because(err)
	}
	return DateOf(t), nil
}

// Weekday returns the ISO 8601 day of the week: 1 is Monday, 7 is Sunday.
func (d Date) Weekday() int {
	const thursday = 3 // 1970-01-01, counted from Monday as 0
	return int(floorMod(int64(d)+thursday, 7)) + 1
}

// week counts ISO 8601 weeks, which begin on Monday, from that of 1970-01-01.
func (d Date) week() Date {
	const thursday = 3
	return Date(floorDiv(int64(d)+thursday, 7))
}

// Year returns the calendar year.
func (d Date) Year() int { return time.Unix(d.seconds(), 0).UTC().Year() }

// String returns the ISO 8601 form 2006-01-02.
func (d Date) String() string { return string(d.AppendFormat(nil)) }

// AppendFormat appends the ISO 8601 form 2006-01-02 to dst.
func (d Date) AppendFormat(dst []byte) []byte {
	return time.Unix(d.seconds(), 0).UTC().AppendFormat(dst, time.DateOnly)
}

// MarshalText writes the ISO 8601 form.
func (d Date) MarshalText() ([]byte, error) { return d.AppendFormat(nil), nil }

// UnmarshalText reads what [ParseDate] reads.
func (d *Date) UnmarshalText(text []byte) error {
	parsed, err := ParseDate(string(text))
	if err != nil {
		return err
	}
	*d = parsed
	return nil
}

// seconds is the date's midnight on a clock that counts wall time, never an instant.
func (d Date) seconds() int64 { return int64(d) * daySeconds }

func floorDiv(a, b int64) int64 { return (a - floorMod(a, b)) / b }

func floorMod(a, b int64) int64 {
	if m := a % b; m < 0 {
		return m + b
	} else {
		return m
	}
}
