package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	streamtypes "github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"

	"almanac/infra/faultproxy"
)

// searched is what was looked through for canaries.
type searched struct {
	mu     sync.Mutex
	h      *house
	places []string
	texts  map[string]int
	bytes  map[string]int
	found  map[string]map[found]bool // by place
}

func newSearched(h *house) *searched {
	return &searched{h: h, texts: map[string]int{}, bytes: map[string]int{}, found: map[string]map[found]bool{}}
}

// text looks through a text of the place.
func (s *searched) text(where string, text []byte) {
	hits := append(s.h.needles.find(text), s.h.needles.disguised(text)...)
	hits = append(hits, s.h.given(text)...)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.found[where] == nil {
		s.found[where] = map[found]bool{}
		s.places = append(s.places, where)
	}
	s.texts[where]++
	s.bytes[where] += len(text)
	for _, hit := range hits {
		s.found[where][hit] = true
	}
}

// total counts the traces that were found.
func (s *searched) total() int {
	n := 0
	for _, hits := range s.found {
		n += len(hits)
	}
	return n
}

const megabyte = 1 << 20

func (s *searched) print(r *report, planted int) {
	r.figure("canaries planted and searched for", planted)
	texts, size := 0, 0
	for _, place := range s.places {
		texts, size = texts+s.texts[place], size+s.bytes[place]
		say(r.out, "  %s: %d texts, %.1f MB, %d found", place, s.texts[place], float64(s.bytes[place])/megabyte,
			len(s.found[place]))
	}
	r.figure("texts searched", texts)
	r.figure("megabytes searched", size/megabyte)
	r.exactly("canaries found", s.total(), 0)
	for _, place := range s.places {
		for part, n := range s.parts(place) {
			say(r.out, "  %s: %s of %d canaries", place, part, n)
		}
	}
}

// parts counts what was found in a place, by part of the record.
func (s *searched) parts(place string) map[string]int {
	out := map[string]int{}
	for hit := range s.found[place] {
		out[hit.part]++
	}
	return out
}

// watch looks through everything that the functions send to the tables and the queues, from now on. Its rules let every
// request pass: they are asked about each, and never fire.
func (h *house) watch(s *searched) error {
	see := func(where string) []faultproxy.Rule {
		return []faultproxy.Rule{{
			Fault: faultproxy.SlowReply, Delay: 1, Probability: 1,
			Match: func(q faultproxy.Request) bool {
				polls := strings.HasPrefix(q.Op, "Receive") || strings.HasPrefix(q.Op, "Delete")
				if !polls && q.Service != "DynamoDBStreams" {
					h.pending <- seen{where + queueOf(q.Body), bytes.Clone(q.Body)}
				}
				return false
			},
		}}
	}
	h.watching = map[*faultproxy.Proxy][]faultproxy.Rule{
		h.stack.Table: see("requests to the tables"), h.stack.Queues: see("messages sent to the queues"),
	}
	h.pending = make(chan seen, 4096)
	for range 2 {
		h.looking.Go(func() {
			for one := range h.pending {
				s.text(one.where, one.text)
			}
		})
	}
	return h.faults()
}

// queueOf names the queues that visits have, where a request is to one of them.
func queueOf(body []byte) string {
	for _, name := range []string{"VideoQueue", "NoticeQueue"} {
		if bytes.Contains(body, []byte(name+`"`)) {
			return ", " + name
		}
	}
	return ""
}

// seen is a text that waits to be looked through.
type seen struct {
	where string
	text  []byte
}

// faults sets what goes wrong before the engines, besides being watched.
func (h *house) faults(more ...faultproxy.Rule) error {
	for proxy, rules := range h.watching {
		rules = slices.Clone(rules)
		if proxy == h.stack.Table {
			rules = append(rules, more...)
		}
		if err := proxy.Set(1, rules...); err != nil {
			return err
		}
	}
	return nil
}

// unwatch ends the watch and waits until all was looked through.
func (h *house) unwatch() {
	h.stack.Table.Clear()
	h.stack.Queues.Clear()
	close(h.pending)
	h.looking.Wait()
}

// piece is how much of a file is looked through at once, and lap how much of it again with the next.
const (
	piece = 4 << 20
	lap   = 4 << 10
)

// file looks through a file.
func (s *searched) file(where, name string) error {
	f, err := os.Open(name) //nolint:gosec // our own
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // only read
	text := make([]byte, piece)
	kept := 0
	for {
		n, err := io.ReadFull(f, text[kept:])
		s.text(where, text[:kept+n])
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return nil
		case err != nil:
			return err
		}
		kept = copy(text, text[len(text)-lap:])
	}
}

