// Command siegel-plugin-hosting-1blu brings host names up at 1blu, which has no
// interface for programs: it shows the records that somebody has to set in
// 1blu's customer menu, and asks DNS until they are there. It does for every
// other provider without an interface, too.
package main

import "siegel/plugins/sdk"

func main() { sdk.ServeHosting(&plugin{}) }
