// Command siegel-plugin-hosting-ionos sets DNS records at IONOS (formerly
// 1&1), with its DNS API v1.
//
// PATCH there replaces all records of a name and type, and PUT the whole zone;
// this plugin uses neither: it adds records, and removes single ones by their
// id, so that what somebody else sets at the same moment stays.
package main

import "siegel/plugins/sdk"

func main() { sdk.ServeHosting(newPlugin()) }
