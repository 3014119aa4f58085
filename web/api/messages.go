package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"siegel/platform/fault"
	"siegel/tenants/notify"
	"siegel/web/server"
)

type wordingBody struct {
	Subject string `json:"subject" maxLength:"400" doc:"Empty for a text message"`
	Text    string `json:"text" maxLength:"8000"`
}

type messageText struct {
	Kind         string      `json:"kind"`
	Language     string      `json:"language" enum:"de,en"`
	Own          bool        `json:"own" doc:"The practice's words, not the product's"`
	Said         wordingBody `json:"said"`
	Default      wordingBody `json:"default"`
	Placeholders []string    `json:"placeholders" doc:"What may stand in braces"`
}

type messageChoice struct {
	Name       string `json:"name" maxLength:"80" doc:"How messages name the practice, where not by its name"`
	Reminders  []int  `json:"reminders" maxItems:"4" doc:"Minutes before an appointment: 10080, 2880, 1440, 120"`
	QuietFrom  string `json:"quiet_from" pattern:"^[0-2][0-9]:[0-5][0-9]$" doc:"By the practice's clock; no reminder leaves from here"`
	QuietUntil string `json:"quiet_until" pattern:"^[0-2][0-9]:[0-5][0-9]$" doc:"to here; equal to quiet_from: always"`
}

type messageSettingsAnswer struct {
	Body struct {
		Choice   messageChoice `json:"choice"`
		Practice string        `json:"practice" doc:"The practice's name"`
		Host     string        `json:"host" doc:"Where the links in messages lead"`
		Sender   string        `json:"sender" doc:"The sender of text messages; empty: the provider's"`
		Telling  []string      `json:"telling" doc:"Words in name, host and sender that tell a specialty"`
		Texts    []messageText `json:"texts"`
	}
}

type messageChoiceRequest struct{ Body messageChoice }

type messageTextPath struct {
	Kind     string `path:"kind" maxLength:"40"`
	Language string `path:"language" enum:"de,en"`
}

type messageTextRequest struct {
	Kind     string `path:"kind" maxLength:"40"`
	Language string `path:"language" enum:"de,en"`
	Body     wordingBody
}

type messagePreviewAnswer struct {
	Body struct {
		Subject    string   `json:"subject"`
		Text       string   `json:"text"`
		Parts      int      `json:"parts" doc:"Of a text message; each is paid"`
		Units      int      `json:"units"`
		Left       int      `json:"left" doc:"What still fits the last part"`
		Wide       bool     `json:"wide" doc:"A character outside the alphabet of text messages, so that a part holds 70 instead of 160"`
		CostMicros int64    `json:"cost_micros"`
		Currency   string   `json:"currency"`
		Telling    []string `json:"telling"`
	}
}

type messageSumsRequest struct {
	Days int `query:"days" default:"14" minimum:"1" maximum:"92"`
}

type messageSum struct {
	Day      string `json:"day"`
	Channel  string `json:"channel" enum:"mail,sms"`
	Kind     string `json:"kind"`
	State    string `json:"state"`
	Messages int    `json:"messages"`
}

type messageSumsAnswer struct {
	Body struct {
		From        string         `json:"from" doc:"The first day, UTC"`
		Until       string         `json:"until" doc:"The last day, which is today"`
		Sums        []messageSum   `json:"sums"`
		Undelivered []deliveryBody `json:"undelivered" doc:"The latest first"`
	}
}

