// Command siegel-plugin-hosting-mittwald brings host names up at Mittwald, with
// the mStudio API v2: Mittwald takes the connections, with a certificate of
// its own from Let's Encrypt, and passes requests on.
//
// The steps are: an ingress for the host name, proof of ownership by a TXT
// record, address records, a certificate. Where the project has a DNS zone for
// the name, the plugin sets the records; elsewhere it asks for them.
package main

import "siegel/plugins/sdk"

func main() { sdk.ServeHosting(&plugin{}) }
