// Command siegel-plugin-hosting-loopback sets records in a DNS server on the
// same machine, for demonstrations and tests. It refuses every other address,
// so that no domain is changed by a slip of the settings.
package main

import "siegel/plugins/sdk"

func main() { sdk.ServeHosting(newPlugin()) }
