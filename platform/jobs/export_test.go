package jobs

import "context"

// Claim takes up to n messages that are due and tells how many they were.
func (r *Relay) Claim(ctx context.Context, n int) (int, error) {
	claims, err := r.claim(ctx, n)
	return len(claims), err
}
