// Command siegel-plugin-sms-seven sends short messages with seven.io.
//
// Errors come as HTTP 200 there, so only the codes 100 and 101 are a success.
// A message that seven took less than three minutes ago is not taken again,
// which makes the repetition of a lost Send harmless. Delivery webhooks must
// be of the kind JSON and are believed by their signature.
package main

import "siegel/plugins/sdk"

func main() { sdk.ServeSMS(&plugin{}) }
