package practice

import (
	"encoding/json"
	"slices"
	"strconv"
	"time"
)

// AppendJSON appends the list as JSON: times in UTC (RFC 3339), ids in their
// prefixed form, slots with indexes into the tables. It is written by hand
// since formatting times by reflection is most of the work of an answer.
func AppendJSON(dst []byte, list SlotList) []byte {
	dst = append(dst, `{"zone":`...)
	dst = strconv.AppendQuote(dst, list.Zone) // an IANA name: letters, digits, / _ + -
	dst = append(dst, `,"from":"`...)
	dst = list.From.AppendFormat(dst)
	dst = append(dst, `","to":"`...)
	dst = list.To.AppendFormat(dst)
	dst = append(dst, `","practitioners":[`...)
	for i, p := range list.Practitioners {
		dst = appendQuoted(dst, i, p.String())
	}
	dst = append(dst, `],"locations":[`...)
	for i, l := range list.Locations {
		dst = appendQuoted(dst, i, l.String())
	}
	dst = append(dst, `],"conditions":[`...)
	for i, c := range list.Conditions {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, `{"insurance":[`...)
		for k, code := range c.Insurance.Codes() {
			dst = appendQuoted(dst, k, code)
		}
		dst = append(dst, `],"patients":"`...)
		dst = append(dst, c.Patients.String()...)
		dst = append(dst, `"}`...)
	}
	dst = append(dst, `],"slots":[`...)
	dst = slices.Grow(dst, len(list.Slots)*len(`,{"starts":"2006-01-02T15:04:05Z","ends":"2006-01-02T15:04:05Z","practitioner":0,"location":0,"condition":0}`))
	var (
		starts, ends clock
		room         [64]byte
		indexes      []byte // as JSON, those of the slot before
	)
	for i := range list.Slots {
		s := &list.Slots[i]
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, `{"starts":`...)
		dst = append(dst, starts.format(s.Starts)...)
		dst = append(dst, `,"ends":`...)
		dst = append(dst, ends.format(s.Ends)...)
		if last := &list.Slots[max(i-1, 0)]; i == 0 || s.Practitioner != last.Practitioner || s.Location != last.Location || s.Condition != last.Condition {
			indexes = s.appendIndexes(room[:0])
		}
		dst = append(dst, indexes...)
	}
	dst = append(dst, `],"closed":`...)
	dst = appendClosed(dst, list.Closed)
	return append(dst, '}')
}

// appendClosed leaves it to the library: there are few, and their texts may
// hold anything.
func appendClosed(dst []byte, days []ClosedDay) []byte {
	if len(days) == 0 {
		return append(dst, `[]`...)
	}
	text, err := json.Marshal(days)
	if err != nil {
		panic(err) // our own types always marshal
	}
	return append(dst, text...)
}

// appendQuoted appends element i of a list of texts that need no escaping.
func appendQuoted(dst []byte, i int, text string) []byte {
	if i > 0 {
		dst = append(dst, ',')
	}
	dst = append(dst, '"')
	dst = append(dst, text...)
	return append(dst, '"')
}

func (s *Slot) appendIndexes(dst []byte) []byte {
	dst = append(dst, `,"practitioner":`...)
	dst = strconv.AppendInt(dst, int64(s.Practitioner), 10)
	dst = append(dst, `,"location":`...)
	dst = strconv.AppendInt(dst, int64(s.Location), 10)
	dst = append(dst, `,"condition":`...)
	dst = strconv.AppendInt(dst, int64(s.Condition), 10)
	return append(dst, '}')
}

// clock formats instants in UTC and remembers the day of the last one.
type clock struct {
	midnight int64
	text     [len(`"2006-01-02T15:04:05Z"`)]byte
}

// format returns an instant, in seconds since 1970, in quotes. The text is
// good until the next call.
func (c *clock) format(at int64) []byte {
	const day = 24 * 60 * 60
	of := at - c.midnight
	if of < 0 || of >= day || c.text[0] == 0 {
		t := time.Unix(at, 0).UTC()
		t.AppendFormat(c.text[:0], `"2006-01-02T15:04:05Z"`)
		of = int64(t.Hour()*3600 + t.Minute()*60 + t.Second())
		c.midnight = at - of
	}
	seconds := uint32(of)
	c.put(12, seconds/3600)
	c.put(15, seconds/60%60)
	c.put(18, seconds%60)
	return c.text[:]
}

// put writes two digits at i.
func (c *clock) put(i int, n uint32) {
	c.text[i], c.text[i+1] = byte('0'+n/10), byte('0'+n%10)
}
