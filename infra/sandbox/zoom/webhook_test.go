package zoom_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"almanac/infra/sandbox"
	"almanac/infra/sandbox/zoom"
	"almanac/infra/sandbox/zoomtest"
)

// settle waits until no webhook is due.
func settle(t *testing.T, z *zoomtest.Stand) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := z.Settle(ctx); err != nil {
		t.Fatal(err)
	}
}

// names are the events heard, in order.
func names(list []zoomtest.Heard) string {
	var all []string
	for _, h := range list {
		all = append(all, strings.TrimPrefix(strings.TrimPrefix(h.Event, "meeting."), "participant_"))
	}
	return strings.Join(all, " ")
}

// Every change sends a webhook, those of the API too, signed over the raw body (facts 7.1, 8, 9).
func TestEveryChangeIsTold(t *testing.T) {
	z := zoomtest.New(t)
	ear := z.Listen(t)
	token := z.Authorise(t, zoom.Ada).Access
	var m made
	minutes, later := 45, time.Date(2026, 12, 1, 9, 0, 0, 0, time.UTC)
	guest := zoom.Participant{}
	for _, c := range []struct {
		do   func() error
		want string
	}{
		{func() error { m = create(t, z, token, nil); return nil }, "created"},
		{func() error { z.API(t, token, "PATCH", path(m), map[string]any{"duration": 30}); return nil }, "updated"},
		{func() error { z.API(t, token, "PATCH", path(m), map[string]any{"duration": 30}); return nil }, ""},
		{func() error { return z.Edit(m.ID, zoom.Change{Minutes: &minutes, Start: &later}) }, "updated"},
		{func() error { return z.Delete(m.ID, false) }, "deleted"},
		{func() error { return z.Recover(m.ID) }, "recovered"},
		{func() error { z.API(t, token, "DELETE", path(m), nil); return nil }, "deleted"},
		{func() error {
			z.API(t, token, "PUT", path(m)+"/status", map[string]any{"action": "recover"})
			return nil
		}, "recovered"},
		{func() error { _, err := z.Join(m.ID, zoom.Guest{Name: "Early"}); return err }, "jbh_waiting"},
		{func() error { return z.Start(m.ID) }, "started joined joined_waiting_room"},
		{func() error { var err error; guest, err = z.Join(m.ID, zoom.Guest{Name: "Pat"}); return err }, "joined_waiting_room"},
		{func() error { return z.Admit(m.ID, guest.UUID) }, "admitted left_waiting_room joined"},
		{func() error { return z.Leave(m.ID, guest.UUID) }, "left"},
		{func() error { return z.End(m.ID) }, "left left_waiting_room ended"},
		{func() error { return z.Delete(m.ID, true) }, "permanently_deleted"},
	} {
		before := len(ear.Heard())
		if err := c.do(); err != nil {
			t.Fatalf("%s: %v", c.want, err)
		}
		settle(t, z)
		if got := names(ear.Heard()[before:]); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
	for _, h := range ear.Heard() {
		if !h.SignedWith(z.Secrets[0], z.Clock.Now()) || h.Header.Get("X-Zm-Trackingid") == "" {
			t.Errorf("%s is not signed: %v", h.Event, h.Header)
		}
	}
}

// What the events carry: the number as number or text by the event's type, only what changed, an empty ID of who is not
// signed in, a stamp that only grows (facts 7.4, 7.5).
func TestShapes(t *testing.T) {
	for _, odd := range []bool{false, true} {
		z := zoomtest.New(t)
		ear := z.Listen(t, func(h *zoom.Hook) { h.OddIDs = odd })
		token := z.Authorise(t, zoom.Ada).Access
		m := create(t, z, token, map[string]any{"settings": map[string]any{}})
		z.API(t, token, "PATCH", path(m), map[string]any{"duration": 30})
		z.API(t, token, "PATCH", path(m), map[string]any{"topic": "Other"})
		_ = z.Start(m.ID)
		_, _ = z.Join(m.ID, zoom.Guest{Name: "Pat"})
		_, _ = z.Join(m.ID, zoom.Guest{SignedIn: zoom.Ben})
		_ = z.End(m.ID)
		settle(t, z)
		last := 0.0
		for _, h := range ear.Heard() {
			_, number := h.Object()["id"].(float64)
			running := strings.Contains(h.Event, "started") || strings.Contains(h.Event, "ended") || strings.Contains(h.Event, "participant")
			stamp, _ := h.Map["event_ts"].(float64)
			if number == (running != odd) || stamp <= last || h.Payload()["account_id"] != zoom.AccountOne {
				t.Errorf("%s: %s", h.Event, h.Body)
			}
			last = stamp
		}
		updated := ear.Heard("meeting.updated")
		for n, want := range []string{"duration id", "id topic"} {
			object, old := updated[n].Object(), updated[n].Payload()["old_object"].(map[string]any)
			if keys(object) != want || keys(old) != want || updated[n].Payload()["operator"] != "ada.okonjo@zoom.example" || updated[n].Payload()["time_stamp"] == nil {
				t.Errorf("%s", updated[n].Body)
			}
		}
		var ids []any
		for _, h := range ear.Heard("meeting.participant_joined") {
			ids = append(ids, h.Object()["participant"].(map[string]any)["id"])
		}
		if !slices.Equal(ids, []any{zoom.Ada, "", zoom.Ben}) {
			t.Errorf("joined: %v", ids)
		}
		if end := ear.Heard("meeting.ended"); len(end) != 1 || end[0].Object()["end_time"] != "2026-11-21T09:00:00Z" {
			t.Errorf("ended: %v", end)
		}
	}
}

func keys(m map[string]any) string {
	var list []string
	for k := range m {
		list = append(list, k)
	}
	slices.Sort(list)
	return strings.Join(list, " ")
}

// Bodies mix literal UTF-8 with escapes, and two deliveries of one event differ in the order of keys, so only the raw
// bytes verify (facts 7.1, 9).
func TestBodiesVary(t *testing.T) {
	z := zoomtest.New(t)
	ear := z.Listen(t, func(h *zoom.Hook) { h.Copies = 5 })
	token := z.Authorise(t, zoom.Ada).Access
	const topic = "Überprüfung 🩺 \"<b>\\"
	create(t, z, token, map[string]any{"topic": topic})
	settle(t, z)
	seen := map[string]bool{}
	all := ""
	for _, h := range ear.Heard("meeting.created") {
		if h.Object()["topic"] != topic || !h.SignedWith(z.Secrets[0], z.Clock.Now()) || !strings.Contains(string(h.Body), `\ud83e\ude7a`) {
			t.Errorf("%s", h.Body)
		}
		seen[string(h.Body)] = true
		all += string(h.Body)
	}
	if len(seen) != 5 || !strings.Contains(all, "ü") || !strings.Contains(all, `\u00fc`) {
		t.Errorf("%d different bodies", len(seen))
	}
}

// Webhooks reach an app for users who have it installed, and no others (facts 7.3).
func TestWhoIsTold(t *testing.T) {
	z := zoomtest.New(t)
	ear := z.Listen(t)
	z.Authorise(t, zoom.Ada)
	minutes := 15
	for _, who := range []string{zoom.Ada, zoom.Ben} {
		if _, err := z.Schedule(who, zoom.Change{Minutes: &minutes}); err != nil {
			t.Fatal(err)
		}
	}
	_ = z.Uninstall("", zoom.Ada)
	_, _ = z.Schedule(zoom.Ada, zoom.Change{})
	settle(t, z)
	if got := names(ear.Heard()); got != "created app_deauthorized" {
		t.Errorf("heard %q", got)
	}
	if got := ear.Heard()[0].Object()["creation_source"]; got != "web_portal" {
		t.Errorf("made in the portal, said %v", got)
	}
}

// An answer other than 2xx is tried again 5, 20 and 60 minutes later, then dropped (facts 7.3).
func TestRetries(t *testing.T) {
	for _, stale := range []bool{false, true} {
		z := zoomtest.New(t)
		ear := z.Listen(t, func(h *zoom.Hook) { h.StaleRetry = stale })
		statuses := []int{500, 302, 404, 503}
		ear.Answer(func(zoomtest.Heard) (int, string) { return statuses[len(ear.Heard())-1], "" })
		z.Authorise(t, zoom.Ada)
		_, _ = z.Schedule(zoom.Ada, zoom.Change{})
		settle(t, z)
		begun := z.Clock.Now()
		for n, wait := range []time.Duration{5 * time.Minute, 20 * time.Minute, time.Hour} {
			z.Clock.Pass(wait - time.Second)
			settle(t, z)
			if got := len(ear.Heard()); got != n+1 {
				t.Fatalf("before the wait: %d tries", got)
			}
			z.Clock.Pass(time.Second)
			settle(t, z)
			if got := len(ear.Heard()); got != n+2 {
				t.Fatalf("after the wait: %d tries", got)
			}
			signed := z.Clock.Now()
			if stale {
				signed = begun
			}
			if last := ear.Heard()[n+1]; !last.SignedWith(z.Secrets[0], signed) || string(last.Body) != string(ear.Heard()[0].Body) {
				t.Errorf("retry %d is signed otherwise", n+1)
			}
		}
		z.Clock.Pass(48 * time.Hour)
		settle(t, z)
		if list := z.Deliveries(); len(list) != 1 || list[0].State != zoom.Failed || len(list[0].Tries) != 4 {
			t.Errorf("%+v", list)
		}
	}
}

// An answer later than 3 seconds is none (facts 7.2, 7.3).
func TestSlowAnswer(t *testing.T) {
	z := zoomtest.New(t)
	ear := z.Listen(t)
	ear.Answer(func(zoomtest.Heard) (int, string) { time.Sleep(3200 * time.Millisecond); return 200, "" })
	z.Authorise(t, zoom.Ada)
	_, _ = z.Schedule(zoom.Ada, zoom.Change{})
	settle(t, z)
	if list := z.Deliveries(zoom.Queued); len(list) != 1 || list[0].Tries[0].Status != 0 || list[0].Tries[0].Error == "" {
		t.Errorf("%+v", list)
	}
}

// Delay, re-ordering and what a test delivers by hand (facts 7.3).
func TestDisorder(t *testing.T) {
	z := zoomtest.New(t, func(c *zoom.Config) { c.Manual = true })
	ear := z.Listen(t, func(h *zoom.Hook) { h.Delay = sandbox.Delay(time.Hour) })
	z.Authorise(t, zoom.Ada)
	for range 12 {
		_, _ = z.Schedule(zoom.Ada, zoom.Change{})
	}
	if z.Tick(t.Context()); len(ear.Heard()) != 0 {
		t.Fatal("sent before the delay was over")
	}
	before := order(z.Deliveries())
	z.Shuffle()
	if after := order(z.Deliveries()); after == before {
		t.Error("not mixed")
	}
	last := z.Deliveries()[11]
	if status, err := z.Deliver(t.Context(), last.ID); status != 204 || err != nil {
		t.Errorf("%d %v", status, err)
	}
	if status, err := z.Deliver(t.Context(), last.ID); status != 204 || err != nil || len(ear.Heard()) != 2 {
		t.Errorf("again: %d %v", status, err)
	}
	z.Clock.Pass(time.Hour)
	if n := z.Flush(t.Context()); n != 11 || len(ear.Heard()) != 13 {
		t.Errorf("%d sent, %d heard", n, len(ear.Heard()))
	}
	if z.Flush(t.Context()) != 0 {
		t.Error("sent twice")
	}
}

func hmacOf(key, text string) string {
	h := hmac.New(sha256.New, []byte(key))
	h.Write([]byte(text))
	return hex.EncodeToString(h.Sum(nil))
}

func order(list []zoom.Delivery) string {
	var ids []string
	for _, d := range list {
		ids = append(ids, fmt.Sprint(d.ID))
	}
	return strings.Join(ids, " ")
}

// The faults of webhooks.
func TestEventFaults(t *testing.T) {
	for kind, c := range map[string]struct {
		heard  int
		signed bool
	}{
		zoom.DropEvent: {0, false}, zoom.DoubleEvent: {2, true}, zoom.Tampered: {1, false}, zoom.Unsigned: {1, false},
		zoom.Foreign: {1, false}, zoom.Old: {1, false}, zoom.Ahead: {1, false}, zoom.Uppercase: {1, false},
	} {
		z := zoomtest.New(t)
		ear := z.Listen(t)
		z.Authorise(t, zoom.Ada)
		if err := z.EventFaults.Add(sandbox.Fault{Kind: kind, Count: 1, On: "meeting.created " + zoom.Ada}); err != nil {
			t.Fatal(err)
		}
		m, _ := z.Schedule(zoom.Ada, zoom.Change{})
		_ = z.Delete(m.ID, false)
		settle(t, z)
		heard := slices.DeleteFunc(ear.Heard(), func(h zoomtest.Heard) bool { return h.Event == "meeting.deleted" })
		if len(heard) != c.heard || len(ear.Heard("meeting.deleted")) != 1 {
			t.Errorf("%s: heard %d", kind, len(heard))
		}
		for _, h := range heard {
			if h.SignedWith(z.Secrets[0], z.Clock.Now()) != c.signed {
				t.Errorf("%s: signed %v", kind, !c.signed)
			}
		}
		if kind == zoom.DoubleEvent && string(heard[0].Body) == string(heard[1].Body) {
			t.Error("the double is the same to the byte")
		}
	}
}

// Secrets rotate: the newest signs, deauthorisation perhaps with another (facts 5, 7.1).
func TestSecrets(t *testing.T) {
	z := zoomtest.New(t)
	ear := z.Listen(t, func(h *zoom.Hook) { h.DeauthoriseSign = z.Secrets[1] })
	z.Authorise(t, zoom.Ada)
	_, _ = z.Schedule(zoom.Ada, zoom.Change{})
	_ = z.Uninstall("", zoom.Ada)
	settle(t, z)
	for n, secret := range z.Secrets {
		if !ear.Heard()[n].SignedWith(secret, z.Clock.Now()) {
			t.Errorf("event %d is signed otherwise", n)
		}
	}
	z.Hook(t, ear.URL+"/events", func(h *zoom.Hook) { h.Secret = "the next one" })
	z.Authorise(t, zoom.Ada)
	_, _ = z.Schedule(zoom.Ada, zoom.Change{})
	settle(t, z)
	if !ear.Heard()[2].SignedWith("the next one", z.Clock.Now()) {
		t.Error("the new secret does not sign")
	}
	if err := z.SetHook("", zoom.Hook{URL: "https://example.com/"}); err == nil {
		t.Error("webhooks would leave this computer")
	}
}

// The forms in which an uninstallation is told, at its own address (facts 5).
func TestDeauthorised(t *testing.T) {
	for variant, check := range map[string]func(all, payload map[string]any) bool{
		"": func(all, p map[string]any) bool {
			r, ok := p["user_data_retention"]
			return all["event_ts"] != nil && ok && r == nil
		},
		zoom.NoStamp: func(all, p map[string]any) bool { return all["event_ts"] == nil && p["event_ts"] == nil },
		zoom.InnerText: func(all, p map[string]any) bool {
			return all["event_ts"] == nil && p["event_ts"] == "2026-11-21 09:00:00"
		},
		zoom.InnerNumber:     func(all, p map[string]any) bool { return all["event_ts"] == nil && p["event_ts"].(float64) > 1.79e12 },
		zoom.RetentionText:   func(_, p map[string]any) bool { return p["user_data_retention"] == "false" },
		zoom.RetentionAbsent: func(_, p map[string]any) bool { _, ok := p["user_data_retention"]; return !ok },
	} {
		z := zoomtest.New(t)
		ear := z.Listen(t, func(h *zoom.Hook) { h.Variant = variant })
		z.Hook(t, ear.URL+"/events", func(h *zoom.Hook) { h.Variant, h.DeauthoriseURL = variant, ear.URL+"/deauthorised" })
		tokens := z.Authorise(t, zoom.Ada)
		z.Ask(t, "", "revoke", map[string][]string{"token": {tokens.Access}})
		_ = z.Faults.Add(sandbox.Fault{Kind: zoom.Uninstall, Count: 1})
		me(t, z, tokens.Access) // twice is once
		settle(t, z)
		heard := ear.Heard()
		if len(heard) != 1 || heard[0].Path != "/deauthorised" || heard[0].Event != "app_deauthorized" {
			t.Fatalf("%s: %v", variant, heard)
		}
		p := heard[0].Payload()
		signature, _ := p["signature"].(string)
		if !check(heard[0].Map, p) || p["user_id"] != zoom.Ada || p["account_id"] != zoom.AccountOne ||
			p["client_id"] != z.ClientID || len(signature) != 64 || p["deauthorization_time"] != "2026-11-21T09:00:00.000Z" {
			t.Errorf("%s: %s", variant, heard[0].Body)
		}
	}
}

// endpoint.url_validation comes at the start and every 72 hours; three failures in a row end the events (facts 7.2).
func TestValidation(t *testing.T) {
	z := zoomtest.New(t)
	var good atomic.Bool
	good.Store(true)
	ear := z.Listen(t)
	ear.Answer(func(h zoomtest.Heard) (int, string) {
		plain, _ := h.Payload()["plainToken"].(string)
		if plain == "" || !good.Load() {
			return 200, ""
		}
		out, _ := json.Marshal(map[string]string{"plainToken": plain, "encryptedToken": hmacOf(z.Secrets[0], plain)})
		return 200, string(out)
	})
	z.Hook(t, ear.URL+"/events", func(h *zoom.Hook) { h.NoCheck = false })
	until := func(what string, ok func() bool) {
		t.Helper()
		for range 400 {
			if ok() {
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
		t.Fatalf("never %s: %d heard", what, len(ear.Heard()))
	}
	count := func() int { return len(ear.Heard("endpoint.url_validation")) }
	until("valid", func() bool { return z.Valid("") })
	settle(t, z)
	if count() != 1 || !ear.Heard()[0].SignedWith(z.Secrets[0], z.Clock.Now()) {
		t.Fatal("not validated once, signed")
	}
	z.Clock.Pass(71 * time.Hour)
	time.Sleep(250 * time.Millisecond)
	if count() != 1 {
		t.Error("validated early")
	}
	z.Clock.Pass(time.Hour)
	until("validated again", func() bool { return count() == 2 })
	settle(t, z)
	good.Store(false)
	for n := range 3 {
		z.Clock.Pass(72 * time.Hour)
		until("asked", func() bool { return count() == 3+n })
		settle(t, z)
	}
	z.Authorise(t, zoom.Ada)
	_, _ = z.Schedule(zoom.Ada, zoom.Change{})
	settle(t, z)
	if len(ear.Heard("meeting.created")) != 0 {
		t.Error("events go on")
	}
	good.Store(true)
	if err := z.Validate(t.Context(), ""); err != nil {
		t.Error(err)
	}
	_, _ = z.Schedule(zoom.Ada, zoom.Change{})
	settle(t, z)
	if len(ear.Heard("meeting.created")) != 1 {
		t.Error("events did not come back")
	}
}

// The admin-managed app hears of users (facts 7.4).
func TestUserEvents(t *testing.T) {
	z := zoomtest.New(t)
	ear := z.Listen(t)
	if err := z.SetHook(zoom.Admin, zoom.Hook{URL: ear.URL + "/users", Secret: "admin's", NoCheck: true}); err != nil {
		t.Fatal(err)
	}
	token := z.AuthoriseAdmin(t, zoom.Gus).Access
	z.API(t, token, "POST", "/v2/users", newUser("hana.whitby@zoom.example", "create", 1))
	_ = z.Activate("hana.whitby@zoom.example")
	_ = z.Readdress("hana.whitby@zoom.example", "hana.moss@zoom.example")
	_ = z.Deactivate("hana.moss@zoom.example")
	_ = z.RemoveUser("hana.moss@zoom.example")
	settle(t, z)
	if got := names(ear.Heard()); got != "user.created user.invitation_accepted user.activated user.updated user.deactivated user.deleted" {
		t.Errorf("heard %q", got)
	}
	if h := ear.Heard()[0]; h.Path != "/users" || !h.SignedWith("admin's", z.Clock.Now()) || h.Payload()["creation_type"] != "create" {
		t.Errorf("%s", h.Body)
	}
}

// What a test makes up goes out byte for byte.
func TestEmit(t *testing.T) {
	z := zoomtest.New(t)
	ear := z.Listen(t)
	const raw = `{"event":"meeting.updated", "payload":{"object":{"id":"12 3"}}}`
	if err := z.Emit("", "meeting.updated", []byte(raw)); err != nil {
		t.Fatal(err)
	}
	settle(t, z)
	if h := ear.Heard(); len(h) != 1 || string(h[0].Body) != raw || !h[0].SignedWith(z.Secrets[0], z.Clock.Now()) {
		t.Errorf("%v", h)
	}
	if err := zoomtest.New(t).Emit("", "x", nil); err == nil {
		t.Error("sent to nowhere")
	}
}
