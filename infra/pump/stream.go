package pump

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"
)

const (
	idlePoll   = 100 * time.Millisecond
	activePoll = 20 * time.Millisecond
	activeFor  = 2 * time.Second // after a record, others are likely
	shardPoll  = time.Second     // how often new shards are looked for
	readMax    = 1000            // records that DynamoDB hands out at once
)

// Stream is the mapping of a table's stream to a function. Each shard is read in order, by one batch at a time: a
// parallelization factor above 1 is not imitated, as order of an item's changes is all that it would keep.
type Stream struct {
	Client   *dynamodbstreams.Client
	ARN      string
	Region   string
	Function string
	Invoke   Invoke
	// StartingPosition is TRIM_HORIZON or LATEST, and counts for the shards there are when Run begins.
	StartingPosition string
	BatchSize        int // 100 if zero
	Window           time.Duration
	Filter           Filter
	Bisect           bool
	// MaxRetries is how often a failed batch is tried again; -1 for ever.
	MaxRetries int
	// MaxAge is the age above which a record is passed over; none if zero or less.
	MaxAge         time.Duration
	ReportFailures bool
	// OnFailure hears of batches that were given up; nil drops them.
	OnFailure func(ctx context.Context, message []byte) error
	// RetryDelay is the pause before the first retry, doubled at each; 100 ms if zero.
	RetryDelay time.Duration
	// Now tells the age of records; time.Now if nil. It must be the clock of the table, not one that people set: a day
	// put forward would make every record too old.
	Now func() time.Time
	Log *slog.Logger
	// Disabled leaves the stream unread.
	Disabled bool
}

// Run reads the stream until ctx ends. Where it has come to is not kept: a new Run begins at the starting position
// again, which a function that bears duplicates, as all must, does not mind.
func (s Stream) Run(ctx context.Context) error {
	if s.Disabled {
		<-ctx.Done()
		return nil
	}
	s.Log = orSilent(s.Log).With(slog.String("function", s.Function))
	if s.BatchSize == 0 {
		s.BatchSize = 100
	}
	if s.RetryDelay == 0 {
		s.RetryDelay = 100 * time.Millisecond
	}
	if s.Now == nil {
		s.Now = time.Now
	}
	long, cancel := outlive(ctx, grace)
	defer cancel()
	var readers sync.WaitGroup
	defer readers.Wait()
	known := map[string]chan struct{}{} // closed when the shard has been read to its end
	for first := true; ; {
		shards, err := s.shards(ctx)
		switch {
		case err != nil && ctx.Err() == nil:
			s.Log.LogAttrs(ctx, slog.LevelWarn, "describe stream", slog.Any("error", err))
		case err == nil:
			s.follow(ctx, long, shards, known, first, &readers)
			first = false
		}
		if !sleep(ctx, shardPoll) {
			return nil
		}
	}
}

// follow starts a reader for each shard that is new. A shard waits for its parent, whose records come before its own.
func (s Stream) follow(
	ctx, long context.Context, shards []types.Shard, known map[string]chan struct{}, first bool,
	readers *sync.WaitGroup,
) {
	for _, shard := range shards {
		id := aws.ToString(shard.ShardId)
		if known[id] != nil {
			continue
		}
		done := make(chan struct{})
		known[id] = done
		if first && s.StartingPosition == "LATEST" && shard.SequenceNumberRange.EndingSequenceNumber != nil {
			close(done) // all of it is in the past
			continue
		}
		from := types.ShardIteratorTypeTrimHorizon
		if first && s.StartingPosition == "LATEST" {
			from = types.ShardIteratorTypeLatest
		}
		parent := known[aws.ToString(shard.ParentShardId)]
		readers.Go(func() {
			if parent != nil {
				select {
				case <-parent:
				case <-ctx.Done():
					return
				}
			}
			r := &reader{Stream: s, shard: id, from: from}
			if r.read(ctx, long) {
				close(done)
			}
		})
	}
}

func (s Stream) shards(ctx context.Context) ([]types.Shard, error) {
	var out []types.Shard
	in := &dynamodbstreams.DescribeStreamInput{StreamArn: aws.String(s.ARN)}
	for {
		page, err := s.Client.DescribeStream(ctx, in)
		if err != nil {
			return nil, err
		}
		out = append(out, page.StreamDescription.Shards...)
		if in.ExclusiveStartShardId = page.StreamDescription.LastEvaluatedShardId; in.ExclusiveStartShardId == nil {
			return out, nil
		}
	}
}

