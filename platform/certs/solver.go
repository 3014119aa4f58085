package certs

import (
	"context"
	"fmt"
	"time"

	"github.com/mholt/acmez/v3"
	"github.com/mholt/acmez/v3/acme"

	"siegel/plugins/sdk"
)

// solver proves a name by DNS-01 (RFC 8555, 8.4) through a hosting plugin.
type solver struct {
	challenger sdk.Challenger
	published  func(ctx context.Context, name, value string) error
}

var (
	_ acmez.Solver = (*solver)(nil)
	_ acmez.Waiter = (*solver)(nil)
)

func challengeOf(c acme.Challenge) sdk.Challenge {
	return sdk.Challenge{Name: c.DNS01TXTRecordName(), Value: c.DNS01KeyAuthorization()}
}

// Present publishes the value.
func (s *solver) Present(ctx context.Context, c acme.Challenge) error {
	if err := s.challenger.AddChallenge(ctx, challengeOf(c)); err != nil {
		return fmt.Errorf("publish challenge: %w", err)
	}
	return nil
}

// Wait waits until DNS has the value, at most until ctx ends.
func (s *solver) Wait(ctx context.Context, c acme.Challenge) error {
	if s.published == nil {
		return nil
	}
	ch := challengeOf(c)
	for {
		err := s.published(ctx, ch.Name, ch.Value)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("challenge is not in DNS: %w", err)
		case <-time.After(2 * time.Second):
		}
	}
}

// CleanUp takes the value back, also when the request was given up.
func (s *solver) CleanUp(ctx context.Context, c acme.Challenge) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
	defer cancel()
	if err := s.challenger.RemoveChallenge(ctx, challengeOf(c)); err != nil {
		return fmt.Errorf("remove challenge: %w", err)
	}
	return nil
}
