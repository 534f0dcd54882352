package ses_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	"github.com/aws/aws-sdk-go-v2/service/sesv2/types"
	smithy "github.com/aws/smithy-go"

	"almanac/infra/sandbox"
	"almanac/infra/sandbox/ses"
)

const (
	from = "appointments@almanac.example.com"
	to   = "pat@example.net"
)

// raw is a mail as Almanac would send one: text, HTML and an invitation.
const raw = "From: \"Elm Road Surgery\" <appointments@almanac.example.com>\r\n" +
	"To: Pat Example <pat@example.net>\r\n" +
	"Bcc: hidden@example.net\r\n" +
	"Subject: =?utf-8?q?Your_appointment_=E2=80=93_Elm_Road?=\r\n" +
	"Message-ID: <our-own@almanac.example.com>\r\n" +
	"Date: Mon, 02 Jan 2006 15:04:05 -0700\r\n" +
	"X-Almanac-Event: evt_1\r\n" +
	"MIME-Version: 1.0\r\n" +
	"Content-Type: multipart/mixed; boundary=outer\r\n\r\n" +
	"--outer\r\nContent-Type: multipart/alternative; boundary=inner\r\n\r\n" +
	"--inner\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n" +
	"Dear Pat Example,\r\n\r\nJoin at https://almanac.example.com/j/abc=3Dx. It costs =C2=A30.\r\n" +
	"--inner\r\nContent-Type: text/html; charset=iso-8859-1\r\n\r\n" +
	"<p>Dear Pat <a href=\"https://almanac.example.com/j/abc?x&amp;y\">Join</a> <script>alert(1)</script> \xa30</p>\r\n" +
	"--inner--\r\n" +
	"--outer\r\nContent-Type: text/calendar; charset=utf-8; method=REQUEST; name=\"invite.ics\"\r\n" +
	"Content-Disposition: attachment; filename=\"invite.ics\"\r\nContent-Transfer-Encoding: base64\r\n\r\n" +
	"QkVHSU46VkNBTEVOREFSDQpNRVRIT0Q6UkVRVUVTVA0KQkVHSU46VkVWRU5UDQpVSUQ6YXB0XzFA\r\n" +
	"YWxtYW5hYw0KU0VRVUVOQ0U6Mg0KU1VNTUFSWTpBcHBvaW50bWVudFwsIEVsbSBSb2FkDQpEVFNU\r\n" +
	"QVJUOjIwMjcwNzAxVDA4MzAwMFoNCkRURU5EOjIwMjcwNzAxVDA5MDAwMFoNCk9SR0FOSVpFUjtD\r\n" +
	"Tj0iRWxtOyBSb2FkIjptYWlsdG86YXBwb2ludG1lbnRzQGFsbWFuYWMuZXhhbXBsZS5jb20NCkRF\r\n" +
	"U0NSSVBUSU9OOkNvbWUgYSBsaXR0bGUNCiAgZWFybHlcbnBsZWFzZQ0KRU5EOlZFVkVOVA0KRU5E\r\n" +
	"OlZDQUxFTkRBUg0K\r\n" +
	"--outer--\r\n"

type stand struct {
	*ses.Server
	t      *testing.T
	url    string
	http   *http.Client
	client *sesv2.Client
}

func newStand(t *testing.T, change ...func(*ses.Config)) *stand {
	t.Helper()
	c := ses.Config{
		Identities: []string{"almanac.example.com", "solo@example.org"}, ConfigurationSets: []string{"almanac"},
		Now:    func() time.Time { return time.Date(2026, 11, 21, 9, 5, 0, 0, time.UTC) },
		Lookup: func(string) (string, bool) { return "", false },
	}
	for _, f := range change {
		f(&c)
	}
	server, err := ses.New(c)
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(server)
	t.Cleanup(srv.Close)
	client := sesv2.New(sesv2.Options{
		Region: "eu-west-2", BaseEndpoint: &srv.URL, Retryer: aws.NopRetryer{}, HTTPClient: srv.Client(),
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "local", SecretAccessKey: "local"}, nil
		}),
	})
	return &stand{Server: server, t: t, url: srv.URL, http: srv.Client(), client: client}
}