// tables looks through every item of both tables, as it is stored.
func (s *searched) tables(ctx context.Context) error {
	for where, name := range map[string]string{
		"items of the table": s.h.stack.TableName, "items of the table of keys": s.h.stack.KeyTableName,
	} {
		pages := dynamodb.NewScanPaginator(s.h.stack.DynamoDB, &dynamodb.ScanInput{TableName: aws.String(name)})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				return fmt.Errorf("scan: %w", err)
			}
			for _, item := range page.Items {
				s.text(where, whole(item))
			}
		}
	}
	return nil
}

// whole is an item as text, each thing on a line.
func whole(item map[string]types.AttributeValue) []byte {
	var text bytes.Buffer
	for name, value := range item {
		text.WriteString(name)
		text.WriteByte('\n')
		spell(&text, value)
	}
	return text.Bytes()
}

// spell writes all that a value holds, each thing on a line.
func spell(to *bytes.Buffer, value types.AttributeValue) {
	switch v := value.(type) {
	case *types.AttributeValueMemberS:
		to.WriteString(v.Value)
	case *types.AttributeValueMemberN:
		to.WriteString(v.Value)
	case *types.AttributeValueMemberB:
		to.Write(v.Value)
	case *types.AttributeValueMemberSS:
		to.WriteString(strings.Join(v.Value, "\n"))
	case *types.AttributeValueMemberNS:
		to.WriteString(strings.Join(v.Value, "\n"))
	case *types.AttributeValueMemberBS:
		to.Write(bytes.Join(v.Value, []byte("\n")))
	case *types.AttributeValueMemberL:
		for _, one := range v.Value {
			spell(to, one)
		}
	case *types.AttributeValueMemberM:
		for name, one := range v.Value {
			to.WriteString(name)
			to.WriteByte('\n')
			spell(to, one)
		}
	}
	to.WriteByte('\n')
}

// stream looks through the records of the table's stream, which hold items that are gone by now.
func (s *searched) stream(ctx context.Context) error {
	o := s.h.stack.DynamoDB.Options()
	client := dynamodbstreams.New(dynamodbstreams.Options{
		Region: o.Region, BaseEndpoint: o.BaseEndpoint, Credentials: o.Credentials,
	})
	got, err := s.h.stack.DynamoDB.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: &s.h.stack.TableName})
	if err != nil {
		return err
	}
	arn := got.Table.LatestStreamArn
	described, err := client.DescribeStream(ctx, &dynamodbstreams.DescribeStreamInput{StreamArn: arn})
	if err != nil {
		return err
	}
	for _, shard := range described.StreamDescription.Shards {
		at, err := client.GetShardIterator(ctx, &dynamodbstreams.GetShardIteratorInput{
			StreamArn: arn, ShardId: shard.ShardId, ShardIteratorType: "TRIM_HORIZON",
		})
		if err != nil {
			return err
		}
		if err := s.shard(ctx, client, at.ShardIterator); err != nil {
			return err
		}
	}
	return nil
}

func (s *searched) shard(ctx context.Context, client *dynamodbstreams.Client, at *string) error {
	for at != nil {
		out, err := client.GetRecords(ctx, &dynamodbstreams.GetRecordsInput{ShardIterator: at, Limit: aws.Int32(1000)})
		if err != nil || len(out.Records) == 0 {
			return err
		}
		for _, r := range out.Records {
			var text []byte
			for _, image := range []map[string]streamtypes.AttributeValue{r.Dynamodb.NewImage, r.Dynamodb.OldImage} {
				if item, err := attributevalue.FromDynamoDBStreamsMap(image); err == nil {
					text = append(text, whole(item)...)
				}
			}
			s.text("records of the stream", text)
		}
		at = out.NextShardIterator
	}
	return nil
}

// mails looks through what mails show to others than their reader: the subjects, and all of what goes to staff.
func (s *searched) mails() {
	for _, m := range s.h.stack.Mail.Mails("") {
		s.text("subjects and tags of mails", fmt.Appendf(nil, "%s %s %v", m.Subject, m.ConfigurationSet, m.Tags))
		for _, to := range m.Recipients {
			if strings.HasSuffix(to, staffMail) {
				s.text("mails to staff", []byte(m.Subject+"\n"+m.Text+"\n"+m.HTML))
			}
		}
	}
}

// staffMail ends the addresses of all staff here.
const staffMail = "@staff.example.org"

// outside looks through the addresses of requests to NHS services. The search and the reading of a patient by number
// are the register's own form: they are counted, and looked for in nothing of ours. It gives their number.
func (s *searched) outside() int {
	told := 0
	for _, r := range s.h.stack.NHS.Requests() {
		if r.API == "pds" && (r.Operation == "get" || r.Operation == "search") || r.API == "scr" || r.API == "gp" {
			told++
			r.Number, r.Query = "", nil
		}
		s.text("requests to NHS services",
			fmt.Appendf(nil, "%s %s %s %v %v", r.Method, r.Pattern, r.Number, r.Query, r.Header))
	}
	return told
}
