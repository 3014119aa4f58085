package main

import (
	"encoding/json"
	"errors"
	"regexp"
	"strings"

	"siegel/plugins/sdk"
)

// codeKinds is what seven's codes mean for us, as its clients for JavaScript
// (docs/enums/ErrorCode), PHP and Go list them.
var codeKinds = map[word]sdk.Kind{
	"11":  sdk.Temporary, // carrier not available
	"201": sdk.InvalidSender,
	"202": sdk.InvalidRecipient,
	"300": sdk.Auth,
	"301": sdk.InvalidRecipient, // missing
	"305": sdk.Content,          // missing
	"306": sdk.InvalidSender,
	"401": sdk.Content, // too long
	"403": sdk.Blocked, // this number's limit for the day: others can be sent to
	"500": sdk.Funds,
	"600": sdk.Temporary, // carrier error
	"801": sdk.Temporary, // the gateway's own
	"900": sdk.Auth,
	"901": sdk.Auth, // signature
	"902": sdk.Auth, // the key may not send
	"903": sdk.Auth, // the key may not from this address
}

// reloadLock is the code for a message that seven took within the last 180
// seconds: same text, same number. Its clients all say so; an account can
// switch the lock off, and then a repetition arrives twice.
const reloadLock = "402"

var errAlreadyTaken = errors.New("seven has this message already")

// failure says whose fault a code is that is not a success.
func failure(code word) error {
	if code == reloadLock {
		return errAlreadyTaken
	}
	e := &sdk.Error{Kind: sdk.Unknown, Detail: "seven answered without a code"}
	if codeDigits.MatchString(string(code)) {
		e.Detail = "seven answered with code " + string(code)
	}
	if kind, known := codeKinds[code]; known {
		e.Kind = kind
	}
	return e
}

var codeDigits = regexp.MustCompile(`^[0-9]{1,4}$`)

// bareCode is the body's code where the body is nothing but one, perhaps in
// quotation marks.
func bareCode(body []byte) word {
	text := strings.Trim(strings.TrimSpace(string(body[:min(len(body), 16)])), `"`)
	if len(body) > 16 || !codeDigits.MatchString(text) {
		return ""
	}
	return word(text)
}

// word is a JSON string, number or boolean; seven is not strict about which.
// Null and everything else is empty.
type word string

// UnmarshalJSON never fails: one field that looks different must not hide the
// others.
func (w *word) UnmarshalJSON(b []byte) error { //nolint:unparam // encoding/json wants it
	*w = ""
	var text string
	switch {
	case json.Unmarshal(b, &text) == nil:
		*w = word(text)
	case len(b) > 0 && strings.IndexByte(`-0123456789tf`, b[0]) >= 0:
		*w = word(b)
	}
	return nil
}