// send sends a raw mail and returns its ID.
func (s *stand) send(data string, change ...func(*sesv2.SendEmailInput)) (string, error) {
	in := &sesv2.SendEmailInput{
		FromEmailAddress: aws.String(from), Destination: &types.Destination{ToAddresses: []string{to}},
		Content: &types.EmailContent{Raw: &types.RawMessage{Data: []byte(data)}},
	}
	for _, f := range change {
		f(in)
	}
	out, err := s.client.SendEmail(s.t.Context(), in)
	if err != nil {
		return "", err
	}
	return *out.MessageId, nil
}

// reply is an answer whose body was read.
type reply struct {
	Status int
	Header http.Header
}

func (s *stand) do(method, path, body string) (reply, string) {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), method, s.url+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	resp, err := s.http.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return reply{resp.StatusCode, resp.Header}, string(text)
}

func (s *stand) mails(query string) []ses.Mail {
	s.t.Helper()
	resp, body := s.do("GET", "/mailbox.json"+query, "")
	var list []ses.Mail
	if err := json.Unmarshal([]byte(body), &list); err != nil || resp.Status != 200 {
		s.t.Fatalf("mailbox.json: %d %v\n%s", resp.Status, err, body)
	}
	return list
}

func TestSendRaw(t *testing.T) {
	s := newStand(t)
	id, err := s.send(raw, func(in *sesv2.SendEmailInput) {
		in.ConfigurationSetName = aws.String("almanac")
		in.EmailTags = []types.MessageTag{{Name: aws.String("kind"), Value: aws.String("booked")}}
	})
	if err != nil {
		t.Fatal(err)
	}
	list := s.mails("?to=PAT@example.net")
	if len(list) != 1 || list[0].ID != id {
		t.Fatalf("mailbox holds %+v", list)
	}
	m := list[0]
	for name, pair := range map[string][2]string{
		"subject": {m.Subject, "Your appointment – Elm Road"}, "from": {m.From, `"Elm Road Surgery" <` + from + ">"},
		"text":          {m.Text, "Dear Pat Example,\n\nJoin at https://almanac.example.com/j/abc=x. It costs £0."},
		"Message-ID":    {m.SentMessageID, "<our-own@almanac.example.com>"},
		"configuration": {m.ConfigurationSet, "almanac"}, "recipients": {strings.Join(m.Recipients, " "), to},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s is %q, want %q", name, pair[0], pair[1])
		}
	}
	if !strings.Contains(m.HTML, "£0") {
		t.Errorf("HTML %q", m.HTML)
	}
}

func TestAttachmentAndCalendar(t *testing.T) {
	s := newStand(t)
	if _, err := s.send(raw); err != nil {
		t.Fatal(err)
	}
	m := s.mails("")[0]
	if len(m.Attachments) != 1 || m.Attachments[0].Name != "invite.ics" || m.Attachments[0].Type != "text/calendar" ||
		!strings.HasPrefix(string(m.Attachments[0].Content), "BEGIN:VCALENDAR") {
		t.Errorf("attachments %+v", m.Attachments)
	}
	want := []ses.Calendar{{Method: "REQUEST", Events: []ses.Event{{
		UID: "apt_1@almanac", Sequence: 2, Summary: "Appointment, Elm Road", Start: "2027-07-01T08:30:00Z",
		End: "2027-07-01T09:00:00Z", When: "Thursday 1 July 2027, 9:30am to 10am (BST)",
		Organiser: "Elm; Road <" + from + ">", Description: "Come a little early\nplease",
	}}}}
	if fmt.Sprint(m.Calendar) != fmt.Sprint(want) {
		t.Errorf("calendar %+v\nwant %+v", m.Calendar, want)
	}
}

