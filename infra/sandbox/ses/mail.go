package ses

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"net/textproto"
	"slices"
	"strings"
	"time"

	"golang.org/x/text/encoding/htmlindex"
)

// Limits of what is taken apart; SES itself refuses more than 500 parts.
const (
	maxDepth = 20
	maxParts = 500
)

// Mail is one message as its recipients would get it.
type Mail struct {
	ID               string       `json:"messageId"`
	At               time.Time    `json:"at"`
	Recipients       []string     `json:"recipients"` // the envelope: who gets it
	From             string       `json:"from"`       // this and the next four are headers, decoded
	To               string       `json:"to"`
	Cc               string       `json:"cc,omitempty"`
	ReplyTo          string       `json:"replyTo,omitempty"`
	Subject          string       `json:"subject"`
	Text             string       `json:"text"`
	HTML             string       `json:"html"`
	Attachments      []Attachment `json:"attachments"`
	Calendar         []Calendar   `json:"calendar"`      // what the calendar attachments and parts say
	Headers          []Header     `json:"headers"`       // in order, decoded
	SentMessageID    string       `json:"sentMessageId"` // the Message-ID SES threw away
	ConfigurationSet string       `json:"configurationSet,omitempty"`
	Tags             []tag        `json:"tags,omitempty"`
	Size             int          `json:"size"` // bytes of the whole message

	source []byte
}

// Header is one line of a message's head.
type Header struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Attachment is a part that is not the text itself.
type Attachment struct {
	Name    string `json:"name"`
	Type    string `json:"type"` // media type without parameters
	Size    int    `json:"size"`
	Content []byte `json:"content"`
}

// parse fills the fields from the source.
func (m *Mail) parse() error {
	msg, err := mail.ReadMessage(bytes.NewReader(m.source))
	if err != nil {
		return fmt.Errorf("read message: %w", err)
	}
	m.Headers = headers(m.source)
	words := decoder()
	get := func(name string) string { return decoded(words, msg.Header.Get(name)) }
	m.From, m.To, m.Cc, m.ReplyTo, m.Subject = get("From"), get("To"), get("Cc"), get("Reply-To"), get("Subject")
	p := parser{mail: m, words: words}
	return p.part(textproto.MIMEHeader(msg.Header), msg.Body, 0)
}

func decoder() *mime.WordDecoder {
	return &mime.WordDecoder{CharsetReader: func(charset string, r io.Reader) (io.Reader, error) {
		e, err := htmlindex.Get(charset)
		if err != nil {
			return nil, fmt.Errorf("charset %q: %w", charset, err)
		}
		return e.NewDecoder().Reader(r), nil
	}}
}

func decoded(d *mime.WordDecoder, value string) string {
	if text, err := d.DecodeHeader(value); err == nil {
		return text
	}
	return value
}

// headers returns the head line by line, folded lines joined.
func headers(source []byte) []Header {
	head, _, _ := strings.Cut(string(source), "\r\n\r\n")
	head = strings.NewReplacer("\r\n ", " ", "\r\n\t", " ").Replace(head)
	d := decoder()
	var list []Header
	for line := range strings.SplitSeq(head, "\r\n") {
		name, value, _ := strings.Cut(line, ":")
		list = append(list, Header{name, decoded(d, strings.TrimSpace(value))})
	}
	return list
}

// parser walks the parts of one message.
type parser struct {
	mail  *Mail
	words *mime.WordDecoder
	count int
}

func (p *parser) part(h textproto.MIMEHeader, body io.Reader, depth int) error {
	if p.count++; depth > maxDepth || p.count > maxParts {
		return errors.New("too many parts, or too deep")
	}
	kind, params, err := mediaType(h)
	if err != nil {
		return err
	}
	if strings.HasPrefix(kind, "multipart/") {
		return p.parts(params["boundary"], body, depth)
	}
	data, err := decodeBody(h.Get("Content-Transfer-Encoding"), body)
	if err != nil {
		return err
	}
	disposition, dparams := "", map[string]string{}
	if text := h.Get("Content-Disposition"); text != "" {
		if disposition, dparams, err = mime.ParseMediaType(text); err != nil {
			return fmt.Errorf("Content-Disposition: %w", err)
		}
	}
	name := decoded(p.words, dparams["filename"])
	if name == "" {
		name = decoded(p.words, params["name"])
	}
	return p.leaf(leaf{kind: kind, charset: params["charset"], name: name, attached: disposition == "attachment"}, data)
}

