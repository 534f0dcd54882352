package table_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"almanac/shared/clinictest"
	"almanac/shared/fault"
	"almanac/shared/table"
)

func perMinute(name string, most int) table.Bucket {
	return table.Bucket{Name: name, Most: most, Window: time.Minute}
}

// However many processes count at the same time, as many come through as the bucket holds, and who is sent back is told
// for how long.
func TestBucket(t *testing.T) {
	h := clinictest.New(t)
	h.Clock.Pass(45 * time.Second)
	var through, limited atomic.Int64
	var all sync.WaitGroup
	for range 4 {
		b := h.Table.Buckets(h.Clock.Now) // a process of its own
		for range 10 {
			all.Go(func() {
				switch err := b.Take(t.Context(), perMinute("page", 25), "192.0.2.17"); {
				case err == nil:
					through.Add(1)
				case fault.Is(err, fault.Limited) && fault.Of(err).RetryAfter == 15*time.Second:
					limited.Add(1)
				default:
					t.Error(err)
				}
			})
		}
	}
	all.Wait()
	if through.Load() != 25 || limited.Load() != 15 {
		t.Errorf("%d came through and %d were sent back", through.Load(), limited.Load())
	}
	b := h.Table.Buckets(h.Clock.Now)
	for name, take := range map[string]func() error{
		"somebody else":  func() error { return b.Take(t.Context(), perMinute("page", 25), "192.0.2.18") },
		"something else": func() error { return b.Take(t.Context(), perMinute("link", 25), "192.0.2.17") },
	} {
		if err := take(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	h.Clock.Pass(15 * time.Second)
	if err := b.Take(t.Context(), perMinute("page", 25), "192.0.2.17"); err != nil {
		t.Errorf("in the next window: %v", err)
	}
}

// A counter says nothing of who asked, not even that it is the same one as a minute ago, and goes by itself.
func TestBucketTellsNothing(t *testing.T) {
	h := clinictest.New(t)
	b, began := h.Table.Buckets(h.Clock.Now), h.Clock.Now()
	for range 2 {
		if err := b.Take(t.Context(), perMinute("page", 5), "192.0.2.17"); err != nil {
			t.Fatal(err)
		}
		h.Clock.Pass(time.Minute)
	}
	out, err := h.DB.Scan(t.Context(), &dynamodb.ScanInput{TableName: &h.Name})
	if err != nil {
		t.Fatal(err)
	}
	if len(out.Items) != 2 {
		t.Fatalf("%d items of two windows", len(out.Items))
	}
	for _, item := range out.Items {
		if all := fmt.Sprintf("%v", item); strings.Contains(all, "192.0.2") || strings.Contains(all, "page") {
			t.Errorf("an item tells who asked: %s", all)
		}
		ttl, ok := item["ttl"].(*types.AttributeValueMemberN)
		if !ok || len(item) != 4 {
			t.Fatalf("an item that lasts: %v", item)
		}
		if at, err := strconv.ParseInt(ttl.Value, 10, 64); err != nil || at < began.Unix() || at > h.Clock.Now().Unix() {
			t.Errorf("an item that goes at %s", ttl.Value)
		}
	}
}

// Without the table nobody comes through: a limit that nobody keeps is none.
func TestBucketWithoutTable(t *testing.T) {
	h := clinictest.New(t, clinictest.Intercept(func(context.Context, string, func() error) error {
		return errors.New("no table")
	}), func(o *dynamodb.Options) { o.Retryer = aws.NopRetryer{} })
	if err := h.Table.Buckets(h.Clock.Now).Take(t.Context(), perMinute("page", 5), "192.0.2.17"); !fault.Is(err, fault.Unavailable) {
		t.Errorf("%v", err)
	}
}