func TestHeadersAreRewrittenAsSESDoes(t *testing.T) {
	s := newStand(t)
	id, err := s.send(strings.Replace(raw, "Bcc: hidden@", "Bcc:\r\n hidden@", 1))
	if err != nil {
		t.Fatal(err)
	}
	_, source := s.do("GET", "/mailbox/"+id+"/raw", "")
	head, _, _ := strings.Cut(source, "\r\n\r\n")
	if strings.Contains(head, "hidden") || strings.Contains(head, "our-own") || strings.Contains(head, "2006") {
		t.Errorf("Bcc, Message-ID or Date were left:\n%s", head)
	}
	for _, want := range []string{"Message-ID: <" + id + "@eu-west-2.amazonses.com>", "X-Almanac-Event: evt_1"} {
		if !strings.Contains(head, want) {
			t.Errorf("%q is missing:\n%s", want, head)
		}
	}
}

func TestSendSimple(t *testing.T) {
	s := newStand(t)
	utf8 := func(text string) *types.Content { return &types.Content{Data: &text, Charset: aws.String("UTF-8")} }
	long := strings.Repeat("Ä long sübject ", 20)
	in := &sesv2.SendEmailInput{
		FromEmailAddress: aws.String("Zoë <solo@example.org>"),
		Destination:      &types.Destination{ToAddresses: []string{to}, BccAddresses: []string{"b@example.net"}},
		Content: &types.EmailContent{Simple: &types.Message{
			Subject: utf8(long), Body: &types.Body{Text: utf8("Grüße"), Html: utf8("<p>Grüße")},
			Headers:     []types.MessageHeader{{Name: aws.String("X-One"), Value: aws.String("1")}},
			Attachments: []types.Attachment{{FileName: aws.String("ä.pdf"), RawContent: []byte("%PDF"), ContentType: aws.String("application/pdf")}},
		}},
	}
	if _, err := s.client.SendEmail(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	m := s.mails("?to=b@example.net")[0]
	if m.Subject != long || m.Text != "Grüße" || m.HTML != "<p>Grüße" || m.From != "Zoë <solo@example.org>" ||
		len(m.Attachments) != 1 || m.Attachments[0].Name != "ä.pdf" || string(m.Attachments[0].Content) != "%PDF" {
		t.Errorf("%+v", m)
	}
	if slices.ContainsFunc(m.Headers, func(h ses.Header) bool { return strings.Contains(h.Value, "b@example.net") }) {
		t.Error("the message names a blind copy")
	}
}

// kind is the API's name for an error.
func kind(err error) string {
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		return api.ErrorCode()
	}
	return fmt.Sprint(err)
}

