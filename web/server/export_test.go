package server

import "time"

// ReadJSON is how request bodies are read.
var ReadJSON = readJSON

// PingEvery makes streams look at their sessions more often, for tests that
// cannot wait.
func (s *Server) PingEvery(d time.Duration) { s.pingEvery = d }
