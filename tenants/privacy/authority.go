package privacy

// Authority supervises data protection in a Land.
type Authority struct{ Name, Place, Web string }

// authorities are those for what is not public, by the Land's ISO 3166-2 code
// (in Bavaria another one than for what is). Names, places and web addresses
// were compared in November 2026 with three lists of all sixteen that others
// publish, one of which goes back to that of the Datenschutzkonferenz
// (https://www.datenschutzkonferenz-online.de/datenschutzaufsichtsbehoerden.html);
// the authorities' own pages were not read. Whether an office is called after a
// man or a woman changes with who holds it: for Bremen and Lower Saxony the lists
// differ among themselves or from what stood here, and the newest was followed.
// Streets are left out: four of the sixteen had another one in one list than in
// the next.
var authorities = map[string]Authority{
	"DE-BW": {"Der Landesbeauftragte für den Datenschutz und die Informationsfreiheit Baden-Württemberg", "Stuttgart", "https://www.baden-wuerttemberg.datenschutz.de"},
	"DE-BY": {"Bayerisches Landesamt für Datenschutzaufsicht", "Ansbach", "https://www.lda.bayern.de"},
	"DE-BE": {"Berliner Beauftragte für Datenschutz und Informationsfreiheit", "Berlin", "https://www.datenschutz-berlin.de"},
	"DE-BB": {"Die Landesbeauftragte für den Datenschutz und für das Recht auf Akteneinsicht Brandenburg", "Kleinmachnow", "https://www.lda.brandenburg.de"},
	"DE-HB": {"Die Landesbeauftragte für Datenschutz und Informationsfreiheit der Freien Hansestadt Bremen", "Bremerhaven", "https://www.datenschutz.bremen.de"},
	"DE-HH": {"Der Hamburgische Beauftragte für Datenschutz und Informationsfreiheit", "Hamburg", "https://datenschutz-hamburg.de"},
	"DE-HE": {"Der Hessische Beauftragte für Datenschutz und Informationsfreiheit", "Wiesbaden", "https://datenschutz.hessen.de"},
	"DE-MV": {"Der Landesbeauftragte für Datenschutz und Informationsfreiheit Mecklenburg-Vorpommern", "Schwerin", "https://www.datenschutz-mv.de"},
	"DE-NI": {"Der Landesbeauftragte für den Datenschutz Niedersachsen", "Hannover", "https://www.lfd.niedersachsen.de"},
	"DE-NW": {"Landesbeauftragte für Datenschutz und Informationsfreiheit Nordrhein-Westfalen", "Düsseldorf", "https://www.ldi.nrw.de"},
	"DE-RP": {"Der Landesbeauftragte für den Datenschutz und die Informationsfreiheit Rheinland-Pfalz", "Mainz", "https://www.datenschutz.rlp.de"},
	"DE-SL": {"Unabhängiges Datenschutzzentrum Saarland", "Saarbrücken", "https://datenschutz.saarland.de"},
	"DE-SN": {"Sächsische Datenschutz- und Transparenzbeauftragte", "Dresden", "https://www.datenschutz.sachsen.de"},
	"DE-ST": {"Landesbeauftragte für den Datenschutz Sachsen-Anhalt", "Magdeburg", "https://datenschutz.sachsen-anhalt.de"},
	"DE-SH": {"Unabhängiges Landeszentrum für Datenschutz Schleswig-Holstein", "Kiel", "https://www.datenschutzzentrum.de"},
	"DE-TH": {"Der Thüringer Landesbeauftragte für den Datenschutz und die Informationsfreiheit", "Erfurt", "https://www.tlfdi.de"},
}

// accessibilityAuthority supervises accessibility of services for consumers in
// all Länder, since 2025. Name, place and web address are as several statements
// on accessibility of 2026 have them; its own page was not read.
var accessibilityAuthority = Authority{
	"Marktüberwachungsstelle der Länder für die Barrierefreiheit von Produkten und Dienstleistungen (MLBF)", "Magdeburg", "https://mlbf-barrierefrei.de",
}

// Lands are the codes that a profile may name.
func Lands() []string {
	return []string{"DE-BW", "DE-BY", "DE-BE", "DE-BB", "DE-HB", "DE-HH", "DE-HE", "DE-MV", "DE-NI", "DE-NW", "DE-RP", "DE-SL", "DE-SN", "DE-ST", "DE-SH", "DE-TH"}
}
