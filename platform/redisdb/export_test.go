package redisdb

import "github.com/redis/go-redis/v9"

// NewBreaker is the breaker of a client with that many connections.
func NewBreaker(connections int) redis.Hook { return newBreaker(connections) }
