// Command siegel-plugin-sms-lox24 sends short messages with LOX24 (API v2).
//
// The text is deleted at LOX24 once it has been sent. Our message id travels
// as callback_data; delivery webhooks carry no signature, so each is taken for
// a hint to ask LOX24 itself. LOX24 does not refuse a repeated message.
package main

import "siegel/plugins/sdk"

func main() { sdk.ServeSMS(&plugin{}) }
