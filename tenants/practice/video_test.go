package practice_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"siegel/tenants/practice"
)

// A provider's page is of https, and has the room at most once, where no host is.
func TestVideo_AnAddressIsAPageOfHTTPS(t *testing.T) {
	t.Parallel()
	for address, valid := range map[string]bool{
		"https://video.example/{room}":                       true,
		"https://video.example":                              true,
		"https://video.example:8443/wartezimmer":             true,
		"https://video.example/join?room={room}&lang=de":     true,
		"https://video.example/#/{room}":                     true,
		"https://praxis.video.example/r/{room}/patient":      true,
		"http://video.example/{room}":                        false,
		"HTTPS://video.example/{room}":                       false,
		"javascript:alert(1)//https://video.example/{room}":  false,
		"https://{room}.video.example/":                      false,
		"https://video.example/{room}/{room}":                false,
		"https://video.example/{name}":                       false,
		"https://name:word@video.example/{room}":             false,
		"https://video.example\\@evil.example/{room}":        false,
		"https://video.example/{room}\" onclick=\"alert(1)":  false,
		"https://video.example/a b":                          false,
		"https://video.example/%zz":                          false,
		"https://localhost/{room}":                           false,
		"https:///{room}":                                    false,
		"//video.example/{room}":                             false,
		"https://vidеo.example/{room}":                       false, // a Cyrillic letter
		"https://video.example/" + string(make([]byte, 300)): false,
	} {
		setup := practice.Setup{Practice: practice.Practice{Name: "P", Zone: "Europe/Berlin", Video: practice.Video{Provider: "Video GmbH", Address: address}}}
		if err := setup.Check(); valid != (err == nil) || !valid && !errors.Is(err, practice.ErrInvalidVideo) {
			t.Errorf("%q: %v, want valid: %t", address, err, valid)
		}
	}
}

// Patients learn that a service is by video and who carries it; the address of
// the page does not stand in the public profile.
func TestVideo_IsKeptWithTheOffer(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	_, tenant := f.open(t)
	put := func(rule practice.Rule) error {
		_, err := f.put(t, tenant, rule, true)
		return err
	}
	rules := f.rules(t, tenant)
	face, service := rules.Practice, rules.Services[0]
	video := practice.Video{Provider: "Video GmbH", Address: "https://video.example/{room}"}

	face.Video = video
	service.Held = practice.Either
	if err := errors.Join(put(face), put(service)); err != nil {
		t.Fatal(err)
	}
	rules = f.rules(t, tenant)
	if rules.Practice.Video != video || rules.Services[0].Held != practice.Either || rules.Services[1].Held != practice.InPerson {
		t.Errorf("kept: %+v, %q, %q", rules.Practice.Video, rules.Services[0].Held, rules.Services[1].Held)
	}
	public, err := json.Marshal(rules.Profile(f.clock.Now()))
	if err != nil {
		t.Fatal(err)
	}
	for said, wanted := range map[string]bool{`"video_provider":"Video GmbH"`: true, `"held":"either"`: true, "video.example": false, `"held":"in_person"`: false} {
		if strings.Contains(string(public), said) != wanted {
			t.Errorf("that the public profile has %s is not %t: %s", said, wanted, public)
		}
	}

	// Who is in a group meets the others: not in a room for one.
	group := service
	group.Seats, group.StepMinutes = 4, 240
	if err := put(group); !errors.Is(err, practice.ErrGroupVideo) {
		t.Errorf("a group, each in a room of their own: %v", err)
	}
	face.Video.Address = "https://video.example/group"
	if err := errors.Join(put(face), put(group)); err != nil {
		t.Errorf("a group at one address: %v", err)
	}
	face.Video = practice.Video{}
	if err := put(face); !errors.Is(err, practice.ErrNoVideo) {
		t.Errorf("the provider goes while a service needs it: %v", err)
	}
	group.Held = practice.InPerson
	if err := errors.Join(put(group), put(face)); err != nil {
		t.Errorf("the provider goes after the last service by video: %v", err)
	}
}
