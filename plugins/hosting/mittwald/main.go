// Command siegel-plugin-hosting-mittwald brings host names up at Mittwald, with
// the mStudio API v2: Mittwald takes the connections, with a certificate of
// its own from Let's Encrypt, and passes requests on.
//
// The steps are: an ingress for the host name, proof of ownership by a TXT
// record, address records, a certificate. Where the project has a DNS zone for
// the name, the plugin sets the records; elsewhere it asks for them.
//
// Paths, bodies and statuses are those of the reference at
// developer.mittwald.de/docs/v2/reference/domain and of Mittwald's generated
// clients: an ingress is made with 201, its paths change with PATCH and 204, its
// TLS with PATCH and 200; verify-ownership and
// request-acme-certificate-issuance are actions without a body, which refuse
// with 400 and 404.
package main

import "siegel/plugins/sdk"

func main() { sdk.ServeHosting(&plugin{}) }
