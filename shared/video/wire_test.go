package video_test

import (
	"strings"
	"testing"
	"time"

	"almanac/shared/fault"
	"almanac/shared/video"
)

// What later code wrote is told from what nobody did: it waits for that code, and the rest is given up soon.
func TestDecodeNoticeOfLaterCode(t *testing.T) {
	text, err := video.EncodeNotice(video.Notice{
		V: video.NoticeVersion, Provider: "zoom", Kind: video.RoomUpdated, Account: "a", Room: "1",
		Received: time.Date(2027, 1, 4, 7, 0, 0, 0, time.UTC),
	})
	if err != nil {
		t.Fatal(err)
	}
	kind := `"` + string(video.RoomUpdated) + `"`
	for body, want := range map[string]string{
		strings.Replace(text, kind, `"painted"`, 1): "unknown_name",
		strings.Replace(text, kind, `""`, 1):        "malformed_message",
		strings.Replace(text, kind, `"a b"`, 1):     "malformed_message",
		strings.Replace(text, `"v":1`, `"v":2`, 1):  "unknown_version",
	} {
		if _, err := video.DecodeNotice(body); err == nil || fault.Of(err).Code != want {
			t.Errorf("%s: %v, not %s", body, err, want)
		}
	}
}
