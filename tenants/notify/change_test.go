package notify_test

import (
	"strings"
	"testing"

	"siegel/tenants/booking"
	"siegel/tenants/notify"
)

func TestWhatBecameOfAnAppointmentIsSaid(t *testing.T) {
	t.Parallel()
	for _, language := range []string{"de", "en"} {
		for _, change := range []booking.Change{booking.ChangeBooked, booking.ChangeMoved, booking.ChangeCancelled} {
			t.Run(language+"/"+string(change), func(t *testing.T) {
				t.Parallel()
				d := newDesk()
				d.out.Language, d.out.Change, d.out.Code = language, change, ""
				d.out.Link = ""
				if change == booking.ChangeCancelled {
					d.out.Link, d.out.ICS = "https://praxis.example", "BEGIN:VCALENDAR\r\nMETHOD:CANCEL\r\nEND:VCALENDAR\r\n"
				}
				b := setup(t, d)
				if err := b.carry(t, notify.ChangeMail); err != nil {
					t.Fatal(err)
				}
				l := read(t, b.one(t).data)
				golden(t, language+"_change_mail_"+string(change), "Subject: "+l.subject+"\n\n"+l.text)
				if cancelled := strings.Contains(l.calendarType, "method=CANCEL"); cancelled != (change == booking.ChangeCancelled) {
					t.Errorf("the calendar is %q", l.calendarType)
				}
				d.out.Address = "+4915112345678"
				if err := b.carry(t, notify.ChangeSMS); err != nil {
					t.Fatal(err)
				}
				golden(t, language+"_change_sms_"+string(change), b.texts[0].Text+"\n")
				if n := septetsOf(t, b.texts[0].Text); n > 160 {
					t.Errorf("%d septets: %q", n, b.texts[0].Text)
				}
			})
		}
	}
}
