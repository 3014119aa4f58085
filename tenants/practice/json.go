package practice

import (
	"encoding/json"
	"slices"
	"strconv"
	"time"

	"siegel/tenants/schedule"
)

// AppendJSON appends the list as JSON: times in UTC (RFC 3339), ids in their
// prefixed form, slots with indexes into the tables. It is written by hand
// since formatting times by reflection is most of the work of an answer.
func AppendJSON(dst []byte, list SlotList) []byte {
	dst = append(dst, `{"zone":`...)
	dst = strconv.AppendQuote(dst, list.Zone) // an IANA name: letters, digits, / _ + -
	dst = appendDates(dst, list.From, list.To)
	dst = append(dst, `,"practitioners":[`...)
	for i, p := range list.Practitioners {
		dst = appendQuoted(dst, i, p.String())
	}
	dst = append(dst, `],"locations":[`...)
	for i, l := range list.Locations {
		dst = appendQuoted(dst, i, l.String())
	}
	dst = append(dst, `],"conditions":`...)
	dst = appendConditions(dst, list.Conditions)
	dst = append(dst, `,"slots":[`...)
	dst = appendSlots(dst, list.Slots)
	dst = append(dst, ']')
	if list.Itineraries != nil {
		dst = append(dst, `,"itineraries":[`...)
		for i, way := range list.Itineraries {
			dst = appendIndexes(comma(dst, i), way)
		}
		dst = append(dst, ']')
	}
	if list.Series != nil {
		dst = append(dst, `,"series":[`...)
		dst = appendSeries(dst, list.Series)
		dst = append(dst, ']')
	}
	dst = append(dst, `,"days":[`...)
	for i, day := range list.Days {
		dst = append(comma(dst, i), `{"date":"`...)
		dst = day.Date.AppendFormat(dst)
		dst = append(dst, `","count":`...)
		dst = strconv.AppendInt(dst, int64(day.Count), 10)
		dst = append(dst, '}')
	}
	dst = append(dst, `],"closed":`...)
	dst = appendClosed(dst, list.Closed)
	dst = append(dst, `,"walk_in":[`...)
	dst = appendWalkIns(dst, list.WalkIn)
	return append(dst, "]}"...)
}

// AppendDaysJSON appends a list of days as JSON.
func AppendDaysJSON(dst []byte, list DayList) []byte {
	dst = append(dst, `{"zone":`...)
	dst = strconv.AppendQuote(dst, list.Zone)
	dst = appendDates(dst, list.From, list.To)
	dst = append(dst, `,"conditions":`...)
	dst = appendConditions(dst, list.Conditions)
	dst = append(dst, `,"days":[`...)
	for i := range list.Days {
		day := &list.Days[i]
		dst = append(comma(dst, i), `{"date":"`...)
		dst = day.Date.AppendFormat(dst)
		dst = append(dst, `","free":`...)
		dst = strconv.AppendInt(dst, int64(day.Free), 10)
		dst = append(dst, `,"conditions":`...)
		dst = appendIndexes(dst, day.Conditions)
		dst = append(dst, '}')
	}
	dst = append(dst, `],"closed":`...)
	dst = appendClosed(dst, list.Closed)
	return append(dst, '}')
}

func appendDates(dst []byte, from, to schedule.Date) []byte {
	dst = append(dst, `,"from":"`...)
	dst = from.AppendFormat(dst)
	dst = append(dst, `","to":"`...)
	dst = to.AppendFormat(dst)
	return append(dst, '"')
}

// JSON is the condition as the list of slots says it: the same text for the same
// condition.
func (c Condition) JSON() string {
	text := appendConditions(nil, []Condition{c})
	return string(text[1 : len(text)-1])
}

// ForEverybody reports whether the condition is for all whom the service is for.
func (c Condition) ForEverybody() bool {
	return len(c.Alternatives) == 1 && len(c.Alternatives[0].Insurance.Codes()) == 0 && c.Alternatives[0].Patients == schedule.AllPatients &&
		!c.Referral && c.MinAge == nil && c.MaxAge == nil
}

func appendConditions(dst []byte, all []Condition) []byte {
	dst = append(dst, '[')
	for i := range all {
		c := &all[i]
		dst = append(comma(dst, i), `{"alternatives":[`...)
		for k, a := range c.Alternatives {
			dst = append(comma(dst, k), `{"insurance":[`...)
			for n, code := range a.Insurance.Codes() {
				dst = appendQuoted(dst, n, code)
			}
			dst = append(dst, `],"patients":"`...)
			dst = append(dst, a.Patients.String()...)
			dst = append(dst, '"')
			if len(a.Quotas) > 0 {
				dst = append(dst, `,"quotas":[`...)
				for n, q := range a.Quotas {
					dst = appendQuoted(dst, n, q.String())
				}
				dst = append(dst, ']')
			}
			dst = append(dst, '}')
		}
		dst = append(dst, ']')
		dst = appendNumber(dst, `,"min_age":`, c.MinAge)
		dst = appendNumber(dst, `,"max_age":`, c.MaxAge)
		if c.Referral {
			dst = append(dst, `,"referral":true`...)
		}
		dst = appendNumber(dst, `,"price_cents":`, c.PriceCents)
		dst = append(dst, '}')
	}
	return append(dst, ']')
}

