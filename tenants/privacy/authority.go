package privacy

// Authority supervises data protection in a Land.
type Authority struct{ Name, Place, Web string }

// authorities are those for what is not public, by the Land's ISO 3166-2 code.
var authorities = map[string]Authority{
	"DE-BW": {"Der Landesbeauftragte für den Datenschutz und die Informationsfreiheit Baden-Württemberg", "Stuttgart", "https://www.baden-wuerttemberg.datenschutz.de"},
	"DE-BY": {"Bayerisches Landesamt für Datenschutzaufsicht", "Ansbach", "https://www.lda.bayern.de"},
	"DE-BE": {"Berliner Beauftragte für Datenschutz und Informationsfreiheit", "Berlin", "https://www.datenschutz-berlin.de"},
	"DE-BB": {"Die Landesbeauftragte für den Datenschutz und für das Recht auf Akteneinsicht Brandenburg", "Kleinmachnow", "https://www.lda.brandenburg.de"},
	"DE-HB": {"Der Landesbeauftragte für Datenschutz und Informationsfreiheit der Freien Hansestadt Bremen", "Bremerhaven", "https://www.datenschutz.bremen.de"},
	"DE-HH": {"Der Hamburgische Beauftragte für Datenschutz und Informationsfreiheit", "Hamburg", "https://datenschutz-hamburg.de"},
	"DE-HE": {"Der Hessische Beauftragte für Datenschutz und Informationsfreiheit", "Wiesbaden", "https://datenschutz.hessen.de"},
	"DE-MV": {"Der Landesbeauftragte für Datenschutz und Informationsfreiheit Mecklenburg-Vorpommern", "Schwerin", "https://www.datenschutz-mv.de"},
	"DE-NI": {"Der Landesbeauftragte für den Datenschutz Niedersachsen", "Hannover", "https://www.lfd.niedersachsen.de"},
	"DE-NW": {"Landesbeauftragte für Datenschutz und Informationsfreiheit Nordrhein-Westfalen", "Düsseldorf", "https://www.ldi.nrw.de"},
	"DE-RP": {"Der Landesbeauftragte für den Datenschutz und die Informationsfreiheit Rheinland-Pfalz", "Mainz", "https://www.datenschutz.rlp.de"},
	"DE-SL": {"Unabhängiges Datenschutzzentrum Saarland", "Saarbrücken", "https://www.datenschutz.saarland.de"},
	"DE-SN": {"Sächsische Datenschutz- und Transparenzbeauftragte", "Dresden", "https://www.datenschutz.sachsen.de"},
	"DE-ST": {"Landesbeauftragte für den Datenschutz Sachsen-Anhalt", "Magdeburg", "https://datenschutz.sachsen-anhalt.de"},
	"DE-SH": {"Unabhängiges Landeszentrum für Datenschutz Schleswig-Holstein", "Kiel", "https://www.datenschutzzentrum.de"},
	"DE-TH": {"Der Thüringer Landesbeauftragte für den Datenschutz und die Informationsfreiheit", "Erfurt", "https://www.tlfdi.de"},
}

// access supervises accessibility of services for consumers in all Länder
// (Marktüberwachungsstelle der Länder, MLBF), since 2025.
var accessibilityAuthority = Authority{
	"Marktüberwachungsstelle der Länder für die Barrierefreiheit von Produkten und Dienstleistungen (MLBF)", "Magdeburg", "https://mlbf-barrierefrei.de",
}

// Lands are the codes that a profile may name.
func Lands() []string {
	return []string{"DE-BW", "DE-BY", "DE-BE", "DE-BB", "DE-HB", "DE-HH", "DE-HE", "DE-MV", "DE-NI", "DE-NW", "DE-RP", "DE-SL", "DE-SN", "DE-ST", "DE-SH", "DE-TH"}
}
