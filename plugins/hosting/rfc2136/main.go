// Command siegel-plugin-hosting-rfc2136 sets records in a DNS server of one's
// own, such as BIND, Knot or PowerDNS, by dynamic updates (RFC 2136) that are
// signed with a TSIG key (RFC 8945).
package main

import "siegel/plugins/sdk"

func main() { sdk.ServeHosting(newPlugin()) }
