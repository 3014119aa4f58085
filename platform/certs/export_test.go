package certs

import "github.com/caddyserver/certmagic"

// Store gives tests the storage of a service.
func Store(s *Service) certmagic.Storage { return s.store }
