package blind

import (
	"fmt"
	"strconv"
	"strings"
)

// said is what a report says in one language; the places of %s are filled in.
type said struct {
	title, at, verdict                                           string
	sealed, leaking, unproven                                    string
	booked, unconfirmed, words, problem                          string
	places, place, found, finding, proof, noProof, notRead, none string
	served, alike, altered, manifest                             string
	directory, sequence, compared, remembered, new, wrong        string
	limits                                                       []string
	kinds                                                        map[string]string
	terms                                                        map[string]string
}

var languages = map[string]said{
	"de": {
		title: "Prüfbericht: Was kann der Betreiber lesen?", at: "Praxis: %s (%s)\nZeit: %s UTC", verdict: "Ergebnis: %s",
		sealed:   "Nichts gefunden. Jede Suche hat das zur Probe ausgelegte Wort gefunden.",
		leaking:  "ES GIBT BEFUNDE. Sie stehen unten.",
		unproven: "Nichts gefunden, aber nicht alles ließ sich prüfen. Warum, steht unten.",
		booked:   "Probebuchungen: %d. Davon bestätigt und danach abgesagt: %d.", unconfirmed: "Unbestätigte Buchungen hinterlassen keinen Termin: Tabellen von Terminen waren damit nicht zu prüfen.",
		words: "Gesucht wurde in fünfzehn Schreibweisen nach: %s.", problem: "Nicht gelungen: %s",
		places: "Wo gesucht wurde", place: "- %s %s: %s in %d Teilen gelesen.", found: "BEFUNDE: %d", finding: "    %s (%s) in %s",
		proof: "Das ausgelegte Wort wurde gefunden, sonst nichts.", noProof: "Das ausgelegte Wort wurde NICHT gefunden: Diese Suche beweist nichts.", notRead: "Nicht geprüft: %s", none: "Nirgends: Es wurde kein Zugang genannt.",
		served: "Was Patienten geladen wird", alike: "%d Dateien sind Byte für Byte die veröffentlichten.", altered: "ANDERS als veröffentlicht: %s", manifest: "SHA-256 des Verzeichnisses der Dateien: %s",
		directory: "Schlüsselverzeichnis der Praxis", sequence: "Fingerabdruck %s, Nummer %d, gültig bis %s.", compared: "Er ist der, den die Praxis gedruckt hat.", remembered: "Es folgt auf das der letzten Prüfung.", new: "Es gab nichts, womit es zu vergleichen war: Vergleichen Sie den Fingerabdruck mit dem Aushang der Praxis.", wrong: "STIMMT NICHT: %s",
		limits: []string{"Was dieser Bericht nicht sagt:",
			"- Er gilt für diesen Augenblick und für das, wozu Zugang bestand.",
			"- Eine Seite, die nur anderen verändert ausgeliefert wird, findet er nicht. Darum lohnt es sich, von verschiedenen Orten und zu verschiedenen Zeiten zu prüfen.",
			"- Praxis, Behandler, Zeit und IP-Adresse einer Buchung sieht der Betreiber, und für höchstens eine Stunde die Adresse für die Bestätigung."},
		kinds: map[string]string{"database": "Datenbank", "redis": "Zwischenspeicher", "folder": "Ordner", "file": "Datei"},
		terms: map[string]string{"what was typed": "das Eingetippte", "the telephone number": "die Telefonnummer", "the address for the confirmation": "die Adresse für die Bestätigung"},
	},
	"en": {
		title: "Audit report: what can the operator read?", at: "Practice: %s (%s)\nTime: %s UTC", verdict: "Result: %s",
		sealed:   "Nothing found. Each search has found the word that was planted for it.",
		leaking:  "THERE ARE FINDINGS. They are below.",
		unproven: "Nothing found, but not everything could be looked at. Why is said below.",
		booked:   "Synthetic bookings: %d. Of these confirmed and cancelled afterwards: %d.", unconfirmed: "Bookings that are not confirmed leave no appointment: tables of appointments could not be judged by them.",
		words: "Looked for, in fifteen spellings: %s.", problem: "It failed: %s",
		places: "Where was searched", place: "- %s %s: %s read in %d parts.", found: "FINDINGS: %d", finding: "    %s (%s) in %s",
		proof: "The planted word was found, and nothing else.", noProof: "The planted word was NOT found: this search proves nothing.", notRead: "Not searched: %s", none: "Nowhere: no access was given.",
		served: "What patients are served", alike: "%d files are byte for byte those that were published.", altered: "OTHER than published: %s", manifest: "SHA-256 of the list of files: %s",
		directory: "The practice's key directory", sequence: "Fingerprint %s, number %d, valid until %s.", compared: "It is the one that the practice has printed.", remembered: "It follows that of the last audit.", new: "There was nothing to compare it with: compare the fingerprint with the practice's notice.", wrong: "IT IS WRONG: %s",
		limits: []string{"What this report does not say:",
			"- It is good for this moment, and for what there was access to.",
			"- It does not find a page that is served altered to others only. That is why auditing from several places and at several times is worth it.",
			"- The operator sees practice, practitioner, time and IP address of a booking, and for an hour at most the address for the confirmation."},
		kinds: map[string]string{"database": "database", "redis": "cache", "folder": "folder", "file": "file"},
		terms: map[string]string{},
	},
}

