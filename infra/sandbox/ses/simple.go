package ses

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"mime"
	"mime/multipart"
	"net/mail"
	"net/textproto"
	"slices"
	"strings"
	"unicode"
)

// simple is a message SES assembles itself.
type simple struct {
	Subject     text   `json:"Subject"`
	Body        body   `json:"Body"`
	Headers     []tag  `json:"Headers"`
	Attachments []file `json:"Attachments"`
}

type body struct {
	Text *text `json:"Text"`
	HTML *text `json:"Html"`
}

type text struct {
	Data    string `json:"Data"`
	Charset string `json:"Charset"`
}

type file struct {
	FileName                string `json:"FileName"`
	ContentType             string `json:"ContentType"`
	ContentID               string `json:"ContentId"`
	ContentDescription      string `json:"ContentDescription"`
	ContentDisposition      string `json:"ContentDisposition"`
	ContentTransferEncoding string `json:"ContentTransferEncoding"`
	RawContent              []byte `json:"RawContent"`
}

// raw assembles the message.
func (m *simple) raw(in input) ([]byte, error) {
	if err := m.check(in); err != nil {
		return nil, err
	}
	var b bytes.Buffer
	header := func(name, value string) { fmt.Fprintf(&b, "%s: %s\r\n", name, value) }
	header("From", encodeAddress(in.FromEmailAddress))
	for _, h := range []struct {
		name string
		list []string
	}{{"To", in.Destination.ToAddresses}, {"Cc", in.Destination.CcAddresses}, {"Reply-To", in.ReplyToAddresses}} {
		if len(h.list) > 0 {
			encoded := slices.Clone(h.list)
			for n := range encoded {
				encoded[n] = encodeAddress(encoded[n])
			}
			header(h.name, strings.Join(encoded, ",\r\n "))
		}
	}
	header("Subject", strings.ReplaceAll(mime.QEncoding.Encode("utf-8", m.Subject.Data), "?= =?", "?=\r\n =?"))
	for _, h := range m.Headers {
		header(h.Name, h.Value)
	}
	header("MIME-Version", "1.0")
	mixed := multipart.NewWriter(&b)
	header("Content-Type", `multipart/mixed; boundary="`+mixed.Boundary()+`"`)
	b.WriteString("\r\n")
	err := m.writeBody(mixed)
	for _, f := range m.Attachments {
		if err == nil {
			err = writePart(mixed, f.header(), f.RawContent)
		}
	}
	if err == nil {
		err = mixed.Close()
	}
	if err != nil {
		return nil, fmt.Errorf("assemble message: %w", err)
	}
	return b.Bytes(), nil
}

func (m *simple) check(in input) error {
	switch {
	case in.FromEmailAddress == "":
		return bad("FromEmailAddress is required.")
	case len(in.Destination.all()) == 0:
		return bad("Missing required destination.")
	case m.Body.Text == nil && m.Body.HTML == nil:
		return bad("Body must have Text or Html.")
	case strings.ContainsFunc(m.Subject.Data, unicode.IsControl):
		return bad("Subject contains control characters.")
	}
	return m.checkParts()
}

func (m *simple) checkParts() error {
	for _, t := range []*text{&m.Subject, m.Body.Text, m.Body.HTML} {
		if t != nil && !slices.Contains([]string{"", "utf-8", "us-ascii"}, strings.ToLower(t.Charset)) {
			return bad("Charset %q is not part of this stand-in; use UTF-8.", t.Charset)
		}
	}
	for _, h := range m.Headers {
		if err := checkHeader(h); err != nil {
			return err
		}
	}
	for _, f := range m.Attachments {
		if f.FileName == "" || strings.ContainsFunc(f.FileName+f.ContentType+f.ContentID, unicode.IsControl) {
			return bad("Attachment without a file name, or with control characters.")
		}
	}
	return nil
}

func checkHeader(h tag) error {
	switch {
	case h.Name == "" || len(h.Name) > 126 || strings.ContainsFunc(h.Name, notHeaderName):
		return bad("Header name '%s' is empty, too long or has characters that are not allowed.", h.Name)
	case len(h.Value) > 870 || strings.ContainsFunc(h.Value, notPrintable):
		return bad("The value of header '%s' is too long or has characters that are not allowed.", h.Name)
	case reserved(h.Name):
		return bad("Header '%s' is not allowed.", h.Name)
	}
	return nil
}

func notHeaderName(r rune) bool { return r <= ' ' || r > '~' || r == ':' }

func notPrintable(r rune) bool { return r < ' ' || r > '~' }

// reserved are headers SES makes from the other fields.
func reserved(name string) bool {
	return slices.Contains(once(), textproto.CanonicalMIMEHeaderKey(name)) &&
		!slices.Contains([]string{"In-Reply-To", "References"}, textproto.CanonicalMIMEHeaderKey(name))
}

func (m *simple) writeBody(mixed *multipart.Writer) error {
	var b bytes.Buffer
	alternative := multipart.NewWriter(&b)
	for _, p := range []struct {
		kind string
		text *text
	}{{"text/plain", m.Body.Text}, {"text/html", m.Body.HTML}} {
		if p.text == nil {
			continue
		}
		h := textproto.MIMEHeader{"Content-Type": {p.kind + "; charset=utf-8"}}
		if err := writePart(alternative, h, []byte(p.text.Data)); err != nil {
			return err
		}
	}
	if err := alternative.Close(); err != nil {
		return fmt.Errorf("close alternative: %w", err)
	}
	w, err := mixed.CreatePart(textproto.MIMEHeader{
		"Content-Type": {`multipart/alternative; boundary="` + alternative.Boundary() + `"`},
	})
	if err != nil {
		return fmt.Errorf("alternative part: %w", err)
	}
	if _, err := w.Write(b.Bytes()); err != nil {
		return fmt.Errorf("alternative part: %w", err)
	}
	return nil
}

func (f file) header() textproto.MIMEHeader {
	kind := f.ContentType
	if kind == "" {
		kind = "application/octet-stream"
	}
	disposition := "attachment"
	if f.ContentDisposition == "INLINE" {
		disposition = "inline"
	}
	h := textproto.MIMEHeader{
		"Content-Type":        {kind},
		"Content-Disposition": {mime.FormatMediaType(disposition, map[string]string{"filename": f.FileName})},
	}
	if f.ContentID != "" {
		h.Set("Content-Id", "<"+f.ContentID+">")
	}
	return h
}

// writePart writes one part in base64, in lines of 76 characters.
func writePart(to *multipart.Writer, h textproto.MIMEHeader, data []byte) error {
	h.Set("Content-Transfer-Encoding", "base64")
	w, err := to.CreatePart(h)
	if err != nil {
		return fmt.Errorf("part: %w", err)
	}
	encoded := base64.StdEncoding.EncodeToString(data)
	for len(encoded) > 0 {
		n := min(76, len(encoded))
		if _, err := fmt.Fprintf(w, "%s\r\n", encoded[:n]); err != nil {
			return fmt.Errorf("part: %w", err)
		}
		encoded = encoded[n:]
	}
	return nil
}

// encodeAddress writes an address that passed parseOne as a header may have it.
func encodeAddress(text string) string {
	a, err := mail.ParseAddress(text)
	if err != nil {
		return text
	}
	return a.String()
}
