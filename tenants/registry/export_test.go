package registry

// SplitHost is the parser behind [Service.Resolve], without the database.
func SplitHost(baseName, host string) (slug string, kind Kind, ok bool) {
	b, err := parseBase(baseName)
	if err != nil {
		panic(err)
	}
	return b.split(host)
}

// PublicHTTP is what fetches challenges by default.
var PublicHTTP = publicHTTP
