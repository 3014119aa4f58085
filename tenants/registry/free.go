package registry

import (
	"context"
	"fmt"
)

// SlugFree says whether a new tenant may have a slug. It returns
// [ErrMalformedSlug], [ErrReservedSlug] or [ErrSlugTaken] where not.
func (s *Service) SlugFree(ctx context.Context, slug string) error {
	if err := checkSlug(slug); err != nil {
		return err
	}
	var taken bool
	err := s.DB.Global().NewRaw(`
		select exists (select from tenant_slug where slug = ?0)
		    or exists (select from slug_retired where hash = sha256(convert_to(?0, 'UTF8')))`, slug).Scan(ctx, &taken)
	if err != nil {
		return fmt.Errorf("look for slug: %w", err)
	}
	if taken {
		return ErrSlugTaken
	}
	return nil
}