// appendNumber appends a key and its number, where there is one.
func appendNumber(dst []byte, key string, n *int) []byte {
	if n == nil {
		return dst
	}
	return strconv.AppendInt(append(dst, key...), int64(*n), 10)
}

func appendSlots(dst []byte, slots []Slot) []byte {
	dst = slices.Grow(dst, len(slots)*len(`,{"starts":"2006-01-02T15:04:05Z","ends":"2006-01-02T15:04:05Z","practitioner":0,"location":0,"condition":0}`))
	var (
		starts, ends clock
		room         [80]byte
		indexes      []byte // as JSON, those of the slot before
	)
	for i := range slots {
		s := &slots[i]
		dst = append(comma(dst, i), `{"starts":`...)
		dst = append(dst, starts.format(s.Starts)...)
		dst = append(dst, `,"ends":`...)
		dst = append(dst, ends.format(s.Ends)...)
		if last := &slots[max(i-1, 0)]; i == 0 || s.Practitioner != last.Practitioner || s.Location != last.Location ||
			s.Condition != last.Condition || s.Step != last.Step {
			indexes = s.appendIndexes(room[:0])
		}
		dst = append(dst, indexes...)
	}
	return dst
}

func appendSeries(dst []byte, all []Occurrence) []byte {
	var starts clock
	for i := range all {
		o := &all[i]
		dst = append(comma(dst, i), `{"starts":`...)
		dst = append(dst, starts.format(o.Starts)...)
		dst = append(dst, `,"reason":"`...)
		dst = append(dst, o.Reason...)
		dst = append(dst, '"')
		if o.Slot >= 0 {
			dst = strconv.AppendInt(append(dst, `,"slot":`...), int64(o.Slot), 10)
		}
		dst = append(dst, `,"alternatives":`...)
		dst = appendIndexes(dst, o.Alternatives)
		dst = append(dst, '}')
	}
	return dst
}

func appendWalkIns(dst []byte, all []WalkInHours) []byte {
	var starts, ends clock
	for i := range all {
		w := &all[i]
		dst = append(comma(dst, i), `{"starts":`...)
		dst = append(dst, starts.format(w.Starts)...)
		dst = append(dst, `,"ends":`...)
		dst = append(dst, ends.format(w.Ends)...)
		dst = append(dst, `,"practitioner":`...)
		dst = strconv.AppendInt(dst, int64(w.Practitioner), 10)
		dst = append(dst, `,"location":`...)
		dst = strconv.AppendInt(dst, int64(w.Location), 10)
		dst = append(dst, `,"name":`...)
		dst = append(appendText(dst, w.Name), '}')
	}
	return dst
}

// appendClosed leaves texts to the library: there are few, and they may hold anything.
func appendClosed(dst []byte, days []ClosedDay) []byte {
	var opens clock
	dst = append(dst, '[')
	for i := range days {
		d := &days[i]
		dst = append(comma(dst, i), `{"date":"`...)
		dst = d.Date.AppendFormat(dst)
		dst = append(dst, `","reason":"`...)
		dst = append(dst, d.Reason...)
		dst = append(dst, '"')
		if d.Name != "" {
			dst = appendText(append(dst, `,"name":`...), d.Name)
		}
		if d.Text != "" {
			dst = appendText(append(dst, `,"text":`...), d.Text)
		}
		if d.Opens != 0 {
			dst = append(append(dst, `,"opens":`...), opens.format(d.Opens)...)
		}
		dst = append(dst, '}')
	}
	return append(dst, ']')
}

// appendText appends a text that may need escaping.
func appendText(dst []byte, text string) []byte {
	quoted, err := json.Marshal(text)
	if err != nil {
		panic(err) // texts always marshal
	}
	return append(dst, quoted...)
}

func appendIndexes[N int | int32](dst []byte, all []N) []byte {
	dst = append(dst, '[')
	for i, n := range all {
		dst = strconv.AppendInt(comma(dst, i), int64(n), 10)
	}
	return append(dst, ']')
}

// comma appends what stands before element i of a list.
func comma(dst []byte, i int) []byte {
	if i > 0 {
		return append(dst, ',')
	}
	return dst
}

// appendQuoted appends element i of a list of texts that need no escaping.
func appendQuoted(dst []byte, i int, text string) []byte {
	dst = append(comma(dst, i), '"')
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
	if s.Step != 0 {
		dst = strconv.AppendInt(append(dst, `,"step":`...), int64(s.Step), 10)
	}
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
