package main

import (
	"encoding/json"
	"strconv"
	"time"

	"siegel/plugins/sdk"
	"siegel/plugins/sdk/outbound"
)

// codeKinds is what Twilio's error codes mean for us, by the pages
// twilio.com/docs/api/errors/<code>. Twilio splits and moves them at times; one
// that is not here is judged by the answer's status.
var codeKinds = map[int]sdk.Kind{
	10001: sdk.Auth, // account not active
	20003: sdk.Auth,
	20005: sdk.Auth, // account not active
	20008: sdk.Auth, // test credentials
	20404: sdk.BadSettings,
	20429: sdk.RateLimited,
	14101: sdk.InvalidRecipient,
	14102: sdk.InvalidSender,
	14107: sdk.RateLimited,
	21211: sdk.InvalidRecipient,
	21212: sdk.InvalidSender,
	21217: sdk.InvalidRecipient,
	21265: sdk.InvalidRecipient, // a short code
	21266: sdk.InvalidRecipient, // the sender itself
	21408: sdk.Blocked,          // no permission for the region
	21421: sdk.InvalidRecipient,
	21601: sdk.InvalidSender, // a number that is not the account's
	21602: sdk.Content,       // missing
	21603: sdk.InvalidSender,
	21604: sdk.InvalidRecipient,
	21605: sdk.Content,
	21606: sdk.InvalidSender,
	21608: sdk.Auth,          // a trial account
	21609: sdk.BadSettings,   // the address for reports
	21610: sdk.Blocked,       // the recipient has opted out
	21611: sdk.RateLimited,   // the sender's queue is full
	21612: sdk.InvalidSender, // no way from this sender to this country or network
	21614: sdk.InvalidRecipient,
	21617: sdk.Content, // too long
	21635: sdk.InvalidRecipient,
	21659: sdk.InvalidSender,
	21660: sdk.InvalidSender,
	21661: sdk.InvalidSender,
	21703: sdk.InvalidSender, // the messaging service has none
	21705: sdk.BadSettings,
	21910: sdk.InvalidSender,
	30001: sdk.RateLimited,
	30002: sdk.Auth, // suspended, for want of money too
	30004: sdk.Blocked,
	30005: sdk.InvalidRecipient,
	30006: sdk.InvalidRecipient,
	30007: sdk.Content,
	30410: sdk.Temporary,   // the network's gateway did not answer in time
	63038: sdk.RateLimited, // the account's limit within 24 hours
}

// failure reads a refusal. Of Twilio's words only the code is taken: they
// repeat the number.
func (a *account) failure(answer outbound.Answer) error {
	e := a.http.Failure(answer)
	var refusal struct {
		Code int `json:"code"`
	}
	if json.Unmarshal(answer.Body, &refusal) != nil || refusal.Code == 0 {
		return e
	}
	e.Detail += ", code " + strconv.Itoa(refusal.Code)
	if kind, known := codeKinds[refusal.Code]; known {
		e.Kind = kind
		if kind == sdk.RateLimited && e.RetryAfter == 0 {
			e.RetryAfter = outbound.RetryAfter(answer.Header, time.Minute)
		}
	}
	return e
}
