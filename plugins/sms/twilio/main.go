// Command siegel-plugin-sms-twilio sends short messages with Twilio.
//
// Twilio Inc. processes them in the United States. Delivery reports come where
// the setting delivery_url says, with our message id added as a parameter, and
// are believed by their signature. Twilio does not refuse a repeated message,
// and keeps texts until they are deleted there.
package main

import "siegel/plugins/sdk"

func main() { sdk.ServeSMS(&plugin{}) }
