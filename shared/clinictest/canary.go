package clinictest

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"almanac/shared/access"
	"almanac/shared/id"
	"almanac/shared/nhsnumber"
	"almanac/shared/patient"
	"almanac/shared/seal"
	"almanac/shared/table"
)

// Every test with a House is a test of what is told of its patients. The canaries are who they are: the names, numbers,
// addresses and dates that a test registers, and all that is sealed in its tables when it ends, however it came there.
// None of them may stand in anything that was logged, metrics among it; in any item of its tables, of which some are
// events, whose ids alone go onto queues; in a refusal; or in the address of what a request made.
//
// What was typed and refused is not among them: Exercise looks for that.
type canaries struct {
	mu    sync.Mutex
	words map[string]bool // in lower case
	texts map[string][]string
}

func newCanaries() *canaries {
	return &canaries{words: map[string]bool{}, texts: map[string][]string{}}
}

// Where canaries are looked for.
const (
	inLog     = "log lines"
	inItems   = "items"
	inAnswers = "refusals and addresses of answers"
)

// plant notes who a patient is.
func (c *canaries) plant(p patient.Patient) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, n := range p.Names {
		c.add(append(slices.Clone(n.Given), n.Family)...)
	}
	for _, a := range p.Addresses {
		c.add(a.Postcode)
		for _, line := range a.Lines {
			if strings.Contains(line, " ") { // a town by itself is in the name of a time zone, too
				c.add(line)
			}
		}
	}
	for _, x := range p.Contacts {
		c.add(x.Value)
	}
	if p.Number != nil {
		c.add(p.Number.Value)
	}
	if len(p.BirthDate) == len(time.DateOnly) {
		c.add(p.BirthDate)
	}
	for _, r := range p.Representatives {
		c.add(append(slices.Clone(r.Name.Given), r.Name.Family)...)
		for _, x := range r.Contacts {
			c.add(x.Value)
		}
	}
}

// shortest is how long a canary must be: what is shorter is a part of many a word.
const shortest = 5

func (c *canaries) add(words ...string) {
	for _, w := range words {
		if w = strings.ToLower(strings.TrimSpace(w)); utf8.RuneCountInString(w) >= shortest {
			c.words[w] = true
		}
	}
}

// see keeps a text to be looked through.
func (c *canaries) see(where, text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.texts[where] = append(c.texts[where], text)
}

// answered keeps what may be shown to whoever must see nothing: a refusal, and the address of what was made.
func (c *canaries) answered(res events.APIGatewayV2HTTPResponse) {
	if c == nil {
		return
	}
	if to := res.Headers["location"]; to != "" {
		c.see(inAnswers, to)
	}
	if res.StatusCode >= http.StatusBadRequest {
		c.see(inAnswers, res.Body)
	}
}

// watch has the house looked through when the test is over.
func (h *House) watch(tb testing.TB, kms string) {
	tb.Helper()
	tb.Cleanup(func() {
		if tb.Failed() {
			return // one thing at a time
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(tb.Context()), 30*time.Second)
		defer cancel()
		h.KMS.Faults.Clear()
		unread, err := h.read(ctx, client(tb), kms)
		if err != nil {
			tb.Errorf("look for canaries: %v", err)
			return
		}
		for line := range strings.Lines(h.Log.String()) {
			h.canaries.see(inLog, line)
		}
		h.canaries.check(tb, unread)
	})
}

// check looks for every canary in every text.
func (c *canaries) check(tb testing.TB, unread int) {
	tb.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	for where, texts := range c.texts {
		for _, text := range texts {
			if word := c.in(text); word != "" {
				tb.Errorf("%q, which is a patient's, stands in the %s: %s", word, where, text)
			}
		}
	}
	numbers := 0
	for word := range c.words {
		if _, err := nhsnumber.Parse(word); err == nil {
			numbers++
		}
	}
	tb.Logf("canaries: %d words, %d NHS numbers among them; %d log lines, %d items, %d answers searched; %d unreadable",
		len(c.words), numbers, len(c.texts[inLog]), len(c.texts[inItems]), len(c.texts[inAnswers]), unread)
}

// in gives the first canary that stands in a text as a word of its own.
func (c *canaries) in(text string) string {
	text = strings.ToLower(text)
	for word := range c.words {
		for from := 0; ; {
			i := strings.Index(text[from:], word)
			if i < 0 {
				break
			}
			begin := from + i
			end := begin + len(word)
			before, _ := utf8.DecodeLastRuneInString(text[:begin])
			after, _ := utf8.DecodeRuneInString(text[end:])
			if !wordly(before) && !wordly(after) {
				return word
			}
			from = begin + 1
		}
	}
	return ""
}

func wordly(r rune) bool {
	return r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsDigit(r))
}

// most bounds what is read of one table: a crowd leaves far more than is worth looking through.
const most = 5000

// read reads both tables: every item's text, and who the patients are. It tells how many could not be opened: those
// who were erased, and those whose organisation's key is disabled.
func (h *House) read(ctx context.Context, db *dynamodb.Client, kms string) (int, error) {
	sealed := map[string]map[string][]byte{} // by organisation and patient
	for _, name := range []string{h.Name, h.KeyName} {
		n := 0
		pages := dynamodb.NewScanPaginator(db, &dynamodb.ScanInput{TableName: aws.String(name)})
		for pages.HasMorePages() && n < most {
			page, err := pages.NextPage(ctx)
			if err != nil {
				return 0, fmt.Errorf("read the items: %w", err)
			}
			n += len(page.Items)
			for _, item := range page.Items {
				h.canaries.see(inItems, plain(item))
				if org, pat, blob := record(item); blob != nil {
					if sealed[org] == nil {
						sealed[org] = map[string][]byte{}
					}
					sealed[org][pat] = blob
				}
			}
		}
	}
	t := table.New(db, h.Name, h.Clock.Now, id.New).WithKeys(h.KeyName)
	keeper, unread := seal.New(Config(kms), SealKey, t, h.Clock.Now), 0
	for org, patients := range sealed {
		unread += h.canaries.open(ctx, keeper, t.For(access.System(org, "test")), org, patients)
	}
	return unread, nil
}

// open opens patients' records and notes who they are. It tells how many it could not open.
func (c *canaries) open(
	ctx context.Context, keeper *seal.Keeper, k table.Clinic, org string, patients map[string][]byte,
) int {
	var ids []string
	for one := range patients {
		ids = append(ids, one)
	}
	keys, err := keeper.Keys(ctx, k, org, ids...)
	if err != nil {
		return len(patients)
	}
	unread := 0
	for one, blob := range patients {
		var in struct {
			Patient patient.Patient `json:"patient"`
		}
		if key, ok := keys[one]; !ok || key.Open("record", blob, &in) != nil {
			unread++
			continue
		}
		c.plant(in.Patient)
	}
	return unread
}

// record gives whose record an item is, if it is a patient's, and what is sealed in it.
func record(item map[string]types.AttributeValue) (string, string, []byte) {
	pk, _ := item["PK"].(*types.AttributeValueMemberS)
	sk, _ := item["SK"].(*types.AttributeValueMemberS)
	blob, _ := item["s"].(*types.AttributeValueMemberB)
	if pk == nil || sk == nil || blob == nil || sk.Value != "PAT" {
		return "", "", nil
	}
	part := strings.Split(pk.Value, "#")
	if len(part) != 3 {
		return "", "", nil
	}
	return part[1], part[2], blob.Value
}

// plain is what can be read in an item.
func plain(item map[string]types.AttributeValue) string {
	text, err := json.Marshal(item)
	if err != nil {
		return err.Error()
	}
	return string(text)
}
