package practice

// SelectOccupation is the statement whose plan a test looks at.
const SelectOccupation = selectOccupation

// Kept returns how many offers are in memory.
func (s *Service) Kept() int {
	s.kept.mu.Lock()
	defer s.kept.mu.Unlock()
	return len(s.kept.by)
}