// reader reads one shard.
type reader struct {
	Stream

	shard    string
	from     types.ShardIteratorType
	last     string // sequence number of the last record received
	iterator *string
	waiting  []*record // received and passed by the filter
	since    time.Time // when the first of them was received
	active   time.Time // when the last record came
	ended    bool      // the shard has no more records
}

// read is true once the shard has been read and handled to its end.
func (r *reader) read(ctx, long context.Context) bool {
	for failed := 0; ctx.Err() == nil; {
		n, err := r.fetch(ctx)
		if err != nil && ctx.Err() == nil {
			r.Log.LogAttrs(ctx, slog.LevelWarn, "read stream", slog.Any("error", err))
			sleep(ctx, backoff(100*time.Millisecond, 5*time.Second, failed))
			failed++
			r.iterator = nil // it may be what has expired
		} else {
			failed = 0
		}
		for len(r.waiting) > 0 && ctx.Err() == nil && r.due() {
			batch := r.waiting[:r.batch()]
			if !r.handle(ctx, long, batch) {
				return false
			}
			r.waiting, r.since = r.waiting[len(batch):], time.Now()
		}
		if r.ended && len(r.waiting) == 0 {
			return true
		}
		if n == 0 {
			sleep(ctx, r.pause())
		}
	}
	return false
}

// due says whether the waiting records make a batch: they fill it, or their window is over.
func (r *reader) due() bool {
	return len(r.waiting) >= r.BatchSize || r.ended || time.Since(r.since) >= r.Window || r.batch() < len(r.waiting)
}

// batch is the number of waiting records that go into one invocation.
func (r *reader) batch() int {
	size := 0
	for i, x := range r.waiting {
		size += len(x.encoded) + 1
		if i == r.BatchSize || i > 0 && size > maxPayload-1024 {
			return i
		}
	}
	return len(r.waiting)
}

func (r *reader) pause() time.Duration {
	if time.Since(r.active) < activeFor || len(r.waiting) > 0 {
		return activePoll
	}
	return idlePoll
}

// fetch receives records and returns their number. While a full batch waits there is no need for more.
func (r *reader) fetch(ctx context.Context) (int, error) {
	if r.ended || len(r.waiting) >= r.BatchSize {
		return 0, nil
	}
	if r.iterator == nil {
		if err := r.seek(ctx); err != nil {
			return 0, err
		}
	}
	var body []byte
	out, err := r.Client.GetRecords(ctx, &dynamodbstreams.GetRecordsInput{
		ShardIterator: r.iterator, Limit: aws.Int32(readMax),
	}, capture(&body))
	if err != nil {
		return 0, err
	}
	records, err := parseRecords(body, r.Region, r.ARN)
	if err != nil {
		return 0, err
	}
	for _, x := range records {
		r.last = x.Change.SequenceNumber
		if !r.Filter.Match(x.encoded) {
			continue
		}
		if len(r.waiting) == 0 {
			r.since = time.Now()
		}
		r.waiting = append(r.waiting, x)
	}
	if len(records) > 0 {
		r.active = time.Now()
	}
	r.iterator = out.NextShardIterator
	r.ended = r.iterator == nil
	return len(records), nil
}

// seek finds the place to read on from.
func (r *reader) seek(ctx context.Context) error {
	in := &dynamodbstreams.GetShardIteratorInput{
		StreamArn: aws.String(r.ARN), ShardId: aws.String(r.shard), ShardIteratorType: r.from,
	}
	if r.last != "" {
		in.ShardIteratorType, in.SequenceNumber = types.ShardIteratorTypeAfterSequenceNumber, aws.String(r.last)
	}
	out, err := r.Client.GetShardIterator(ctx, in)
	if _, ok := errors.AsType[*types.TrimmedDataAccessException](err); ok {
		// What came next is older than the 24 hours that a stream keeps.
		r.Log.LogAttrs(ctx, slog.LevelError, "records lost", slog.String("after", r.last))
		r.last, r.from = "", types.ShardIteratorTypeTrimHorizon
	}
	if err != nil {
		return fmt.Errorf("shard %s: %w", r.shard, err)
	}
	r.iterator = out.ShardIterator
	return nil
}
