// Package mail writes the mails about appointments, and those to privacy officers, and hands them to Amazon SES. Its
// rules: a mail says when and where, never why, and with whom only beside a link to a page that says it; one to a
// privacy officer names nobody at all; nothing that somebody typed can become a header, markup or a second recipient;
// and what is handed over is handed over once: only an answer that says that nothing was taken allows another try.
package mail

import (
	"bytes"
	"cmp"
	"fmt"
	"net/mail"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"

	"almanac/shared/fault"
	"almanac/shared/private"
)

// Kind is what a letter tells.
type Kind string

// The kinds of letters.
const (
	Booked    Kind = "booked"
	Moved     Kind = "moved"
	Cancelled Kind = "cancelled"
	Invited   Kind = "invited" // the link to a video visit
)

// Modes of an appointment, as a service names them. Any other is one in person.
const (
	Video     = "video"
	Telephone = "telephone"
)

// Person is a reader or sender of mail.
type Person struct{ Name, Email string }

// Place is the site that an appointment is at.
type Place struct{ Name, Address, Email, Phone string }

// Letter is all that a mail about an appointment is made of. It prints as "[redacted]".
type Letter struct {
	private.Hidden

	ID           string // of the delivery; the Message-ID is made of it
	Kind         Kind
	To           Person
	Organisation string // its name
	Site         Place
	Mode         string
	Link         string    // to the video visit; empty where it is not to be told
	Practitioner string    // whom the link's page names; told with the link only
	Appointment  string    // its id
	Sequence     int64     // of the appointment's changes that people are told of
	Start, End   time.Time // in the site's zone
	At           time.Time // when the letter is written
}

// Parcel is a finished mail with what SES must know of it. It prints as "[redacted]".
type Parcel struct {
	private.Hidden

	To   string
	Raw  []byte            // the mail as RFC 5322 has it
	Tags map[string]string // ids that SES repeats in its reports
}

// Writer writes letters. It is safe for concurrent use.
type Writer struct {
	from, host string
}

// NewWriter makes the Writer of mail from an address, which must be plain: "bookings@mail.example.org".
func NewWriter(from string) (*Writer, error) {
	from, err := address(from)
	if err != nil {
		return nil, fmt.Errorf("the address that mail is sent from: %w", err)
	}
	_, host, _ := strings.Cut(from, "@")
	return &Writer{from: from, host: host}, nil
}

// Write makes the mail of a letter. A patient's address that mail cannot be sent to is fault.Invalid "bad_address".
func (w *Writer) Write(l Letter) (Parcel, error) {
	to, err := address(l.To.Email)
	if err != nil {
		return Parcel{}, err
	}
	l = l.tidy()
	l.To.Email = to
	m := w.begin(l.ID, l.Site.Name, l.To, l.At, l.content())
	if l.Site.Email != "" {
		m.ReplyToMailAddress(&mail.Address{Name: l.Site.Name, Address: l.Site.Email})
	}
	if err := attach(m, l, w.from); err != nil {
		return Parcel{}, err
	}
	return pack(m, to)
}

// begin makes a mail of what it says; to must have been checked.
func (w *Writer) begin(id, from string, to Person, at time.Time, says content) *gomail.Msg {
	m := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	m.FromMailAddress(&mail.Address{Name: from, Address: w.from})
	m.ToMailAddress(&mail.Address{Name: to.Name, Address: to.Email})
	m.Subject(says.Subject)
	m.SetDateWithValue(at.UTC())
	// SES puts a Message-ID of its own in this one's place; the tags are what leads back from a report of it.
	m.SetMessageIDWithValue(id + "@" + w.host)
	m.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834: no automatic answer to this, please
	m.SetGenHeader(gomail.HeaderXAutoResponseSuppress, "All")
	m.SetGenHeader("Content-Language", "en-GB")
	m.SetBodyString(gomail.TypeTextPlain, says.text())
	m.AddAlternativeString(gomail.TypeTextHTML, says.html())
	return m
}

func pack(m *gomail.Msg, to string) (Parcel, error) {
	var raw bytes.Buffer
	if _, err := m.WriteTo(&raw); err != nil {
		return Parcel{}, fmt.Errorf("write mail: %w", err)
	}
	return Parcel{To: to, Raw: raw.Bytes()}, nil
}

func attach(m *gomail.Msg, l Letter, from string) error {
	method, cal := calendar(l, from)
	err := m.AttachReader("appointment.ics", strings.NewReader(cal),
		gomail.WithFileContentType(gomail.ContentType("text/calendar; charset=utf-8; method="+method)))
	if err != nil {
		return fmt.Errorf("attach calendar: %w", err)
	}
	return nil
}

// tidy makes every text that somebody typed a single line without characters that control anything. A site's address
// that mail cannot be sent to is left out.
func (l Letter) tidy() Letter {
	l.To.Name, l.Organisation, l.Practitioner = line(l.To.Name), line(l.Organisation), line(l.Practitioner)
	l.Site.Name, l.Site.Address, l.Site.Phone = line(l.Site.Name), line(l.Site.Address), line(l.Site.Phone)
	l.Site.Name = cmp.Or(l.Site.Name, l.Organisation, "Your clinic")
	if email, err := address(l.Site.Email); err == nil {
		l.Site.Email = email
	} else {
		l.Site.Email = ""
	}
	return l
}

const (
	longestLine    = 200 // runes of a name or an address in a letter
	longestAddress = 254 // RFC 5321, 4.5.3.1.3
	longestLocal   = 64  // RFC 5321, 4.5.3.1.1
)

// line makes a text one line: line breaks become commas, characters that control or reverse text go.
func line(text string) string {
	text = strings.ToValidUTF8(text, "")
	var lines []string
	for l := range strings.FieldsFuncSeq(text, breaks) {
		l = strings.Map(printable, l)
		if l = strings.Join(strings.Fields(l), " "); l != "" {
			lines = append(lines, strings.TrimSuffix(l, ","))
		}
	}
	runes := []rune(strings.Join(lines, ", "))
	return strings.TrimSpace(string(runes[:min(len(runes), longestLine)]))
}

func breaks(r rune) bool { return strings.ContainsRune("\r\n\v\f\u0085\u2028\u2029", r) }

// address gives a bare e-mail address that SES can send to: one, in ASCII, without a display name, quotes or comments.
// mail.ParseAddress alone takes more than that, and mail.Address writes what it is given.
func address(text string) (string, error) {
	local, domain, _ := strings.Cut(text, "@")
	a, err := mail.ParseAddress(text)
	if err != nil || a.Address != text || len(text) > longestAddress || len(local) > longestLocal ||
		strings.ContainsFunc(local, notLocal) || strings.ContainsFunc(domain, notHost) ||
		!strings.Contains(domain, ".") {
		return "", fault.New(fault.Invalid, "bad_address", "Mail cannot be sent to this address.")
	}
	return text, nil
}

func notLocal(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune(`"<>()[],;:@\`, r) }

func notHost(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '.'
}