func TestRefusals(t *testing.T) {
	s := newStand(t)
	text := func(head string) string { return head + "\r\n\r\nbody\r\n" }
	toMany := func(in *sesv2.SendEmailInput) { in.Destination.ToAddresses = slices.Repeat([]string{to}, 51) }
	toOne := func(address string) func(*sesv2.SendEmailInput) {
		return func(in *sesv2.SendEmailInput) { in.Destination.ToAddresses = []string{address} }
	}
	none := func(in *sesv2.SendEmailInput) { in.Destination, in.FromEmailAddress = nil, nil }
	for _, c := range []struct {
		name, data, want string
		change           func(*sesv2.SendEmailInput)
	}{
		{"sender not verified", text("From: x@other.example"), "MessageRejected", none},
		{"envelope sender not verified", raw, "MessageRejected", func(in *sesv2.SendEmailInput) { in.FromEmailAddress = aws.String("x@other.example") }},
		{"neighbour of a verified address", text("From: other@example.org\r\nTo: a@example.net"), "MessageRejected", none},
		{"domain that ends alike", text("From: a@notalmanac.example.com"), "MessageRejected", none},
		{"no From", text("To: a@example.net"), "BadRequestException", none},
		{"two Froms", text("From: " + from + "\r\nFrom: " + from), "BadRequestException", nil},
		{"two people in From", text("From: " + from + ", solo@example.org"), "BadRequestException", nil},
		{"two subjects", text("From: " + from + "\r\nSubject: a\r\nSubject: b"), "BadRequestException", nil},
		{"nobody to send to", text("From: " + from), "BadRequestException", none},
		{"no header at all", "hello", "BadRequestException", nil},
		{"empty message", "\r\n", "BadRequestException", nil},
		{"51 recipients", raw, "BadRequestException", toMany},
		{"51 recipients in the headers", text("From: " + from + "\r\nTo: " + strings.Repeat(to+",\r\n ", 50) + to), "BadRequestException", none},
		{"no domain", raw, "BadRequestException", toOne("pat")},
		{"half a domain", raw, "BadRequestException", toOne("pat@localhost")},
		{"line break in an address", raw, "BadRequestException", toOne("pat@example.net\r\nBcc: all@example.net")},
		{"line break quoted in an address", raw, "BadRequestException", toOne("\"a\r\nBcc: b@c\"@example.net")},
		{"line break in a display name", raw, "BadRequestException", toOne("\"a\r\nBcc: b@c.example\" <pat@example.net>")},
		{"tab in a display name", raw, "BadRequestException", toOne("Pat\tExample <pat@example.net>")},
		{"two addresses in one", raw, "BadRequestException", toOne("a@example.net, b@example.net")},
		{"umlaut in the local part", raw, "BadRequestException", toOne("pät@example.net")},
		{"umlaut in the domain", raw, "BadRequestException", toOne("pat@exämple.net")},
		{"space in the local part", raw, "BadRequestException", toOne("\"a b\"@example.net")},
		{"umlaut in a header", text("From: " + from + "\r\nSubject: grüß"), "BadRequestException", nil},
		{"control character in a header", text("From: " + from + "\r\nSubject: a\x01b"), "BadRequestException", nil},
		{"NUL in the body", "From: " + from + "\r\n\r\na\x00b", "BadRequestException", nil},
		{"line of 999", "From: " + from + "\r\n\r\n" + strings.Repeat("x", 999), "BadRequestException", nil},
		{"multipart without boundary", text("From: " + from + "\r\nContent-Type: multipart/mixed"), "BadRequestException", nil},
		{"multipart without parts", text("From: " + from + "\r\nContent-Type: multipart/mixed; boundary=x"), "BadRequestException", nil},
		{"multipart cut short", raw[:len(raw)-20], "BadRequestException", nil},
		{"broken base64", text("From: " + from + "\r\nContent-Transfer-Encoding: base64\r\n\r\na!"), "BadRequestException", nil},
		{"unknown encoding", text("From: " + from + "\r\nContent-Transfer-Encoding: uuencode"), "BadRequestException", nil},
		{"unknown charset", text("From: " + from + "\r\nContent-Type: text/plain; charset=klingon"), "BadRequestException", nil},
		{"unknown configuration set", raw, "NotFoundException", func(in *sesv2.SendEmailInput) { in.ConfigurationSetName = aws.String("other") }},
		{"bad tag", raw, "BadRequestException", func(in *sesv2.SendEmailInput) {
			in.EmailTags = []types.MessageTag{{Name: aws.String("a b"), Value: aws.String("c")}}
		}},
		{"template", raw, "BadRequestException", func(in *sesv2.SendEmailInput) {
			in.Content = &types.EmailContent{Template: &types.Template{TemplateName: aws.String("t"), TemplateData: aws.String("{}")}}
		}},
		{"nothing to send", raw, "BadRequestException", func(in *sesv2.SendEmailInput) { in.Content = &types.EmailContent{} }},
		{"line break in a simple subject", raw, "BadRequestException", func(in *sesv2.SendEmailInput) {
			in.Content = &types.EmailContent{Simple: &types.Message{
				Subject: &types.Content{Data: aws.String("a\r\nBcc: b@example.net")},
				Body:    &types.Body{Text: &types.Content{Data: aws.String("x")}},
			}}
		}},
		{"line break in a simple header", raw, "BadRequestException", func(in *sesv2.SendEmailInput) {
			in.Content = &types.EmailContent{Simple: &types.Message{
				Subject: &types.Content{Data: aws.String("a")}, Body: &types.Body{Text: &types.Content{Data: aws.String("x")}},
				Headers: []types.MessageHeader{{Name: aws.String("X-A"), Value: aws.String("a\r\nBcc: b@example.net")}},
			}}
		}},
	} {
		if c.change == nil {
			c.change = func(*sesv2.SendEmailInput) {}
		}
		if _, err := s.send(c.data, c.change); kind(err) != c.want {
			t.Errorf("%s: %v, want %s", c.name, err, c.want)
		}
	}
	if n := len(s.Mails("")); n != 0 {
		t.Errorf("%d refused mails were kept", n)
	}
}

