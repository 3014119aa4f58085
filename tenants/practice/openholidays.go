package practice

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"

	"siegel/platform/ics"
	"siegel/tenants/schedule"
)

// openHoliday is what is needed of a HolidayResponse of the OpenHolidays API
// (https://openholidaysapi.org, version 1). Both dates are inclusive.
type openHoliday struct {
	StartDate string `json:"startDate"`
	EndDate   string `json:"endDate"`
	// Type is Public, Bank, Optional, School, BackToSchool or EndOfLessons.
	Type         string     `json:"type"`
	Nationwide   bool       `json:"nationwide"`
	Name         []openText `json:"name"`
	Subdivisions []struct {
		// Code is an ISO 3166-2 code, DE-BY, or one below it, DE-BY-AU.
		Code string `json:"code"`
	} `json:"subdivisions"`
}

type openText struct {
	Language string `json:"language"`
	Text     string `json:"text"`
}

// readOpenHolidays returns the school holidays within the dates from and until
// (both inclusive), cut at both ends, disjoint and in order. Where the content
// is about several Länder, those of land alone count.
func readOpenHolidays(content string, land schedule.Land, from, until schedule.Date) ([]holiday, error) {
	if len(content) > ics.MaxOctets {
		return nil, ErrCalendarTooLarge.Because(fmt.Errorf("more than %d octets", ics.MaxOctets))
	}
	var all []openHoliday
	d := json.NewDecoder(strings.NewReader(strings.TrimPrefix(content, "\ufeff")))
	if err := d.Decode(&all); err != nil {
		return nil, ErrCalendarMalformed.Because(jsonError(content, err))
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, ErrCalendarMalformed.Because(fmt.Errorf("line %d: something behind the array", lineOf(content, d.InputOffset())))
	}
	if len(all) > ics.MaxSpans {
		return nil, ErrCalendarTooLarge.Because(fmt.Errorf("more than %d entries", ics.MaxSpans))
	}
	several := len(lands(all)) > 1
	if several && land == "" {
		return nil, ErrCalendarAmbiguous
	}
	var days []holiday
	for i, h := range all {
		if h.Type != "" && !strings.EqualFold(h.Type, "School") || several && !h.concerns(land) {
			continue
		}
		first, err := schedule.ParseDate(h.StartDate)
		if err != nil {
			return nil, ErrCalendarMalformed.Because(fmt.Errorf("[%d].startDate is no date", i))
		}
		last, err := schedule.ParseDate(h.EndDate)
		if err != nil {
			return nil, ErrCalendarMalformed.Because(fmt.Errorf("[%d].endDate is no date", i))
		}
		if last < first {
			return nil, ErrCalendarMalformed.Because(fmt.Errorf("[%d].endDate is before startDate", i))
		}
		if first, last = max(first, from), min(last, until); first <= last {
			days = append(days, holiday{first, last, h.name()})
		}
	}
	return disjoint(days), nil
}

// lands are the first-level subdivisions that entries are about.
func lands(all []openHoliday) map[string]bool {
	lands := map[string]bool{}
	for _, h := range all {
		for _, s := range h.Subdivisions {
			lands[firstLevel(s.Code)] = true
		}
	}
	return lands
}

// firstLevel makes DE-BY of DE-BY-AU.
func firstLevel(code string) string {
	country, rest, _ := strings.Cut(code, "-")
	land, _, _ := strings.Cut(rest, "-")
	return country + "-" + land
}

func (h openHoliday) concerns(land schedule.Land) bool {
	if h.Nationwide || len(h.Subdivisions) == 0 {
		return true
	}
	for _, s := range h.Subdivisions {
		if firstLevel(s.Code) == string(land) {
			return true
		}
	}
	return false
}

// name is the German name, or the first there is, as one line of visible text.
func (h openHoliday) name() string {
	name := ""
	for _, n := range h.Name {
		if name == "" || strings.EqualFold(n.Language, "DE") {
			name = n.Text
		}
		if strings.EqualFold(n.Language, "DE") {
			break
		}
	}
	return strings.Join(strings.FieldsFunc(strings.ToValidUTF8(name, ""), func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsControl(r) || unicode.Is(unicode.Cf, r)
	}), " ")
}

// jsonError says where in the content a decoder stopped, and not what it read.
func jsonError(content string, err error) error {
	var (
		syntax *json.SyntaxError
		kind   *json.UnmarshalTypeError
	)
	switch {
	case errors.As(err, &kind):
		return fmt.Errorf("line %d: %s is no %s", lineOf(content, kind.Offset), kind.Field, kind.Type)
	case errors.As(err, &syntax):
		return fmt.Errorf("line %d: no JSON", lineOf(content, syntax.Offset))
	}
	return fmt.Errorf("line %d: the JSON does not end", lineOf(content, int64(len(content))))
}

func lineOf(content string, offset int64) int {
	return 1 + strings.Count(content[:min(max(offset, 0), int64(len(content)))], "\n")
}
