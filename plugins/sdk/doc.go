// Package sdk is what a provider plugin and its host agree on.
//
// A plugin is a process of its own that implements [SMS] and calls [ServeSMS]
// from main, or [Hosting] and [ServeHosting]; the host talks to it by gRPC over
// a Unix socket, under mutual TLS whose keys live as long as the process. A
// plugin in another language implements proto/sms/v1/sms.proto or
// proto/hosting/v1/hosting.proto and the handshake of hashicorp/go-plugin.
//
// What only some providers have is a [Capability] that [SMS.Describe] names and
// an interface beside [SMS]: a [DeliveryParser] reads the provider's reports on
// what became of messages, a [Balancer] asks for the account's balance. A host
// looks at the capabilities before it calls. Package outbound is how our own
// plugins call their providers, package conformance the suite that all pass.
//
// The sdk promises both sides that what arrives was checked: a message has an
// id, a number in E.164 and a text; a receipt, a description and an error are
// bounded and safe to log; a host name, a record and a challenge are well-formed.
// It does not promise that a message is sent once: the host repeats a Send whose
// answer it lost, under the same id.
package sdk

//go:generate sh -c "cd ../.. && protoc -I plugins/sdk/proto --plugin=protoc-gen-go=$(go tool -modfile=platform/tools/proto.mod -n protoc-gen-go) --plugin=protoc-gen-go-grpc=$(go tool -modfile=platform/tools/proto.mod -n protoc-gen-go-grpc) --go_out=plugins/sdk/proto --go_opt=paths=source_relative --go-grpc_out=plugins/sdk/proto --go-grpc_opt=paths=source_relative sms/v1/sms.proto hosting/v1/hosting.proto"
