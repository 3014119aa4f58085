package server

import "time"

// PingEvery makes streams look at their sessions more often, for tests that
// cannot wait.
func (s *Server) PingEvery(d time.Duration) { s.pingEvery = d }