func (r Report) text(language string) string {
	t, ok := languages[language]
	if !ok {
		t = languages["de"]
	}
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	head := func(text string) { line("\n%s\n%s", text, strings.Repeat("-", len([]rune(text)))) }
	term := func(word string) string {
		if said, ok := t.terms[word]; ok {
			return said
		}
		return word
	}
	line("%s\n%s", t.title, strings.Repeat("=", len([]rune(t.title))))
	line(t.at, r.Name, r.Practice, r.At.Format("2006-01-02 15:04"))
	line("\n"+t.verdict, map[Verdict]string{Sealed: t.sealed, Leaking: t.leaking, Unproven: t.unproven}[r.Verdict])
	line("")
	line(t.booked, r.Bookings, r.Confirmed)
	if r.Confirmed == 0 {
		line("%s", t.unconfirmed)
	}
	if r.Problem != "" {
		line(t.problem, r.Problem)
	}
	var words []string
	for _, word := range r.Words {
		words = append(words, term(word))
	}
	line(t.words, strings.Join(words, ", "))

	head(t.places)
	for _, p := range r.Places {
		line(t.place, t.kinds[p.Kind], p.Name, size(p.Bytes), p.Parts)
		switch {
		case len(p.Findings) > 0:
			line("  "+t.found, len(p.Findings))
			for _, f := range p.Findings {
				line(t.finding, term(f.Word), f.Spelling, f.Where)
			}
		case p.Problem != "":
			line("  "+t.notRead, p.Problem)
		case !p.Proven:
			line("  %s", t.noProof)
		default:
			line("  %s", t.proof)
		}
	}
	if len(r.Places) == 0 {
		line("%s", t.none)
	}

	head(t.served)
	switch {
	case r.Served.Problem != "":
		line(t.notRead, r.Served.Problem)
	case len(r.Served.Altered) > 0:
		line(t.altered, strings.Join(r.Served.Altered, ", "))
	default:
		line(t.alike, r.Served.Files)
	}
	line(t.manifest, r.Served.Manifest)

	head(t.directory)
	d := r.Directory
	line(t.sequence, d.Fingerprint, d.Sequence, d.Expires.Format("2006-01-02"))
	switch {
	case d.Problem != "":
		line(t.wrong, d.Problem)
	case d.Compared == "pinned":
		line("%s", t.compared)
	case d.Compared == "remembered":
		line("%s", t.remembered)
	default:
		line("%s", t.new)
	}
	line("")
	for _, limit := range t.limits {
		line("%s", limit)
	}
	return b.String()
}

// size is a number of bytes as people read it.
func size(n int64) string {
	value, unit := float64(n), 0
	units := []string{"B", "KiB", "MiB", "GiB", "TiB"}
	for value >= 1024 && unit < len(units)-1 {
		value, unit = value/1024, unit+1
	}
	return strconv.FormatFloat(value, 'f', min(unit, 1), 64) + " " + units[unit]
}
