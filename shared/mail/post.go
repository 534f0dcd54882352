package mail

import (
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptrace"
	"slices"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	"github.com/aws/aws-sdk-go-v2/service/sesv2/types"
	"github.com/aws/smithy-go"

	"almanac/shared/delay"
	"almanac/shared/fault"
)

// Post hands mails to Amazon SES. It is safe for concurrent use.
type Post struct {
	ses *sesv2.Client
	set *string
}

const (
	// answerTimeout is how long SES may take. It answers in well under a second; what takes longer than this is lost.
	answerTimeout = 8 * time.Second
	dialTimeout   = 2 * time.Second
)

// NewPost makes the Post; configurationSet may be empty. Whatever cfg says, nothing below Send tries again by itself:
// SES has no key by which it would know a mail that it already took, so a request that was repeated after a lost
// answer would be a second mail. For the same reason each mail has a connection of its own: one kept from before the
// function was frozen may be dead, and a request written into it would be neither sent nor known not to be.
func NewPost(cfg aws.Config, configurationSet string) *Post {
	p := &Post{ses: sesv2.NewFromConfig(cfg, func(o *sesv2.Options) {
		o.Retryer = aws.NopRetryer{}
		o.HTTPClient = awshttp.NewBuildableClient().WithTimeout(answerTimeout).
			WithDialerOptions(func(d *net.Dialer) { d.Timeout = dialTimeout }).
			WithTransportOptions(func(t *http.Transport) {
				t.DisableKeepAlives = true
				t.ForceAttemptHTTP2 = false // HTTP/2 in net/http has retries of its own
				t.TLSHandshakeTimeout = dialTimeout
			})
	})}
	if configurationSet != "" {
		p.set = &configurationSet
	}
	return p
}

const (
	throttleTries = 3
	throttleWait  = 400 * time.Millisecond
)

// Send hands a mail over and gives the id that SES gave it. The kind of the error says what became of the mail:
//
//	fault.Invalid                     SES refuses this mail, and always will
//	fault.Unavailable, fault.Limited  it was not handed over, and may be later
//	anything else                     nobody knows; it must not be sent again
//
// Only a throttled mail is tried again here, a little later: SES says of it that it was not taken.
func (p *Post) Send(ctx context.Context, parcel Parcel) (string, error) {
	in := &sesv2.SendEmailInput{
		ConfigurationSetName: p.set,
		Destination:          &types.Destination{ToAddresses: []string{parcel.To}},
		Content:              &types.EmailContent{Raw: &types.RawMessage{Data: parcel.Raw}},
	}
	for _, name := range slices.Sorted(maps.Keys(parcel.Tags)) {
		value := parcel.Tags[name]
		in.EmailTags = append(in.EmailTags, types.MessageTag{Name: &name, Value: &value})
	}
	for attempt := 1; ; attempt++ {
		id, err := p.try(ctx, in)
		if !fault.Is(err, fault.Limited) || attempt == throttleTries || !pause(ctx, throttleWait<<attempt) {
			return id, err
		}
	}
}

// pause waits for up to limit, at random so that those who were throttled together do not come back together. It is
// false if there is no time for that.
func pause(ctx context.Context, limit time.Duration) bool {
	return delay.For(ctx, limit/4+rand.N(limit*3/4)) == nil //nolint:gosec // spreads load only
}

func (p *Post) try(ctx context.Context, in *sesv2.SendEmailInput) (string, error) {
	var connected atomic.Bool // from here on something of the mail may have left
	out, err := p.ses.SendEmail(httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(httptrace.GotConnInfo) { connected.Store(true) },
	}), in)
	if err != nil {
		return "", judge(err, connected.Load())
	}
	return aws.ToString(out.MessageId), nil
}

// judge tells what became of a mail. What it does not know for certain is fault.Internal, whose meaning here is that
// the mail may have been sent.
func judge(err error, connected bool) *fault.Error {
	var answer *awshttp.ResponseError
	var said smithy.APIError
	switch {
	case !connected:
		return unsent(err, "not_connected")
	case !errors.As(err, &answer) || answer.HTTPStatusCode() == 0:
		return unknown(err, "no_answer")
	case answer.HTTPStatusCode() >= http.StatusInternalServerError:
		return unknown(err, "provider_error")
	case answer.HTTPStatusCode() < http.StatusBadRequest || !errors.As(err, &said):
		return unknown(err, "unreadable_answer") // taken, it seems, or answered by something that is not SES
	}
	return refusal(err, said.ErrorCode())
}

// refusal tells what SES's refusal of a code means.
func refusal(err error, code string) *fault.Error {
	switch code {
	case "MessageRejected":
		return refused(err, "message_rejected")
	case "BadRequestException":
		return refused(err, "bad_request")
	case "TooManyRequestsException", "ThrottlingException", "Throttling":
		return fault.Wrap(err, fault.Limited, "throttled", "The mail service takes no more just now.")
	case "UnknownError": // the SDK's name for a body that is no answer of SES
		return unknown(err, "unreadable_answer")
	}
	// What is left is wrong with the account or its configuration, not with the mail: that can wait until it is mended.
	reason, known := map[string]string{
		"LimitExceededException":             "quota_spent",
		"AccountSuspendedException":          "account_suspended",
		"SendingPausedException":             "sending_paused",
		"MailFromDomainNotVerifiedException": "domain_not_verified",
		"NotFoundException":                  "configuration_set_missing",
	}[code]
	if !known {
		reason = "access_refused"
	}
	return unsent(err, reason)
}

func refused(err error, code string) *fault.Error {
	return fault.Wrap(err, fault.Invalid, code, "The mail service refuses this message.")
}

func unsent(err error, code string) *fault.Error {
	return fault.Wrap(err, fault.Unavailable, code, "The message could not be handed to the mail service.")
}

func unknown(err error, code string) *fault.Error {
	return fault.Wrap(err, fault.Internal, code, "It is not known whether the mail service took the message.")
}
