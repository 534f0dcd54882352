package main

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"almanac/infra/sandbox/ses"
	"almanac/shared/access"
	"almanac/shared/booking"
	"almanac/shared/clinic"
	"almanac/shared/clinictest"
	"almanac/shared/event"
	"almanac/shared/id"
	"almanac/shared/table"
	"almanac/shared/video"
)

// calls is a bench whose appointments are by video, and the link that is asked for on them.
type calls struct {
	*bench
	video *video.Service
}

func newCalls(t *testing.T, with ...func(*dynamodb.Options)) *calls {
	t.Helper()
	c := &calls{bench: newBench(t, with...)}
	c.Change(t, func(k table.Clinic) []table.Item {
		c.Service.Mode, c.Service.Needs = clinic.Video, nil
		return []table.Item{{Key: k.Service(c.Service.ID), Value: c.Service, Version: 1}}
	})
	host := c.Employ(t, clinic.Staff{Roles: []access.Role{access.Clinician}, PractitionerID: c.Practitioners[0].ID})
	c.video = video.New(video.Parts{
		Table: c.Table, Keeper: c.Keeper, Directory: c.Directory, Diary: c.booking, Now: c.Clock.Now, ID: id.New,
		Accounts: video.Accounts{Of: func(context.Context, access.Caller, string) (video.Account, error) {
			return video.Account{Connection: id.New("con"), Subject: host, Usable: true}, nil
		}},
		Job: func(org string) access.Caller { return access.System(org, string(access.VideoRooms)) },
	})
	return c
}

func (c *calls) ask(t *testing.T, apt booking.Appointment) {
	t.Helper()
	if _, err := c.video.Email(t.Context(), c.By(t, clinictest.Receptionist), clinictest.Once(), apt.ID, false); err != nil {
		t.Fatal(err)
	}
}

// last gives the message of what happened last.
func (c *calls) last(t *testing.T) event.Message {
	t.Helper()
	all := c.outbox(t)
	return all[len(all)-1]
}

const invited = "Your video appointment on Tuesday 5 January 2027"

// The link is mailed at each asking; the mail of a move has it as well, and those of the booking and the cancellation
// have not. The token stands in the mails alone.
func TestDispatchLink(t *testing.T) {
	c := newCalls(t)
	apt := c.book(t, "2027-01-05T09:30")
	c.work(t, c.last(t))
	c.ask(t, apt)
	asked := c.last(t)
	for range 3 {
		c.work(t, asked)
	}
	apt = c.move(t, apt, "2027-01-06T14:00")
	c.work(t, c.last(t))
	c.work(t, asked)
	c.ask(t, apt)
	c.work(t, c.last(t))
	c.cancel(t, apt)
	c.work(t, c.last(t))
	c.subjects(t, booked, invited, moved, "Your video appointment on Wednesday 6 January 2027", cancelled)
	c.ledgerIs(t, apt.ID, "done", "done", "done", "done", "done")
	token, err := video.Links{Table: c.Table, Keeper: c.Keeper}.Of(t.Context(), access.System(c.Org, "test"), apt.ID)
	if err != nil || len(token) != 43 {
		t.Fatal(token, err)
	}
	link := public + "/v/" + token
	for n, m := range c.mails() {
		with := n >= 1 && n <= 3
		attached := strings.ReplaceAll(string(m.Attachments[0].Content), "\r\n ", "")
		if with != strings.Contains(m.Text, "Link: "+link+"\n") || with != strings.Contains(m.HTML, `<a href="`+link+`" style="overflow-wrap: anywhere; word-break: break-word">`+link+`</a>`) ||
			with != strings.Contains(m.Text, "With: "+c.Practitioners[0].Name+"\n") || with != strings.Contains(m.HTML+m.Text+attached, c.Practitioners[0].Name) ||
			with != strings.Contains(attached, "URL:"+link+"\r\n") {
			t.Errorf("%q: %s\n%s\n%s", m.Subject, m.Text, m.HTML, attached)
		}
		if strings.Contains(m.Text+m.HTML+attached, c.Service.Name) || !strings.Contains(m.Text, "How: by video call") {
			t.Errorf("%q: %s", m.Subject, m.Text)
		}
	}
	if m := c.mails()[1]; !strings.Contains(m.Text, "When: Tuesday 5 January 2027, 9:30am to 10am\n") || m.Calendar[0].Method != "REQUEST" ||
		m.Calendar[0].Events[0].UID != apt.ID {
		t.Errorf("%s\n%+v", m.Text, m.Calendar)
	}
	if strings.Contains(c.Log.String(), token) {
		t.Error("the token is in the log")
	}
	for _, item := range c.Stored(t) {
		if strings.Contains(strings.ToLower(text(item)), strings.ToLower(token)) {
			t.Errorf("the token is in the table: %s", item)
		}
	}
	c.clean(t)
}