// mountMessages adds what a practice decides about its messages, and what
// became of them.
func mountMessages(s *server.Server, v Services) {
	server.Register(s, server.Operation{
		ID: "getMessageSettings", Method: http.MethodGet, Path: "/api/v1/messages/settings",
		Summary: "In which words, under which name and when the practice sends",
	}, func(ctx context.Context, _ *none) (*messageSettingsAnswer, error) {
		return v.sayMessages(ctx)
	})
	server.Register(s, server.Operation{
		ID: "putMessageSettings", Method: http.MethodPut, Path: "/api/v1/messages/settings",
		Summary: "Decide under which name and when the practice sends",
	}, func(ctx context.Context, in *messageChoiceRequest) (*messageSettingsAnswer, error) {
		choice := notify.Choice{Name: in.Body.Name, Reminders: in.Body.Reminders, QuietFrom: minuteOf(in.Body.QuietFrom), QuietUntil: minuteOf(in.Body.QuietUntil)}
		if err := v.MessageSettings.Choose(ctx, server.From(ctx).Tenant.ID, choice); err != nil {
			return nil, err
		}
		v.record(ctx, "message.choose", "")
		return v.sayMessages(ctx)
	})
	server.Register(s, server.Operation{
		ID: "putMessageText", Method: http.MethodPut, Path: "/api/v1/messages/texts/{kind}/{language}",
		Summary: "Say a message in the practice's own words",
	}, func(ctx context.Context, in *messageTextRequest) (*none, error) {
		err := v.MessageSettings.Say(ctx, server.From(ctx).Tenant.ID, in.Kind, in.Language, notify.Wording{Subject: in.Body.Subject, Body: in.Body.Text})
		if err != nil {
			return nil, explain(ctx, err)
		}
		v.record(ctx, "message.say", in.Kind+"_"+in.Language)
		return nil, nil
	})
	server.Register(s, server.Operation{
		ID: "removeMessageText", Method: http.MethodDelete, Path: "/api/v1/messages/texts/{kind}/{language}",
		Summary: "Go back to the product's words",
	}, func(ctx context.Context, in *messageTextPath) (*none, error) {
		if err := v.MessageSettings.Unsay(ctx, server.From(ctx).Tenant.ID, in.Kind, in.Language); err != nil {
			return nil, err
		}
		v.record(ctx, "message.unsay", in.Kind+"_"+in.Language)
		return nil, nil
	})
	server.Register(s, server.Operation{
		ID: "previewMessage", Method: http.MethodPost, Path: "/api/v1/messages/texts/{kind}/{language}/preview",
		Summary: "See a message as a patient would get it; stores and sends nothing",
	}, func(ctx context.Context, in *messageTextRequest) (*messagePreviewAnswer, error) {
		p, err := v.Messages.Preview(ctx, server.From(ctx).Tenant.ID, in.Kind, in.Language, notify.Wording{Subject: in.Body.Subject, Body: in.Body.Text})
		if err != nil {
			return nil, explain(ctx, err)
		}
		answer := &messagePreviewAnswer{}
		b := &answer.Body
		b.Subject, b.Text, b.Telling = p.Subject, p.Text, append([]string{}, p.Telling...)
		b.Parts, b.Units, b.Left, b.Wide = p.Length.Parts, p.Length.Units, p.Length.Left, p.Length.Wide
		b.CostMicros, b.Currency = p.CostMicros, p.Currency
		return answer, nil
	})
	server.Register(s, server.Operation{
		ID: "countMessages", Method: http.MethodGet, Path: "/api/v1/messages",
		Summary: "What became of the practice's messages, and which did not arrive",
	}, func(ctx context.Context, in *messageSumsRequest) (*messageSumsAnswer, error) {
		tenant := server.From(ctx).Tenant.ID
		sums, err := v.Deliveries.Sums(ctx, tenant, in.Days)
		if err != nil {
			return nil, err
		}
		lost, err := v.Deliveries.Undelivered(ctx, tenant, in.Days)
		if err != nil {
			return nil, err
		}
		answer := &messageSumsAnswer{}
		today := time.Now().UTC()
		answer.Body.From, answer.Body.Until = today.AddDate(0, 0, 1-in.Days).Format(time.DateOnly), today.Format(time.DateOnly)
		answer.Body.Sums = each(sums, func(s notify.Sum) messageSum {
			return messageSum{s.Day, s.Channel, s.Kind, string(s.State), s.Messages}
		})
		answer.Body.Undelivered = each(lost, sayDelivery)
		return answer, nil
	})
}

func (v Services) sayMessages(ctx context.Context) (*messageSettingsAnswer, error) {
	t := server.From(ctx).Tenant
	choice, err := v.MessageSettings.Choice(ctx, t.ID)
	if err != nil {
		return nil, err
	}
	texts, err := v.MessageSettings.Texts(ctx, t.ID)
	if err != nil {
		return nil, err
	}
	offer, err := v.Practice.Offer(ctx, t.ID)
	if err != nil {
		return nil, err
	}
	answer := &messageSettingsAnswer{}
	b := &answer.Body
	b.Choice = messageChoice{choice.Name, choice.Reminders, clockOf(choice.QuietFrom), clockOf(choice.QuietUntil)}
	b.Practice, b.Sender, b.Host = offer.Practice.Name, offer.Practice.SMSSender, v.Registry.PatientsHost(t)
	b.Telling = append([]string{}, notify.Telling(offer.Practice.Said()+" "+b.Host+" "+b.Sender)...)
	b.Texts = each(texts, func(x notify.Text) messageText {
		return messageText{
			x.Shape.Name, x.Language, x.Own, wordingBody{x.Said.Subject, x.Said.Body}, wordingBody{x.Default.Subject, x.Default.Body},
			x.Shape.Placeholders(x.Language),
		}
	})
	return answer, nil
}

// explain says along with a refused wording what it is about: words of the
// caller's own.
func explain(ctx context.Context, err error) error {
	var refused *fault.Error
	if fault.From(err).Code != fault.Invalid || !errors.As(err, &refused) || refused.Err == nil {
		return err
	}
	p := server.ProblemOf(ctx, err)
	p.Extra = map[string]any{"about": refused.Err.Error()}
	return p
}

func clockOf(minute int) string { return fmt.Sprintf("%02d:%02d", minute/60, minute%60) }

// minuteOf reads a time of day; -1 is none.
func minuteOf(clock string) int {
	hours, minutes, _ := strings.Cut(clock, ":")
	h, errHours := strconv.Atoi(hours)
	m, errMinutes := strconv.Atoi(minutes)
	if errHours != nil || errMinutes != nil || h > 23 {
		return -1
	}
	return 60*h + m
}
