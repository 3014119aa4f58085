// Command siegel-plugin-sms-sipgate sends short messages with sipgate.
//
// sipgate gives a message no name and reports nothing of it, so what it took
// stays "submitted". A repeated Send is sent again. The sender is sipgate's, or
// the mobile number that was verified in the account: a message cannot choose.
package main

import "siegel/plugins/sdk"

func main() { sdk.ServeSMS(&plugin{}) }