func TestMessageSize(t *testing.T) {
	const limit = 64 << 10
	s := newStand(t, func(c *ses.Config) { c.MaxMessage = limit })
	head := "From: " + from + "\r\n\r\n"
	body := strings.Repeat("x\r\n", limit)[:limit-len(head)]
	for what, c := range map[string]struct{ data, want string }{
		"at the limit":          {head + body, "<nil>"},
		"a byte above":          {head + body + "x", "BadRequestException"},
		"above what is read of": {head + strings.Repeat(body, 40), "BadRequestException"},
	} {
		if _, err := s.send(c.data); kind(err) != c.want {
			t.Errorf("%s: %v, want %s", what, err, c.want)
		}
	}
	if _, err := newStand(t).send(head + body + "x"); err != nil {
		t.Errorf("SES's own limit is 40 MB: %v", err)
	}
}

func TestRequestsThatAreNotTheAPI(t *testing.T) {
	s := newStand(t)
	if resp, _ := s.do("POST", "/v2/email/outbound-emails", `{}`); resp.Status != 403 {
		t.Errorf("unsigned request: %d", resp.Status)
	}
	signed := func(body, origin string) int {
		r := httptest.NewRequestWithContext(t.Context(), "POST", "http://localhost/v2/email/outbound-emails", strings.NewReader(body))
		r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=a/20261121/eu-west-2/ses/aws4_request, SignedHeaders=host, Signature=0")
		r.Header.Set("Sec-Fetch-Site", origin)
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		return w.Code
	}
	for _, body := range []string{"", "{", "[]", `{"Content":{"Raw":{"Data":"!"}}}`, `{"Typo":1}`, `{}{}`} {
		if status := signed(body, "none"); status != 400 {
			t.Errorf("%q: %d", body, status)
		}
	}
	if status := signed("{}", "cross-site"); status != 403 {
		t.Errorf("a foreign page: %d", status)
	}
	if _, err := s.client.GetAccount(t.Context(), &sesv2.GetAccountInput{}); kind(err) != "UnknownOperationException" {
		t.Errorf("unknown operation: %v", err)
	}
}

func TestConfig(t *testing.T) {
	for name, c := range map[string]ses.Config{
		"no identity": {}, "bad identity": {Identities: []string{"a b"}}, "half an address": {Identities: []string{"a@"}},
	} {
		c.Lookup = func(string) (string, bool) { return "", false }
		if _, err := ses.New(c); !errors.Is(err, ses.ErrConfig) {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err := ses.New(ses.Config{Lookup: func(name string) (string, bool) { return "", name == "AWS_LAMBDA_FUNCTION_NAME" }})
	if !errors.Is(err, sandbox.ErrOnLambda) {
		t.Errorf("on Lambda: %v", err)
	}
}
