package connector

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
)

// outlet is one of the practice's systems.
type outlet interface {
	// name is its own among the outlets of the folder, and stays.
	name() string
	// most is how many bookings it takes at a time.
	most() int
	// prepare may write what nobody reads yet. The mark comes with every hand.
	prepare(items []Item) (mark json.RawMessage, err error)
	// hand returns once the bookings are durable there. again says that it was
	// asked before, with the same mark, and perhaps did it.
	hand(ctx context.Context, items []Item, mark json.RawMessage, again bool) error
}

// Settings are what practice IT writes into settings.json.
type Settings struct {
	// Status is where the status page is; 127.0.0.1:8377 where empty, and none
	// for "off". It is on this computer alone.
	Status  string   `json:"status"`
	Outlets []Outlet `json:"outlets"`
	Busy    []BusyOf `json:"busy"`
}

// Outlet describes one outlet. Which fields count depends on Kind.
type Outlet struct {
	Kind string `json:"kind"` // gdt, ics, ics-folder, csv, jsonl, command, webhook, fhir
	Name string `json:"name"` // the kind where empty
	// Folder is that of gdt and ics-folder; File that of ics, csv and jsonl.
	Folder string `json:"folder"`
	File   string `json:"file"`
	// Does says what people find in their software: "calendar" entry, chart
	// "note", or "list"; how the status page tells what is left to do.
	Does string `json:"does"`
	// Command is a program and its arguments. It gets a booking as JSON on its
	// standard input; success is its exit code 0.
	Command []string `json:"command"`
	// URL is the webhook's, on this computer, or that of the FHIR server.
	URL string `json:"url"`
	// Token is sent to the FHIR server as a bearer token; Secret signs webhooks.
	Token  string `json:"token"`
	Secret string `json:"secret"`
	GDT    *GDT   `json:"gdt"`
}

// SettingsFile is the name of the settings in the state folder.
const SettingsFile = "settings.json"

const defaultStatus = "127.0.0.1:8377"

// ReadSettings reads the folder's; none are none.
func ReadSettings(dir string) (Settings, error) {
	var s Settings
	b, err := os.ReadFile(filepath.Join(dir, SettingsFile))
	if errors.Is(err, os.ErrNotExist) {
		err = nil
	} else if err == nil {
		if err = strict.Decode(b, &s); err != nil {
			err = fmt.Errorf("%s: %w", SettingsFile, err)
		}
	}
	if s.Status == "" {
		s.Status = defaultStatus
	}
	return s, err
}

var isName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,40}$`)

// outlets builds what the settings describe.
func (s Settings) outlets(dir string) ([]outlet, error) {
	var all []outlet
	seen := map[string]bool{}
	for _, o := range s.Outlets {
		if o.Name == "" {
			o.Name = o.Kind
		}
		if !isName.MatchString(o.Name) || seen[o.Name] {
			return nil, fmt.Errorf("%s: an outlet's name is missing, twice there, or not of a-z, 0-9 and hyphens: %q", SettingsFile, o.Name)
		}
		seen[o.Name] = true
		made, err := o.open(dir)
		if err != nil {
			return nil, fmt.Errorf("%s: outlet %s: %w", SettingsFile, o.Name, err)
		}
		all = append(all, made)
	}
	return all, nil
}

func (o Outlet) open(dir string) (outlet, error) {
	needs := func(what, value string) error {
		if value == "" {
			return fmt.Errorf("%s is missing", what)
		}
		return nil
	}
	staged := filepath.Join(dir, "outlet-"+o.Name)
	switch o.Kind {
	case "gdt":
		if err := needs("folder", o.Folder); err != nil {
			return nil, err
		}
		return newGDT(o)
	case "ics":
		return &icsFile{o, nil}, needs("file", o.File)
	case "ics-folder":
		return icsFolder{o}, needs("folder", o.Folder)
	case "csv":
		return &lines{o, staged, csvHead(), csvLine}, needs("file", o.File)
	case "jsonl":
		return &lines{o, staged, nil, jsonLine}, needs("file", o.File)
	case "command":
		if len(o.Command) == 0 {
			return nil, errors.New("command is missing")
		}
		return program{o}, nil
	case "webhook":
		return newWebhook(o)
	case "fhir":
		return newFHIR(o)
	default:
		return nil, fmt.Errorf("unknown kind %q", o.Kind)
	}
}
