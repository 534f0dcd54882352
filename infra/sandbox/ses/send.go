package ses

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"almanac/infra/sandbox"
)

// Limits of SES (Service quotas in Amazon SES, API v2).
const (
	maxRecipients = 50
	maxTags       = 50
	maxFields     = 1 << 20 // ours: for all but the message
)

// input is the body of SendEmail. Fields the stand-in does not act on are named all the same, so that a misspelt one
// is refused and not passed over.
type input struct {
	FromEmailAddress               string       `json:"FromEmailAddress"`
	Destination                    *destination `json:"Destination"`
	ReplyToAddresses               []string     `json:"ReplyToAddresses"`
	Content                        content      `json:"Content"`
	ConfigurationSetName           string       `json:"ConfigurationSetName"`
	EmailTags                      []tag        `json:"EmailTags"`
	FeedbackForwardingEmailAddress string       `json:"FeedbackForwardingEmailAddress"`

	ConfigurationOverrides                    json.RawMessage `json:"ConfigurationOverrides"`
	EndpointID                                string          `json:"EndpointId"`
	FeedbackForwardingEmailAddressIdentityArn string          `json:"FeedbackForwardingEmailAddressIdentityArn"`
	FromEmailAddressIdentityArn               string          `json:"FromEmailAddressIdentityArn"`
	ListManagementOptions                     json.RawMessage `json:"ListManagementOptions"`
	TenantName                                string          `json:"TenantName"`
}

type destination struct {
	ToAddresses  []string `json:"ToAddresses"`
	CcAddresses  []string `json:"CcAddresses"`
	BccAddresses []string `json:"BccAddresses"`
}

func (d *destination) all() []string {
	if d == nil {
		return nil
	}
	return slices.Concat(d.ToAddresses, d.CcAddresses, d.BccAddresses)
}

type tag struct {
	Name  string `json:"Name"`
	Value string `json:"Value"`
}

type content struct {
	Raw      *rawContent     `json:"Raw"`
	Simple   *simple         `json:"Simple"`
	Template json.RawMessage `json:"Template"`
}

type rawContent struct {
	Data []byte `json:"Data"`
}

// given counts the kinds of content that are there.
func (c content) given() int {
	n := 0
	for _, present := range []bool{c.Raw != nil, c.Simple != nil, c.Template != nil} {
		if present {
			n++
		}
	}
	return n
}

// refusal is an error as the SES API words it.
type refusal struct {
	kind   string // x-amzn-ErrorType
	status int
	text   string
}

// Error makes a refusal an error.
func (r refusal) Error() string { return r.kind + ": " + r.text }

func bad(format string, args ...any) error {
	return refusal{"BadRequestException", http.StatusBadRequest, fmt.Sprintf(format, args...)}
}

func rejected(format string, args ...any) error {
	return refusal{"MessageRejected", http.StatusBadRequest, fmt.Sprintf(format, args...)}
}

// planned are the answers to faults that refuse.
func planned(kind string) (refusal, bool) {
	r, ok := map[string]refusal{
		Throttle:  {"TooManyRequestsException", http.StatusTooManyRequests, "Maximum sending rate exceeded."},
		Quota:     {"LimitExceededException", http.StatusBadRequest, "Daily message quota exceeded."},
		Reject:    {"MessageRejected", http.StatusBadRequest, "Message contains a virus."},
		MailFrom:  {"MailFromDomainNotVerifiedException", http.StatusBadRequest, "MAIL FROM is not verified."},
		Paused:    {"SendingPausedException", http.StatusBadRequest, "Email sending is disabled."},
		Suspended: {"AccountSuspendedException", http.StatusBadRequest, "The account is suspended from sending."},
		Fail:      {"InternalServiceErrorException", http.StatusInternalServerError, "Internal error."},
	}[kind]
	return r, ok
}

// send is SendEmail.
func (s *Server) send(w http.ResponseWriter, r *http.Request) {
	m, err := s.take(w, r)
	var kind string
	if err == nil {
		// An error here is that of a sender who left while a slow request waited: nothing is kept.
		kind, err = s.Faults.Take(r.Context(), func(on string) bool {
			return slices.ContainsFunc(m.Recipients, func(a string) bool { return strings.EqualFold(a, on) })
		})
	}
	if p, ok := planned(kind); ok && err == nil {
		err = p
	}
	if err == nil && kind != LoseRequest {
		err = s.withinRate(len(m.Recipients))
	}
	var refused refusal
	switch {
	case errors.As(err, &refused):
		s.refuse(w, refused)
		return
	case err != nil:
		s.refuse(w, refusal{"InternalServiceErrorException", http.StatusInternalServerError, err.Error()})
		return
	case kind == LoseRequest:
		panic(http.ErrAbortHandler) // net/http's way to cut the connection without a reply
	}
	s.keep(m)
	s.config.Log.InfoContext(r.Context(), "mail taken", slog.String("message", m.ID), slog.Int("bytes", m.Size),
		slog.Bool("reply_lost", kind == LoseReply))
	if kind == LoseReply {
		panic(http.ErrAbortHandler)
	}
	sandbox.WriteJSON(w, http.StatusOK, map[string]string{"MessageId": m.ID})
}

