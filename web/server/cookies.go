package server

import "time"

// Cookie is one that our pages may set: all are in [Cookies], which is also what
// the privacy statement lists.
type Cookie struct {
	// Name is without the prefix that binds it to its host.
	Name string
	// Where is "patients", or "people" for offices and the portal.
	Where string
	// Life is how long it stays at most; zero is to the end of the browser's session.
	Life time.Duration
	// Asked says that it is set only for who ticked a box.
	Asked bool
	// Script says that the page sets it, and that the server never reads it.
	Script bool
}

// Cookies are all that there are.
func Cookies() []Cookie {
	return []Cookie{
		{Name: "visit", Where: "patients"},
		{Name: "session", Where: "people"},
		{Name: "device", Where: "people", Life: 24 * time.Hour, Asked: true},
		{Name: "oidc", Where: "people", Life: 10 * time.Minute},
		{Name: "name", Where: "people", Life: 365 * 24 * time.Hour, Asked: true, Script: true},
	}
}

// listed panics for a cookie that people are not told of.
func listed(name string) {
	for _, c := range Cookies() {
		if c.Name == name && !c.Script {
			return
		}
	}
	panic("the cookie " + name + " is not in the table")
}
