package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"almanac/infra/sandbox/ses"
	"almanac/shared/event"
	"almanac/shared/id"
	"almanac/shared/table"
)

// afterwards measures what a booking costs once it is committed: its event is taken off the list of those that wait,
// and the confirmation is sent, with its entries in the ledger.
func (c *costs) afterwards(ctx context.Context) error {
	r := c.book(c.house.services[0], 0, c.house.slot(7, 0))
	booked, err := c.house.do(ctx, c.function, r)
	if err != nil {
		return err
	}
	m, err := c.house.eventOf(ctx, booked.ID)
	if err != nil {
		return err
	}
	if err := c.relay(ctx, m); err != nil {
		return err
	}
	return c.confirm(ctx, m)
}

// eventOf reads the event of an appointment that was just booked.
func (h *house) eventOf(ctx context.Context, appointment string) (event.Message, error) {
	got, err := h.db.Query(ctx, &dynamodb.QueryInput{
		TableName: &h.name, KeyConditionExpression: aws.String("PK = :p AND begins_with(SK, :s)"),
		ExpressionAttributeValues: map[string]types.AttributeValue{
			":p": &types.AttributeValueMemberS{Value: "T#" + h.org + "#" + appointment},
			":s": &types.AttributeValueMemberS{Value: table.Events},
		},
	})
	if err != nil {
		return event.Message{}, err
	}
	if len(got.Items) != 1 {
		return event.Message{}, fmt.Errorf("a booking left %d events, not one", len(got.Items))
	}
	var e event.Event
	err = attributevalue.UnmarshalMap(got.Items[0], &e)
	return e.Message(), err
}

// relay does what fanout does in the table.
func (c *costs) relay(ctx context.Context, m event.Message) error {
	metered := dynamo(c.endpoint, func(o *dynamodb.Options) {
		o.HTTPClient = &http.Client{Transport: c.meter, Timeout: patience}
	})
	before := c.meter.Usage()
	if err := table.New(metered, c.house.name, time.Now, id.New).Outbox().Relayed(ctx, m); err != nil {
		return err
	}
	u := c.meter.Usage().Since(before)
	c.plain("relay", u, "taking a booking's event off the list of those that wait")
	return u.Err()
}

// confirm has email-dispatch send the mail, to the stand-in for Amazon SES.
func (c *costs) confirm(ctx context.Context, m event.Message) error {
	mail, err := ses.New(ses.Config{Identities: []string{"almanac.example"}})
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // binding to loopback does not wait
	if err != nil {
		return err
	}
	srv := &http.Server{Handler: mail, ReadHeaderTimeout: patience}
	defer srv.Close() //nolint:errcheck // nothing depends on it any more
	go srv.Serve(l)   //nolint:errcheck // ends with Close
	env := functionEnv(c.metered, c.house.name, map[string]string{
		"MAIL_FROM": "appointments@almanac.example", "AWS_ENDPOINT_URL_SESV2": "http://" + l.Addr().String(),
	})
	f, err := launch(ctx, c.hostDir("email-dispatch"), env)
	if err != nil {
		return err
	}
	defer f.stop()
	// A repeat of the same event first finds no appointment of its own; it warms the function up.
	other := m
	other.Target, other.Event = id.New("apt"), id.New("evt")
	if _, err := f.invoke(ctx, queued(other)); err != nil {
		return err
	}
	before := c.meter.Usage()
	if _, err := f.invoke(ctx, queued(m)); err != nil {
		return err
	}
	u := c.meter.Usage().Since(before)
	if n := len(mail.Mails("")); n != 1 {
		return fmt.Errorf("email-dispatch sent %d mails, not one", n)
	}
	c.plain("confirmation", u, "email-dispatch sending a booking's mail, its ledger and events included")
	return u.Err()
}

// queued is the event that the queue of mails wakes its worker with.
func queued(m event.Message) []byte {
	body, err := json.Marshal(m)
	if err != nil {
		panic(err) // a struct of texts and numbers always encodes
	}
	ev, err := json.Marshal(events.SQSEvent{Records: []events.SQSMessage{{
		MessageId: id.New("msg"), ReceiptHandle: "bench", Body: string(body), EventSource: "aws:sqs", AWSRegion: region,
		EventSourceARN: "arn:aws:sqs:" + region + ":000000000000:EmailQueue",
		Attributes:     map[string]string{"ApproximateReceiveCount": "1", "SentTimestamp": "1795253402000"},
	}}})
	if err != nil {
		panic(err) // as above
	}
	return ev
}