func (s *Server) refuse(w http.ResponseWriter, r refusal) {
	w.Header().Set("X-Amzn-ErrorType", r.kind)
	w.Header().Set("X-Amzn-RequestId", uuid.NewString())
	sandbox.WriteJSON(w, r.status, map[string]string{"message": r.text})
}

// take reads and checks one request and returns the mail as it would be delivered.
func (s *Server) take(w http.ResponseWriter, r *http.Request) (Mail, error) {
	// The signature is not checked, as there are no accounts; that one is there keeps other web pages out.
	auth := r.Header.Get("Authorization")
	if !strings.HasPrefix(auth, "AWS4-HMAC-SHA256 ") || !strings.Contains(auth, "/ses/aws4_request") {
		const missing = "MissingAuthenticationTokenException"
		return Mail{}, refusal{missing, http.StatusForbidden, "Missing Authentication Token"}
	}
	var in input
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, int64(s.config.MaxMessage)*4/3+maxFields))
	d.DisallowUnknownFields()
	if err := d.Decode(&in); err != nil {
		if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
			return Mail{}, bad("Message length is more than %d bytes long.", s.config.MaxMessage)
		}
		return Mail{}, refusal{"SerializationException", http.StatusBadRequest, err.Error()}
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return Mail{}, refusal{"SerializationException", http.StatusBadRequest, "trailing data"}
	}
	if err := s.checkInput(in); err != nil {
		return Mail{}, err
	}
	return s.compose(in)
}

func (s *Server) checkInput(in input) error {
	set := in.ConfigurationSetName
	switch {
	case set != "" && s.config.ConfigurationSets != nil && !slices.Contains(s.config.ConfigurationSets, set):
		return refusal{"NotFoundException", http.StatusNotFound, "Configuration set <" + set + "> does not exist."}
	case in.Content.given() != 1:
		return bad("Content must be exactly one of Raw, Simple and Template.")
	case in.Content.Template != nil:
		return bad("Templates are not part of this stand-in.")
	case len(in.Destination.all()) > maxRecipients:
		return bad("Recipient count exceeds %d.", maxRecipients)
	}
	if err := checkTags(in.EmailTags); err != nil {
		return err
	}
	for _, a := range slices.Concat(in.Destination.all(), in.ReplyToAddresses) {
		if _, err := parseOne(a); err != nil {
			return err
		}
	}
	if in.FeedbackForwardingEmailAddress == "" {
		return nil
	}
	return s.checkVerified(in.FeedbackForwardingEmailAddress)
}

func checkTags(tags []tag) error {
	if len(tags) > maxTags {
		return bad("Tag count exceeds %d.", maxTags)
	}
	seen := map[string]bool{}
	for _, t := range tags {
		for _, text := range []string{t.Name, t.Value} {
			if text == "" || len(text) > 256 || strings.ContainsFunc(text, notTag) {
				return bad("Invalid tag <%s:%s>: ASCII letters, digits, underscores and dashes only.", t.Name, t.Value)
			}
		}
		if seen[t.Name] {
			return bad("Duplicate tag name <%s>.", t.Name)
		}
		seen[t.Name] = true
	}
	return nil
}

func notTag(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '_' && r != '-'
}

// checkVerified refuses a sender that is neither a verified address nor in a verified domain or its subdomains.
func (s *Server) checkVerified(address string) error {
	bare, err := parseOne(address)
	if err != nil {
		return err
	}
	name := strings.ToLower(bare)
	_, domain, _ := strings.Cut(name, "@")
	for _, id := range s.config.Identities {
		if name == id || domain == id || strings.HasSuffix(domain, "."+id) && !strings.Contains(id, "@") {
			return nil
		}
	}
	return rejected("Email address is not verified. The following identities failed the check in region %s: %s",
		strings.ToUpper(s.config.Region), bare)
}

// withinRate counts recipients, as SES's sending rate does.
func (s *Server) withinRate(recipients int) error {
	if s.config.MaxSendRate <= 0 {
		return nil
	}
	now := s.config.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.recent = slices.DeleteFunc(s.recent, func(t time.Time) bool { return now.Sub(t) >= time.Second })
	if len(s.recent)+recipients > s.config.MaxSendRate {
		r, _ := planned(Throttle)
		return r
	}
	for range recipients {
		s.recent = append(s.recent, now)
	}
	return nil
}
