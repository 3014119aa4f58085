package api

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"siegel/platform/id"
	"siegel/tenants/feed"
	"siegel/web/server"
)

// busyPerClient is how often a network may ask for feeds in a minute.
const busyPerClient = 120

type feedBody struct {
	Practitioner id.Practitioner `json:"practitioner"`
	Created      time.Time       `json:"created"`
}

type feedsAnswer struct {
	Body struct {
		Feeds []feedBody `json:"feeds"`
	}
}

type feedPath struct {
	Practitioner string `path:"practitioner" maxLength:"64"`
}

type feedAnswer struct {
	Body struct {
		Path string   `json:"path" doc:"On this host. Nobody can read it again"`
		Feed feedBody `json:"feed"`
	}
}

func mountFeeds(s *server.Server, v Services) {
	server.Register(s, server.Operation{
		ID: "listFeeds", Method: http.MethodGet, Path: "/api/v1/feeds",
		Summary: "Whose busy times calendar programs can see",
	}, func(ctx context.Context, _ *none) (*feedsAnswer, error) {
		all, err := v.Feeds.List(ctx, server.From(ctx).Tenant.ID)
		if err != nil {
			return nil, err
		}
		answer := &feedsAnswer{}
		answer.Body.Feeds = each(all, sayFeed)
		return answer, nil
	})
	server.Register(s, server.Operation{
		ID: "makeFeed", Method: http.MethodPost, Path: "/api/v1/feeds/{practitioner}", Status: http.StatusCreated, Proven: true,
		Summary: "Make an address for a practitioner's busy times; a former one leads nowhere then",
	}, func(ctx context.Context, in *feedPath) (*feedAnswer, error) {
		who, err := parse[id.Practitioner](in.Practitioner)
		if err != nil {
			return nil, err
		}
		r := server.From(ctx)
		token, made, err := v.Feeds.Make(ctx, r.Tenant.ID, who, r.Session.Account)
		if err != nil {
			return nil, err
		}
		answer := &feedAnswer{}
		answer.Body.Path, answer.Body.Feed = "/busy/"+token+".ics", sayFeed(made)
		return answer, nil
	})
	server.Register(s, server.Operation{
		ID: "revokeFeed", Method: http.MethodDelete, Path: "/api/v1/feeds/{practitioner}", Status: http.StatusNoContent,
		Summary: "End a practitioner's feed",
	}, func(ctx context.Context, in *feedPath) (*none, error) {
		who, err := parse[id.Practitioner](in.Practitioner)
		if err != nil {
			return nil, err
		}
		return nil, v.Feeds.Revoke(ctx, server.From(ctx).Tenant.ID, who)
	})
	s.Raw("getBusy", http.MethodGet, "/busy/:token", func(c *fiber.Ctx) error {
		ctx := c.UserContext()
		r := server.From(ctx)
		if !s.Few(ctx, busyPerClient, time.Minute, "busy", r.Client.String()) {
			return server.ErrTooManyRequests.After(time.Minute)
		}
		calendar, err := v.Feeds.Calendar(ctx, r.Tenant.ID, strings.TrimSuffix(c.Params("token"), ".ics"))
		if err != nil {
			return err
		}
		sum := sha256.Sum256([]byte(calendar))
		tag := `"` + base64.RawURLEncoding.EncodeToString(sum[:16]) + `"`
		c.Set(fiber.HeaderETag, tag)
		c.Set(fiber.HeaderCacheControl, "private, no-cache")
		for _, had := range strings.Split(c.Get(fiber.HeaderIfNoneMatch), ",") {
			if strings.TrimPrefix(strings.TrimSpace(had), "W/") == tag {
				return c.SendStatus(fiber.StatusNotModified)
			}
		}
		c.Set(fiber.HeaderContentType, "text/calendar; charset=utf-8")
		return c.SendString(calendar)
	})
}

func sayFeed(f feed.Feed) feedBody { return feedBody{f.Practitioner, f.Created} }