type leaf struct {
	kind, charset, name string
	attached            bool
}

// leaf puts one part where it belongs.
func (p *parser) leaf(l leaf, data []byte) error {
	if strings.HasPrefix(l.kind, "text/") {
		text, err := decodeText(l.charset, data)
		if err != nil {
			return err
		}
		if p.readable(l, text) {
			return nil
		}
	}
	if l.kind == "text/calendar" || l.kind == "application/ics" {
		if c := parseCalendar(string(data)); !slices.ContainsFunc(p.mail.Calendar, c.equal) {
			p.mail.Calendar = append(p.mail.Calendar, c)
		}
		if l.name == "" {
			l.name = "invite.ics"
		}
	}
	if l.name == "" {
		l.name = fmt.Sprintf("part-%d", p.count)
	}
	a := Attachment{Name: l.name, Type: l.kind, Size: len(data), Content: data}
	p.mail.Attachments = append(p.mail.Attachments, a)
	return nil
}

// readable takes a part that is the mail's own text.
func (p *parser) readable(l leaf, text string) bool {
	inline := !l.attached && l.name == ""
	switch {
	case inline && l.kind == "text/plain":
		p.mail.Text += text
	case inline && l.kind == "text/html":
		p.mail.HTML += text
	default:
		return false
	}
	return true
}

func (p *parser) parts(boundary string, body io.Reader, depth int) error {
	if boundary == "" {
		return errors.New("multipart without a boundary")
	}
	r := multipart.NewReader(body, boundary)
	for n := 0; ; n++ {
		part, err := r.NextRawPart() // raw: decodeBody decodes, and refuses what is broken
		if errors.Is(err, io.EOF) && n > 0 {
			return nil
		}
		if err != nil {
			return fmt.Errorf("multipart: %w", err)
		}
		if err := p.part(part.Header, part, depth+1); err != nil {
			return err
		}
	}
}

// mediaType reads Content-Type; without one a part is plain text (RFC 2045, 5.2).
func mediaType(h textproto.MIMEHeader) (string, map[string]string, error) {
	text := h.Get("Content-Type")
	if text == "" {
		return "text/plain", map[string]string{}, nil
	}
	kind, params, err := mime.ParseMediaType(text)
	if err != nil {
		return "", nil, fmt.Errorf("Content-Type: %w", err)
	}
	return kind, params, nil
}

func decodeBody(encoding string, body io.Reader) ([]byte, error) {
	switch strings.ToLower(strings.TrimSpace(encoding)) {
	case "base64":
		body = base64.NewDecoder(base64.StdEncoding, body)
	case "quoted-printable":
		body = quotedprintable.NewReader(body)
	case "", "7bit", "8bit", "binary":
	default:
		return nil, fmt.Errorf("Content-Transfer-Encoding %q", encoding)
	}
	data, err := io.ReadAll(body)
	if err != nil {
		return nil, fmt.Errorf("body: %w", err)
	}
	return data, nil
}

func decodeText(charset string, data []byte) (string, error) {
	if charset == "" || strings.EqualFold(charset, "us-ascii") {
		charset = "utf-8"
	}
	e, err := htmlindex.Get(charset)
	if err != nil {
		return "", fmt.Errorf("charset %q: %w", charset, err)
	}
	text, err := e.NewDecoder().Bytes(data)
	if err != nil {
		return "", fmt.Errorf("charset %q: %w", charset, err)
	}
	return strings.ReplaceAll(string(text), "\r\n", "\n"), nil
}
