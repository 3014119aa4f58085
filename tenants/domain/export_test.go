package domain

import "context"

// Work takes one step of one domain that is due.
func (s *Service) Work(ctx context.Context) (bool, error) { return s.work(ctx) }
