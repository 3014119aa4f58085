package practice

import "siegel/tenants/schedule"

// Holiday is what ReadOpenHolidays returns.
type Holiday struct {
	From, Until schedule.Date
	Name        string
}

// ReadOpenHolidays is the parser that a fuzzer goes for.
func ReadOpenHolidays(content string, land schedule.Land, from, until schedule.Date) ([]Holiday, error) {
	days, err := readOpenHolidays(content, land, from, until)
	all := make([]Holiday, len(days))
	for i, d := range days {
		all[i] = Holiday{d.from, d.until, d.name}
	}
	return all, err
}
