package ses

import (
	"bytes"
	"fmt"
	"net/mail"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
)

// once are the headers of which RFC 5322, 3.6 allows one.
func once() []string {
	return []string{
		"Date", "From", "Sender", "Reply-To", "To", "Cc", "Bcc", "Message-Id", "In-Reply-To", "References", "Subject",
		"Mime-Version", "Content-Type", "Content-Transfer-Encoding", "Return-Path",
	}
}

// compose makes the mail that would be delivered.
func (s *Server) compose(in input) (Mail, error) {
	var raw []byte
	if in.Content.Raw != nil {
		raw = in.Content.Raw.Data
	} else {
		var err error
		if raw, err = in.Content.Simple.raw(in); err != nil {
			return Mail{}, err
		}
	}
	msg, err := s.checkRaw(raw, in.FromEmailAddress)
	if err != nil {
		return Mail{}, err
	}
	to, err := recipients(in, msg)
	if err != nil {
		return Mail{}, err
	}
	m := Mail{
		ID: s.newID(), At: s.config.Now(), Recipients: to,
		ConfigurationSet: in.ConfigurationSetName, Tags: in.EmailTags,
		SentMessageID: msg.Header.Get("Message-Id"),
	}
	m.source = s.deliver(raw, m)
	m.Size = len(m.source)
	if err := m.parse(); err != nil {
		return Mail{}, bad("The message is not well-formed MIME: %s", err)
	}
	return m, nil
}

// checkRaw applies SES's rules for raw messages.
func (s *Server) checkRaw(raw []byte, from string) (*mail.Message, error) {
	if len(raw) > s.config.MaxMessage {
		return nil, bad("Message length is more than %d bytes long: '%d'.", s.config.MaxMessage, len(raw))
	}
	if err := checkLines(raw); err != nil {
		return nil, err
	}
	msg, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		return nil, bad("The raw message cannot be parsed: %s", err)
	}
	if from != "" {
		if err := s.checkVerified(from); err != nil {
			return nil, err
		}
	}
	return msg, s.checkHeaders(msg)
}

func (s *Server) checkHeaders(msg *mail.Message) error {
	for _, name := range once() {
		if len(msg.Header[name]) > 1 {
			return bad("Duplicate header '%s'.", name)
		}
	}
	if msg.Header.Get("From") == "" {
		return bad("Missing required header 'From'.")
	}
	senders := []string{"From", "Sender", "Return-Path"}
	for _, name := range slices.Concat(senders, []string{"Reply-To", "To", "Cc", "Bcc"}) {
		if err := s.checkAddresses(msg, name, slices.Contains(senders, name)); err != nil {
			return err
		}
	}
	return nil
}

func (s *Server) checkAddresses(msg *mail.Message, name string, verified bool) error {
	if msg.Header.Get(name) == "" {
		return nil
	}
	list, err := addresses(msg, name)
	if err != nil {
		return err
	}
	if verified && len(list) != 1 {
		return bad("Header '%s' must have one address.", name)
	}
	for _, a := range list {
		if !verified {
			err = checkAddress(a)
		} else {
			err = s.checkVerified(a)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// addresses returns the bare addresses in a header.
func addresses(msg *mail.Message, name string) ([]string, error) {
	list, err := msg.Header.AddressList(name)
	if err != nil {
		return nil, bad("Illegal address in header '%s': %s", name, err)
	}
	var bare []string
	for _, a := range list {
		bare = append(bare, a.Address)
	}
	return bare, nil
}

// checkLines refuses lines above 1,000 bytes (RFC 5321, 4.5.3.1.6), NUL bytes and headers beyond ASCII.
func checkLines(raw []byte) error {
	inHeader := true
	n := -1
	for line := range bytes.SplitSeq(raw, []byte("\n")) {
		n++
		line = bytes.TrimSuffix(line, []byte("\r"))
		if len(line) == 0 {
			inHeader = false
		}
		switch {
		case len(line) > 998:
			return bad("Line %d is longer than 998 characters.", n+1)
		case bytes.IndexByte(line, 0) >= 0 || bytes.IndexByte(line, '\r') >= 0:
			return bad("Line %d contains a NUL or a bare CR.", n+1)
		case inHeader && bytes.ContainsFunc(line, func(r rune) bool { return r > '~' || (r < ' ' && r != '\t') }):
			return bad("Header line %d contains control or non-ASCII characters.", n+1)
		}
	}
	return nil
}

// recipients are those of the request, or else those the headers name.
func recipients(in input, msg *mail.Message) ([]string, error) {
	var to []string
	for _, a := range in.Destination.all() {
		bare, err := parseOne(a)
		if err != nil {
			return nil, err
		}
		to = append(to, bare)
	}
	if len(to) == 0 {
		for _, name := range []string{"To", "Cc", "Bcc"} {
			if msg.Header.Get(name) == "" {
				continue
			}
			list, err := addresses(msg, name)
			if err != nil {
				return nil, err
			}
			to = append(to, list...)
		}
	}
	switch {
	case len(to) == 0:
		return nil, bad("Missing required destination.")
	case len(to) > maxRecipients:
		return nil, bad("Recipient count exceeds %d.", maxRecipients)
	}
	return to, nil
}

// newID has the form of an SES message ID.
func (s *Server) newID() string {
	return fmt.Sprintf("010b%012x-%s-000000", s.config.Now().UnixMilli(), uuid.NewString())
}

// deliver changes the headers as SES does: it takes Bcc out and replaces Message-ID and Date, whatever the sender put
// there, so nothing of ours may rely on a Message-ID of its own.
func (s *Server) deliver(raw []byte, m Mail) []byte {
	raw = bytes.ReplaceAll(bytes.ReplaceAll(raw, []byte("\r\n"), []byte("\n")), []byte("\n"), []byte("\r\n"))
	head, body, _ := bytes.Cut(raw, []byte("\r\n\r\n"))
	dropped := []string{"bcc", "message-id", "date", "return-path"}
	var b bytes.Buffer
	fmt.Fprintf(&b, "Message-ID: <%s@%s.amazonses.com>\r\n", m.ID, s.config.Region)
	fmt.Fprintf(&b, "Date: %s\r\n", m.At.UTC().Format(time.RFC1123Z))
	skip := false
	for line := range strings.SplitSeq(string(head), "\r\n") {
		if !strings.HasPrefix(line, " ") && !strings.HasPrefix(line, "\t") {
			name, _, _ := strings.Cut(line, ":")
			skip = slices.Contains(dropped, strings.ToLower(strings.TrimSpace(name)))
		}
		if !skip {
			b.WriteString(line + "\r\n")
		}
	}
	b.WriteString("\r\n")
	b.Write(body)
	return b.Bytes()
}
