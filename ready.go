package main

import (
	"context"
	"fmt"
	"net/http"
	"time"
)

type readyCommand struct {
	URL string `arg:"" default:"http://127.0.0.1:8080/readyz" help:"Where the server says so."`
}

// Run fails unless the answer is 200.
func (r readyCommand) Run(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, r.URL, nil)
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("nobody answers: %w", err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("it is not ready: %s", answer.Status)
	}
	return nil
}
