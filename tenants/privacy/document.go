package privacy

// Kind is which document.
type Kind string

// The documents. The first three are for everybody, the others for whoever
// answers for a practice.
const (
	Statement     Kind = "privacy"
	Imprint       Kind = "imprint"
	Accessibility Kind = "accessibility"
	Records       Kind = "records"
	Measures      Kind = "measures"
	Impact        Kind = "impact"
	Agreement     Kind = "agreement"
	// Processing is a processor's own; see [Service.Processing].
	Processing Kind = "processing"
)

// Public are the documents that everybody may read.
func Public() []Kind { return []Kind{Statement, Imprint, Accessibility} }

// Papers are those for whoever answers for a practice.
func Papers() []Kind { return []Kind{Records, Measures, Impact, Agreement} }

// Document is a text in sections, without any markup.
type Document struct {
	Kind     Kind      `json:"kind"`
	Language string    `json:"language"`
	Title    string    `json:"title"`
	Sections []Section `json:"sections"`
}

// Section has a heading and what stands below it.
type Section struct {
	// ID is stable in all languages and versions.
	ID     string  `json:"id"`
	Title  string  `json:"title"`
	Blocks []Block `json:"blocks"`
}

// Block is a paragraph, or a table where it has a head.
type Block struct {
	Sentences []Sentence   `json:"sentences,omitempty"`
	Head      []string     `json:"head,omitempty"`
	Rows      [][]Sentence `json:"rows,omitempty"`
}

// Sentence is a text with the key under which the words have it.
type Sentence struct {
	Key  string `json:"key"`
	Text string `json:"text"`
}

// Title is what a document is called in a language.
func (s *Service) Title(kind Kind, language string) string { return s.write(kind, language).doc.Title }

// writer puts a document together.
type writer struct {
	words
	doc Document
}

func (s *Service) write(kind Kind, language string) *writer {
	w, ok := s.words[language]
	if !ok {
		language = Languages()[0]
		w = s.words[language]
	}
	return &writer{w, Document{Kind: kind, Language: language, Title: w["h."+string(kind)]}}
}

func (w *writer) section(id string) {
	w.doc.Sections = append(w.doc.Sections, Section{ID: id, Title: w.words["h."+id]})
}

func (w *writer) last() *Section { return &w.doc.Sections[len(w.doc.Sections)-1] }

func (w *writer) sentence(key string, p ...params) Sentence {
	var with params
	if len(p) > 0 {
		with = p[0]
	}
	return Sentence{key, w.say(key, with)}
}

// add puts a paragraph of one text.
func (w *writer) add(key string, p ...params) { w.paragraph(w.sentence(key, p...)) }

// fact puts a paragraph unless what it is about is empty.
func (w *writer) fact(key, name, value string) {
	if value != "" {
		w.add(key, params{name: value})
	}
}

func (w *writer) paragraph(sentences ...Sentence) {
	w.last().Blocks = append(w.last().Blocks, Block{Sentences: sentences})
}

func (w *writer) table(head []string, rows [][]Sentence) {
	titles := make([]string, len(head))
	for i, key := range head {
		titles[i] = w.words[key]
	}
	w.last().Blocks = append(w.last().Blocks, Block{Head: titles, Rows: rows})
}
