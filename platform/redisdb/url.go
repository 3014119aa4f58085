package redisdb

import (
	"crypto/tls"
	"errors"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// errURL says nothing of what was given: a password may stand in it.
var errURL = errors.New("redis url is not like redis://host:6379/0, unix:///path?db=0, " +
	"redis+sentinel://host:26379/name?addr=other:26379 or redis+cluster://host:6379?addr=other:6379")

// dial makes the driver's client that url asks for. alone says that calls go
// to one server that is known beforehand.
func dial(text string, patience time.Duration) (raw redis.UniversalClient, alone bool, err error) {
	scheme, _, _ := strings.Cut(text, "://")
	wire, kind, several := strings.Cut(scheme, "+")
	if !several {
		opt, err := redis.ParseURL(text)
		if err != nil {
			return nil, false, errURL
		}
		opt.DialTimeout, opt.ReadTimeout, opt.WriteTimeout, opt.PoolTimeout = patience, patience, patience, patience
		opt.DialerRetries = 1
		opt.MaxRetries = -1
		opt.ContextTimeoutEnabled = true
		opt.PoolSize = connections
		opt.MinIdleConns = 2
		return redis.NewClient(opt), true, nil
	}
	s, err := readSeveral(text)
	if err != nil || wire != "redis" && wire != "rediss" {
		return nil, false, errURL
	}
	var secure *tls.Config
	if wire == "rediss" {
		secure = &tls.Config{MinVersion: tls.VersionTLS12, ServerName: s.serverName}
	}
	switch {
	case kind == "sentinel" && s.path != "":
		return redis.NewFailoverClient(&redis.FailoverOptions{
			MasterName: s.path, SentinelAddrs: s.addrs, SentinelUsername: s.sentinelUser, SentinelPassword: s.sentinelPassword,
			Username: s.user, Password: s.password, DB: s.db, TLSConfig: secure,
			DialTimeout: patience, ReadTimeout: patience, WriteTimeout: patience, PoolTimeout: patience,
			DialerRetries: 1, MaxRetries: -1, ContextTimeoutEnabled: true, PoolSize: connections, MinIdleConns: 2,
		}), false, nil
	case kind == "cluster" && s.path == "" && s.db == 0 && s.sentinelUser+s.sentinelPassword == "":
		return redis.NewClusterClient(&redis.ClusterOptions{
			Addrs: s.addrs, Username: s.user, Password: s.password, TLSConfig: secure,
			DialTimeout: patience, ReadTimeout: patience, WriteTimeout: patience, PoolTimeout: patience,
			DialerRetries: 1, MaxRetries: -1, ContextTimeoutEnabled: true, PoolSize: connections, MinIdleConns: 1,
		}), false, nil
	}
	return nil, false, errURL
}

// several is what a URL says of Sentinels or of a cluster's nodes.
type several struct {
	addrs                          []string
	user, password                 string
	sentinelUser, sentinelPassword string
	serverName, path               string
	db                             int
}

func readSeveral(text string) (s several, err error) {
	u, err := url.Parse(text)
	if err != nil || u.Fragment != "" || u.Opaque != "" {
		return s, errURL
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return s, errURL
	}
	s.addrs = append([]string{u.Host}, query["addr"]...)
	for _, addr := range s.addrs {
		host, port, err := net.SplitHostPort(addr)
		if n, bad := strconv.ParseUint(port, 10, 16); err != nil || bad != nil || n == 0 || host == "" {
			return s, errURL
		}
	}
	s.user, s.path = u.User.Username(), strings.TrimPrefix(u.Path, "/")
	s.password, _ = u.User.Password()
	for name, values := range query {
		if name == "addr" {
			continue
		}
		switch value := values[0]; {
		case len(values) > 1:
			return s, errURL
		case name == "db":
			if s.db, err = strconv.Atoi(value); err != nil || s.db < 0 {
				return s, errURL
			}
		case name == "sentinel_username":
			s.sentinelUser = value
		case name == "sentinel_password":
			s.sentinelPassword = value
		case name == "server_name":
			s.serverName = value
		default:
			return s, errURL
		}
	}
	if strings.Contains(s.path, "/") {
		return s, errURL
	}
	return s, nil
}
