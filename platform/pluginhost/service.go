package pluginhost

import (
	"context"
	"strings"

	"github.com/hashicorp/go-plugin"

	"siegel/platform/fault"
	"siegel/plugins/sdk"
)

// service is what one kind of plugin speaks. Everything else of a process is
// the same for all.
type service struct {
	name        string // as in the file's name
	unavailable *fault.Error
	versions    func() map[int]plugin.PluginSet
	// dispense keeps the host's end of the started plugin in the instance.
	dispense func(*instance, plugin.ClientProtocol) (greeted, error)
}

// greeted is what every plugin answers first.
type greeted interface {
	Describe(ctx context.Context) (sdk.Description, error)
	Configure(ctx context.Context, s sdk.Settings) error
}

func (s service) filePrefix() string { return "siegel-plugin-" + s.name + "-" }

func smsService() service {
	return service{
		name: "sms", unavailable: ErrUnavailable, versions: sdk.Versions,
		dispense: func(in *instance, p plugin.ClientProtocol) (greeted, error) {
			client, err := sdk.Dispense(p)
			in.sms = client
			return client, err
		},
	}
}

func hostingService() service {
	return service{
		name: "hosting", unavailable: ErrHostingUnavailable, versions: sdk.HostingVersions,
		dispense: func(in *instance, p plugin.ClientProtocol) (greeted, error) {
			client, err := sdk.DispenseHosting(p)
			in.hosting = client
			return client, err
		},
	}
}

// serviceOf tells the service and the name of a plugin by its file's name.
func serviceOf(file string) (s service, name string, ok bool) {
	for _, s := range []service{smsService(), hostingService()} {
		if name, ok := strings.CutPrefix(file, s.filePrefix()); ok {
			return s, name, true
		}
	}
	return service{}, "", false
}