// What comes between the asking and the mail: the mail tells what is so, or there is none.
func TestDispatchLinkLater(t *testing.T) {
	for name, x := range map[string]struct {
		change func(*testing.T, *calls, booking.Appointment)
		ledger string
		tells  string
	}{
		"a move": {func(t *testing.T, c *calls, apt booking.Appointment) {
			t.Helper()
			c.move(t, apt, "2027-01-06T14:00")
		}, "done", "When: Wednesday 6 January 2027, 2pm to 2:30pm"},
		"a cancellation": {func(t *testing.T, c *calls, apt booking.Appointment) {
			t.Helper()
			c.cancel(t, apt)
		}, "skipped superseded", ""},
		"the appointment itself": {func(_ *testing.T, c *calls, apt booking.Appointment) { c.Clock.Set(apt.End) }, "skipped over", ""},
		"an outage of the mail": {func(t *testing.T, c *calls, _ booking.Appointment) {
			t.Helper()
			c.fails(t, ses.Throttle, 3)
		}, "done", "When: Tuesday 5 January 2027, 9:30am to 10am"},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCalls(t)
			apt := c.book(t, "2027-01-05T09:30")
			c.work(t, c.last(t))
			c.ses.Empty()
			c.ask(t, apt)
			m := c.last(t)
			x.change(t, c, apt)
			for range 5 {
				c.work(t, m)
				c.Clock.Pass(time.Second)
			}
			all := c.ledger(t, apt.ID)
			if all[1] != x.ledger {
				t.Errorf("the ledger says %q, want %q", all[1], x.ledger)
			}
			mails := c.mails()
			if (len(mails) == 1) != (x.tells != "") || x.tells != "" && !strings.Contains(mails[0].Text, x.tells) {
				t.Errorf("%+v", mails)
			}
		})
	}
}

// The appointment is moved at any moment while its mail is written: it is written anew, unless it was handed over by
// then.
func TestDispatchLinkOvertaken(t *testing.T) {
	var moment clinictest.Moment
	c := newCalls(t, moment.Option())
	late := 0
	for at := 1; ; at++ {
		apt := c.book(t, "2027-01-05T09:30")
		c.ask(t, apt)
		m := c.last(t)
		moment.At(at, func() { apt = c.move(t, apt, "2027-01-06T14:00") })
		c.work(t, m)
		came := moment.Came()
		c.work(t, m)
		mails := c.mails()
		if len(mails) != 1 {
			t.Fatalf("moved before call %d: %d mails", at, len(mails))
		}
		if came && strings.Contains(mails[0].Text, "Tuesday 5") {
			late++
		}
		c.ses.Empty()
		c.cancel(t, apt)
		if came {
			continue
		}
		if at < 6 || late != 1 { // between the handing over and the note of it
			t.Errorf("of %d moments, the mail tells the old time after %d", at-1, late)
		}
		return
	}
}

func text(item map[string]any) string {
	var b strings.Builder
	for name, v := range item {
		b.WriteString(name)
		switch v := v.(type) {
		case string:
			b.WriteString(v)
		case []byte:
			b.Write(v)
		case map[string]any:
			b.WriteString(text(v))
		}
	}
	return b.String()
}
