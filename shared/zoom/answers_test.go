package zoom_test

import (
	"context"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"almanac/shared/fault"
	"almanac/shared/video"
	"almanac/shared/zoom"
)

// answers checks what holds of every call, whatever is answered: an error is one of those that callers know, and what
// is no error is whole.
func answers(t *testing.T, status int, body, after string) {
	t.Helper()
	transport := detour(func(*http.Request) (*http.Response, error) {
		return &http.Response{
			StatusCode: status, Header: http.Header{"Retry-After": {after}}, Body: io.NopCloser(strings.NewReader(body)),
		}, nil
	})
	api, err := zoom.New(zoom.Settings{
		URL: "https://api.zoom.us", HTTP: &http.Client{Transport: transport}, Now: func() time.Time { return noon },
		Pace: func(context.Context, string) error { return nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	rooms := zoom.NewRooms(api, func(_ context.Context, h video.Host, rejected string) (zoom.Access, error) {
		return zoom.Access{Token: "t" + rejected, Account: h.Connection}, nil
	})
	ctx := hurried(t)
	on := func(n int) video.Host { return video.Host{Connection: strconv.Itoa(n)} }

	made, err := rooms.Create(ctx, on(1), want)
	known(t, "create", err)
	if err == nil && (made.Ref == "" || !strings.HasPrefix(made.JoinURL, "https://")) {
		t.Errorf("made %+v", made)
	}
	got, err := rooms.Get(ctx, on(2), ref)
	known(t, "get", err)
	if err == nil && got.Ref != ref {
		t.Errorf("got %+v", got)
	}
	_, err = rooms.Upcoming(ctx, on(3))
	known(t, "list", err)
	known(t, "update", rooms.Update(ctx, on(4), ref, video.Difference{Start: &noon}))
	known(t, "delete", rooms.Delete(ctx, on(5), ref))
	link, err := rooms.HostLink(ctx, on(6), ref)
	known(t, "link", err)
	if err == nil && !strings.HasPrefix(link, "https://") {
		t.Errorf("link %q", link)
	}
	if me, err := api.Me(ctx, zoom.Access{Token: "t"}); err == nil && (me.ID == "" || me.Account == "") {
		t.Error("nobody")
	}
	app := zoom.App{URL: "https://zoom.us", API: "https://api.zoom.us", HTTP: &http.Client{Transport: transport}, Now: func() time.Time { return noon }}
	if g, err := app.Refresh(ctx, "r"); err == nil && (g.Access == "" || g.Refresh == "" || !g.Expires.After(noon) || !strings.HasSuffix(g.APIURL, ".zoom.us")) {
		t.Error("half a grant")
	}
}

// known checks that an error is one of a video.Provider's.
func known(t *testing.T, what string, err error) {
	t.Helper()
	if err == nil {
		return
	}
	f := fault.Of(err)
	kind, ok := map[string]fault.Kind{
		video.ProviderUnavailable: fault.Unavailable, video.OutcomeUnknown: fault.Unavailable, video.ProviderBusy: fault.Limited,
		video.DailyQuota: fault.Limited, video.NeedsReauth: fault.Denied, video.RoomGone: fault.NotFound,
		video.RoomStarted: fault.Conflict, video.RoomEnded: fault.Conflict, video.NotHost: fault.Conflict,
		video.ProviderRefused: fault.Invalid,
	}[f.Code]
	if !ok || kind != f.Kind || f.Code == video.OutcomeUnknown && what != "create" || what == "delete" && f.Code == video.RoomGone {
		t.Errorf("%s: %v", what, err)
	}
	if (f.Kind == fault.Limited) != (f.RetryAfter > 0) && f.Kind != fault.Unavailable || f.RetryAfter < 0 || f.RetryAfter > 26*time.Hour {
		t.Errorf("%s: %v after %v", what, err, f.RetryAfter)
	}
}
