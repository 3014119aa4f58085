package connector

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"html/template"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"siegel/platform/release"
)

// Serve shows the status page on this computer until ctx ends: what the agent
// does, today and tomorrow also without the internet, and what people have yet to enter
// into their software. ready, where not nil, gets the address.
func (a *Agent) Serve(ctx context.Context, ready func(address string)) error {
	if a.settings.Status == "off" {
		return nil
	}
	ln, err := net.Listen("tcp", a.settings.Status)
	if err != nil {
		return err
	}
	if at, ok := ln.Addr().(*net.TCPAddr); !ok || !at.IP.IsLoopback() {
		return errors.Join(errors.New("the status page stays on this computer: 127.0.0.1:<port>"), ln.Close())
	}
	if ready != nil {
		ready(ln.Addr().String())
	}
	s := &http.Server{Handler: a.pages(), ReadTimeout: 5 * time.Second, WriteTimeout: 10 * time.Second}
	go func() {
		<-ctx.Done()
		_ = s.Close()
	}()
	if err := s.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func (a *Agent) pages() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", a.showStatus)
	mux.HandleFunc("POST /tick", a.takeTick)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		// Another page in the same browser may know the port: it is not let in,
		// neither by a name of its own for this computer nor by sending a form.
		name, _, err := net.SplitHostPort(r.Host)
		if err != nil || (name != "localhost" && name != "127.0.0.1" && name != "::1") ||
			!slices.Contains([]string{"", "same-origin", "none"}, r.Header.Get("Sec-Fetch-Site")) && r.Method != http.MethodGet {
			http.Error(w, "forbidden", http.StatusForbidden)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

//go:embed status.html
var statusPage string

// statusWords are the page's, by language.
var statusWords = map[string]map[string]string{
	"de": {
		"title": "Siegel Connector", "today": "Heute", "tomorrow": "Morgen", "left": "Noch zu übertragen", "check": "Selbsttest",
		"none": "Keine Termine.", "all": "Alles übertragen.", "tick": "Eingetragen", "untick": "Doch nicht eingetragen",
		"words":  "Warten auf die Praxis: Vergleichen Sie diese sechs Wörter mit denen im Büro unter Einrichtung, Praxissysteme.",
		"office": "Büro erreicht", "never": "noch nie", "keys": "Schlüssel der Praxis", "yes": "ja", "no": "nein", "mode": "Betriebsart",
		"book": "Praxisbuch", "forward": "Weiterleitung", "stream": "Sofortmeldung", "handed": "Übergeben seit dem Start",
		"refused": "Nicht zu öffnen", "outlet": "Ausgang", "good": "in Ordnung", "booked": "Termin", "requested": "Anfrage", "moved": "verlegt", "cancelled": "abgesagt",
		"born": "geb.", "differs": "Zeit, Arzt oder Ort weichen von dem ab, was der Patient sah", "offline": "Ohne Verbindung: Stand vom letzten Abruf.",
		"update":   "Es gibt eine neuere Fassung: %s. Hier läuft %s. Bitte ersetzen Sie das Programm; Einstellungen und Schlüssel bleiben.",
		"leftnote": "Kein Ausgang trägt in Ihren Kalender ein. Haken Sie ab, was Sie von Hand eingetragen haben.",
		"calendar": "Kalendereintrag", "note": "Notiz in der Akte", "list": "Liste",
	},
	"en": {
		"title": "Siegel Connector", "today": "Today", "tomorrow": "Tomorrow", "left": "Still to transfer", "check": "Self-check",
		"none": "No appointments.", "all": "Everything is transferred.", "tick": "Entered", "untick": "Not entered after all",
		"words":  "Waiting for the practice: compare these six words with those in the office under Setup, Practice systems.",
		"office": "Office reached", "never": "never yet", "keys": "Practice's keys", "yes": "yes", "no": "no", "mode": "Mode",
		"book": "Practice book", "forward": "Forwarding", "stream": "Told at once", "handed": "Handed over since the start",
		"refused": "Do not open", "outlet": "Outlet", "good": "works", "booked": "Appointment", "requested": "Request", "moved": "moved", "cancelled": "cancelled",
		"born": "born", "differs": "Time, doctor or place differ from what the patient saw", "offline": "Not connected: as of the last time.",
		"update":   "There is a newer version: %s. This is %s. Please replace the program; settings and keys stay.",
		"leftnote": "No outlet writes into your calendar. Tick what you have entered by hand.",
		"calendar": "calendar entry", "note": "note in the chart", "list": "list",
	},
}

type statusRow struct {
	Item
	Day, Time string
	Ticked    bool
}

type statusView struct {
	Language        string
	T               map[string]string
	Practice        string
	Health          health
	Reached         string
	Offline         bool
	Update          string // a newer version that the office has; empty where there is none
	Today, Tomorrow []statusRow
	Left            []statusRow
	ByHand          bool
	Outlets         []statusOutlet
	Trouble         []string
}

type statusOutlet struct{ Name, Does, Trouble string }

// mostLeft is how many rows the list shows at once.
const mostLeft = 200

func (a *Agent) showStatus(w http.ResponseWriter, r *http.Request) {
	language := "de"
	if strings.HasPrefix(strings.ToLower(r.Header.Get("Accept-Language")), "en") {
		language = "en"
	}
	view, err := a.status(language)
	if err != nil {
		slog.Error("status page", "err", err)
		http.Error(w, "journal", http.StatusInternalServerError)
		return
	}
	page, err := template.New("status").Parse(statusPage)
	if err != nil {
		panic(err) // a test draws it
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_ = page.Execute(w, view)
}

func (a *Agent) status(language string) (statusView, error) {
	now := a.Now()
	a.mu.Lock()
	v := statusView{Language: language, T: statusWords[language], Practice: a.names.Practice, Health: a.health}
	v.Health.Trouble = maps.Clone(a.health.Trouble)
	zone, err := time.LoadLocation(a.names.Zone)
	a.mu.Unlock()
	if err != nil {
		zone = time.Local
	}
	if release.Newer(a.Version, v.Health.Server) {
		v.Update = fmt.Sprintf(v.T["update"], v.Health.Server, a.Version)
	}
	v.Reached = v.T["never"]
	if !v.Health.Reached.IsZero() {
		v.Reached = v.Health.Reached.In(zone).Format("02.01.2006 15:04")
		v.Offline = now.Sub(v.Health.Reached) > 5*time.Minute
	}
	var calendars uint32
	for _, o := range a.settings.Outlets {
		if o.Name == "" {
			o.Name = o.Kind
		}
		if o.Does == "" && strings.HasPrefix(o.Kind, "ics") {
			o.Does = "calendar"
		}
		if o.Does == "calendar" {
			calendars |= a.journal.bits[o.Name]
		}
		v.Outlets = append(v.Outlets, statusOutlet{o.Name, v.T[o.Does], v.Health.Trouble[o.Name]})
		delete(v.Health.Trouble, o.Name)
	}
	v.ByHand = calendars == 0
	for _, part := range slices.Sorted(maps.Keys(v.Health.Trouble)) {
		v.Trouble = append(v.Trouble, part+": "+v.Health.Trouble[part])
	}
	local := now.In(zone)
	today := time.Date(local.Year(), local.Month(), local.Day(), 0, 0, 0, 0, zone)
	days := [3]int64{today.Unix(), today.AddDate(0, 0, 1).Unix(), today.AddDate(0, 0, 2).Unix()}
	isLeft := func(r *record) bool {
		return r.ends >= now.Unix() && !r.ticked && r.done&calendars == 0 && (r.kind != Cancelled || r.entered)
	}
	err = a.journal.each(func(r *record) bool { return r.starts >= days[0] && r.starts < days[2] || isLeft(r) }, func(i Item, r record) {
		at := i.Starts.In(i.zone())
		row := statusRow{i, at.Format("02.01."), at.Format("15:04") + "–" + i.Ends.In(i.zone()).Format("15:04"), r.ticked}
		switch {
		case r.starts >= days[0] && r.starts < days[1]:
			v.Today = append(v.Today, row)
		case r.starts >= days[1] && r.starts < days[2]:
			v.Tomorrow = append(v.Tomorrow, row)
		}
		if isLeft(&r) && len(v.Left) < mostLeft {
			v.Left = append(v.Left, row)
		}
	})
	return v, err
}

func (a *Agent) takeTick(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 4096)
	booking := r.PostFormValue("booking")
	_, ok, err := a.journal.read(booking)
	if err == nil && ok {
		err = a.journal.append(entry{Tick: &tick{Booking: booking, Off: r.PostFormValue("off") != ""}})
	}
	if err != nil || !ok {
		http.Error(w, "unknown booking", http.StatusBadRequest)
		return
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}
