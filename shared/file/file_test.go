package file_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"almanac/infra/sandbox"
	"almanac/infra/sandbox/s3"
	"almanac/shared/fault"
	"almanac/shared/file"
	"almanac/shared/file/filetest"
)

func noon() time.Time { return time.Date(2027, 1, 4, 12, 0, 0, 0, time.UTC) }

const key = "uploads/org_1/upl_1"

func parcel(body []byte) file.Parcel {
	return file.Parcel{Key: key, Type: "text/csv", Size: int64(len(body)), SHA256: sha256.Sum256(body)}
}

// A ticket lets in exactly the file that it was made for, once, and not after its end.
func TestTake(t *testing.T) {
	now := noon()
	b := filetest.New(t, func() time.Time { return now })
	body := []byte("family,given\nMarker,Ada\n")
	ticket, err := b.Take(t.Context(), parcel(body), 15*time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if want := now.Add(15 * time.Minute); !ticket.Expires.Equal(want) {
		t.Errorf("it ends at %s, want %s", ticket.Expires, want)
	}
	for _, name := range []string{"content-length", "content-type", "host", "if-none-match", "x-amz-checksum-sha256"} {
		if !strings.Contains(ticket.URL, name) {
			t.Errorf("%s is not signed: %s", name, ticket.URL)
		}
	}
	changed := func(name, value string) file.Ticket {
		other := ticket
		other.Headers = maps.Clone(ticket.Headers)
		other.Headers[name] = value
		return other
	}
	foreign := ticket
	foreign.URL = strings.Replace(ticket.URL, key, key+"2", 1)
	longer := ticket
	longer.URL = strings.Replace(ticket.URL, "X-Amz-Expires=900", "X-Amz-Expires=9000", 1)
	flipped := bytes.Clone(body)
	flipped[0] ^= 1
	for name, c := range map[string]struct {
		t    file.Ticket
		body []byte
	}{
		"another type":              {changed("Content-Type", "text/html"), body},
		"another digest":            {changed("X-Amz-Checksum-Sha256", "AAAA"), body},
		"more than there was to be": {ticket, append(bytes.Clone(body), "x"...)},
		"cut short":                 {ticket, body[:len(body)-1]},
		"other bytes":               {ticket, flipped},
		"an acl besides":            {changed("X-Amz-Acl", "public-read"), body},
		"another object":            {foreign, body},
		"a longer life":             {longer, body},
	} {
		if status := filetest.Send(t, c.t, c.body); status < 400 || status > 499 {
			t.Errorf("%s: status %d", name, status)
		}
	}
	if _, err := b.Stat(t.Context(), key); !fault.Is(err, fault.NotFound) {
		t.Fatalf("something is there: %v", err)
	}
	now = now.Add(15*time.Minute + time.Second)
	if status := filetest.Send(t, ticket, body); status != http.StatusForbidden {
		t.Errorf("after its end: status %d", status)
	}
	now = noon()
	if status := filetest.Send(t, ticket, body); status != http.StatusOK {
		t.Fatalf("as it is: status %d", status)
	}
	if status := filetest.Send(t, ticket, body); status != http.StatusPreconditionFailed {
		t.Errorf("a second time: status %d", status)
	}
	sum := sha256.Sum256(body)
	info, err := b.Stat(t.Context(), key)
	if err != nil || info.Size != int64(len(body)) || info.SHA256 != hex.EncodeToString(sum[:]) || info.Tag == "" {
		t.Errorf("%+v %v", info, err)
	}
}

// What is given is a download of its name, for a while.
func TestGive(t *testing.T) {
	now := noon()
	b := filetest.New(t, func() time.Time { return now })
	if err := b.Put(t.Context(), "reports/one", "text/csv", []byte("line")); err != nil {
		t.Fatal(err)
	}
	link, err := b.Give(t.Context(), "reports/one", "report of monday.csv", "text/csv; charset=utf-8", 5*time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	status, header, body := filetest.Fetch(t, link.URL)
	if status != http.StatusOK || body != "line" ||
		header.Get("Content-Disposition") != `attachment; filename="report of monday.csv"` ||
		header.Get("Cache-Control") != "no-store" {
		t.Errorf("%d %q %v", status, body, header)
	}
	if status, _, _ := filetest.Fetch(t, strings.Replace(link.URL, "reports/one", "reports/two", 1)); status != http.StatusForbidden {
		t.Errorf("another object: status %d", status)
	}
	now = now.Add(6 * time.Minute)
	if status, _, _ := filetest.Fetch(t, link.URL); status != http.StatusForbidden {
		t.Errorf("after its end: status %d", status)
	}
}

// An object is read whole, in blocks, whatever goes wrong now and then on the way.
func TestOpen(t *testing.T) {
	b := filetest.New(t, noon)
	body := bytes.Repeat([]byte("0123456789abcdef"), 3<<16+5) // a little more than three blocks
	b.Overwrite(t, key, body)
	info, err := b.Stat(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{"", s3.SlowDown, s3.Fail, s3.CutShort, s3.LoseReply} {
		if kind != "" {
			if err := b.Server.Faults.Set([]sandbox.Fault{{Kind: kind, Count: 2, On: "GET"}}); err != nil {
				t.Fatal(err)
			}
		}
		got, err := io.ReadAll(b.Open(t.Context(), key, info))
		if err != nil || !bytes.Equal(got, body) {
			t.Errorf("%q: %d bytes, %v", kind, len(got), err)
		}
	}
	r := b.Open(t.Context(), key, info)
	if _, err := io.ReadFull(r, make([]byte, 1<<20)); err != nil {
		t.Fatal(err)
	}
	body[len(body)-1] ^= 1
	b.Overwrite(t, key, body)
	if _, err := io.ReadAll(r); !fault.Is(err, fault.Stale) {
		t.Errorf("replaced while it was read: %v", err)
	}
	if err := b.Remove(t.Context(), key); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(b.Open(t.Context(), key, info)); !fault.Is(err, fault.NotFound) {
		t.Errorf("removed: %v", err)
	}
}

func TestOwn(t *testing.T) {
	b := filetest.New(t, noon)
	if err := b.Put(t.Context(), "parts/1", "text/csv", nil); err != nil {
		t.Fatal(err)
	}
	if got, err := b.Get(t.Context(), "parts/1", 10); err != nil || len(got) != 0 {
		t.Errorf("an empty object: %q %v", got, err)
	}
	for range 2 {
		if err := b.Server.Faults.Set([]sandbox.Fault{{Kind: s3.LoseReply, Count: 1, On: "PUT"}}); err != nil {
			t.Fatal(err)
		}
		if err := b.Put(t.Context(), "parts/1", "text/csv", []byte("one")); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := b.Get(t.Context(), "parts/1", 3); err != nil || string(got) != "one" {
		t.Errorf("%q %v", got, err)
	}
	if _, err := b.Get(t.Context(), "parts/1", 2); !fault.Is(err, fault.Unavailable) {
		t.Errorf("longer than it may be: %v", err)
	}
	for range 2 {
		if err := b.Remove(t.Context(), "parts/1"); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Server.Faults.Set([]sandbox.Fault{{Kind: s3.SlowDown, Count: sandbox.Forever}}); err != nil {
		t.Fatal(err)
	}
	err := b.Put(t.Context(), "parts/1", "text/csv", nil)
	if !fault.Is(err, fault.Unavailable) || errors.Is(err, io.EOF) {
		t.Errorf("while there is no store: %v", err)
	}
}
