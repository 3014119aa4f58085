// Command siegel-plugin-sms-loopback hands short messages to a mailbox on the
// same machine, for demonstrations and tests. It refuses every other address,
// so that no message leaves the machine by a slip of the settings.
package main

import "siegel/plugins/sdk"

func main() { sdk.ServeSMS(&loopback{}) }
