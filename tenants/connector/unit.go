package connector

import (
	"context"
	"errors"
	"fmt"
	"html"
	"os"
	"strings"
	"time"
)

// Unit is what makes a system run the connector as a service: a unit of systemd,
// a property list of launchd, or the command that registers a task of Windows.
func Unit(system, binary, state string) string {
	switch system {
	case "windows":
		return fmt.Sprintf("schtasks /Create /TN \"Siegel Connector\" /SC ONSTART /RL LIMITED /RU \"%%USERDOMAIN%%\\%%USERNAME%%\" /RP * /TR \"\\\"%s\\\" connector run --state \\\"%s\\\"\"\r\n", binary, state)
	case "launchd":
		return fmt.Sprintf(`<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0"><dict>
  <key>Label</key><string>siegel.connector</string>
  <key>ProgramArguments</key><array><string>%s</string><string>connector</string><string>run</string><string>--state</string><string>%s</string></array>
  <key>RunAtLoad</key><true/>
  <key>KeepAlive</key><true/>
</dict></plist>
`, html.EscapeString(binary), html.EscapeString(state))
	default:
		quote := strings.NewReplacer(`\`, `\\`, `"`, `\"`, "%", "%%", "$", "$$")
		return fmt.Sprintf(`[Unit]
Description=Siegel Connector
Wants=network-online.target
After=network-online.target

[Service]
ExecStart="%s" connector run --state "%s"
Restart=always
RestartSec=5
NoNewPrivileges=yes
PrivateTmp=yes
LimitCORE=0

[Install]
WantedBy=multi-user.target
`, quote.Replace(binary), quote.Replace(state))
	}
}

// Try hands an example, which is nobody, over to every outlet of the settings
// in a folder, and says what each made of it.
func Try(ctx context.Context, dir string) (map[string]string, error) {
	s, err := ReadSettings(dir)
	if err != nil {
		return nil, err
	}
	work, err := os.MkdirTemp("", "siegel-connector-try-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(work)
	all, err := s.outlets(work)
	if err != nil {
		return nil, err
	}
	starts := time.Now().UTC().Truncate(time.Hour).Add(24 * time.Hour)
	example := Item{
		Event: "00000000-0000-7000-8000-000000000000-1", Kind: Booked, Booking: "00000000-0000-7000-8000-000000000000", Version: 1, Status: "booked", Source: "online",
		Starts: starts, Ends: starts.Add(20 * time.Minute), Zone: "Europe/Berlin", Service: "Probe", Practitioner: "Dr. Probe", Location: "Probe",
		Family: "Probe", Given: "Siegel", BirthDate: "1970-01-01", Language: "de",
	}
	report := map[string]string{}
	var failed error
	for _, o := range all {
		if _, whole := o.(*icsFile); whole {
			report[o.name()] = "holds all appointments: not tried"
			continue
		}
		mark, err := o.prepare([]Item{example})
		if err == nil {
			err = o.hand(ctx, []Item{example}, mark, false)
		}
		report[o.name()] = "works"
		if err != nil {
			report[o.name()] = err.Error()
			failed = errors.New("an outlet does not work")
		}
	}
	return report, failed
}
