package table

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"almanac/shared/id"
)

// TickLength is the grain of the diary: every claim is a run of whole ticks.
const TickLength = 5 * time.Minute

// DayTicks is the number of ticks in a UTC day, which has no summer time and is always 24 hours long.
const DayTicks = int(24 * time.Hour / TickLength)

// MaxClaimTicks is the longest run that one condition expression can check on one item: 300 operators (AWS service
// quotas) at three a tick. Eight hours leave room for the rest of the condition.
const MaxClaimTicks = int(8 * time.Hour / TickLength)

// Tick counts five-minute steps since 1970-01-01T00:00Z.
type Tick int

// TickOf gives the tick that at falls in.
func TickOf(at time.Time) Tick { return Tick(at.Unix() / int64(TickLength/time.Second)) }

// Time gives the instant at which the tick begins, in UTC.
func (t Tick) Time() time.Time { return time.Unix(int64(t)*int64(TickLength/time.Second), 0).UTC() }

// Span is the ticks from From up to but not including To.
type Span struct{ From, To Tick }

// SpanOf gives the ticks that an interval touches.
func SpanOf(start, end time.Time) Span {
	return Span{From: TickOf(start), To: TickOf(end.Add(TickLength - time.Nanosecond))}
}

// Len is the number of ticks.
func (s Span) Len() int { return max(0, int(s.To-s.From)) }

func (s Span) has(t Tick) bool { return s.From <= t && t < s.To }

// Owner is who holds a tick: an appointment for good, or a hold until an instant.
type Owner struct {
	ID string
	// Until is the last second at which a hold counts; zero for an appointment.
	Until time.Time
}

// A claimed tick holds a prefix, and then the owner's 16 bytes on the first tick of a claim or the last 4 of them on
// the others. The prefix is one byte FF for an appointment, or the hold's last second as four bytes, big-endian: so
// "later than now" is a comparison of bytes, which a condition expression can make, and an expired hold is free
// without anybody cleaning up. (FF compares as the year 2105.) A day filled with half-hour appointments stays under
// 1 kB, which is one write unit.
const firm = 0xFF

const tailLength = 4

func (o Owner) prefix() []byte {
	if o.Until.IsZero() {
		return []byte{firm}
	}
	return clockBytes(o.Until)
}

func clockBytes(at time.Time) []byte {
	return binary.BigEndian.AppendUint32(nil, uint32(at.Unix())) //nolint:gosec // seconds fit until the year 2106
}

// values are what the owner's first tick holds, and what the others hold.
func (o Owner) values() (*types.AttributeValueMemberB, *types.AttributeValueMemberB, error) {
	raw, err := id.Raw(o.ID)
	if err != nil {
		return nil, nil, fmt.Errorf("owner of a claim: %w", err)
	}
	p := o.prefix()
	first := &types.AttributeValueMemberB{Value: append(bytes.Clone(p), raw[:]...)}
	rest := &types.AttributeValueMemberB{Value: append(bytes.Clone(p), raw[16-tailLength:]...)}
	return first, rest, nil
}

// Tenure is one claimed tick as it was read.
type Tenure struct {
	Tick Tick
	// Firm is an appointment's claim; otherwise it is a hold's, which counts up to and including Until.
	Firm  bool
	Until int64 // Unix seconds
	// First tells that ID is whole; otherwise only its last four bytes are known.
	First bool
	ID    [16]byte
}

// Counts tells whether the tick is taken at now: an appointment's always is, a hold's until it expires.
func (t Tenure) Counts(now time.Time) bool { return t.Firm || t.Until >= now.Unix() }

// HeldBy tells whether the tick belongs to the record with that id.
func (t Tenure) HeldBy(raw [16]byte) bool {
	if t.First {
		return t.ID == raw
	}
	return bytes.Equal(t.ID[16-tailLength:], raw[16-tailLength:])
}

func parseTenure(tick Tick, value []byte) (Tenure, bool) {
	t := Tenure{Tick: tick}
	if len(value) == 0 {
		return t, false
	}
	rest := value[1:]
	if value[0] == firm {
		t.Firm = true
	} else {
		if len(value) < 4+tailLength {
			return t, false
		}
		t.Until = int64(binary.BigEndian.Uint32(value))
		rest = value[4:]
	}
	switch len(rest) {
	case 16:
		t.First = true
		copy(t.ID[:], rest)
	case tailLength:
		copy(t.ID[16-tailLength:], rest)
	default:
		return t, false
	}
	return t, true
}

const base36 = 36

// dayName is the attribute name of a tick in a resource day: two base-36 digits of the tick within the UTC day.
func dayName(t Tick) string {
	n := int(t) % DayTicks
	return string([]byte{digit36(n / base36), digit36(n % base36)})
}

func digit36(n int) byte { return "0123456789abcdefghijklmnopqrstuvwxyz"[n] }

// diaryName is the attribute name of a tick in a patient's diary, which is one item for all days: the tick itself in
// base 36, five digits from 1970 to the year 2545.
func diaryName(t Tick) string {
	s := strconv.FormatInt(int64(t), base36)
	return "00000"[:max(0, diaryNameLength-len(s))] + s
}

const (
	dayNameLength   = 2
	diaryNameLength = 5
)

func parseName(name string, day Tick) (Tick, bool) {
	switch len(name) {
	case dayNameLength, diaryNameLength:
	default:
		return 0, false
	}
	n, err := strconv.ParseInt(name, base36, 64)
	if err != nil {
		return 0, false
	}
	if len(name) == dayNameLength {
		return day + Tick(n), n < int64(DayTicks)
	}
	return Tick(n), true
}
