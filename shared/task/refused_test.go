package task_test

import (
	"testing"
	"time"

	"almanac/shared/id"
	"almanac/shared/video"
)

// An account whose provider refuses to show its rooms is a matter until it is connected again, or is no more.
func TestRefusedAccount(t *testing.T) {
	o := newOffice(t)
	again, gone, then := id.New("con"), id.New("con"), o.Clock.Now()
	for _, con := range []string{again, gone} {
		for range 2 {
			err := o.s.OfVisit(t.Context(), o.job, video.Trouble{
				Why: video.ProviderRefused, Subject: "staff-x", Connection: con, Sequence: then.Unix(),
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	if o.open(t) != "provider_refused provider_refused" {
		t.Fatalf("open %s", o.open(t))
	}
	for at, want := range []string{"provider_refused provider_refused", "provider_refused"} {
		made := video.Account{Connection: again, Subject: "staff-x", Granted: then.Add(time.Duration(at) * time.Minute)}
		if err := o.s.OfMade(t.Context(), o.job, made); err != nil {
			t.Fatal(err)
		}
		if o.open(t) != want {
			t.Errorf("connected after %d minutes, open %s", at, o.open(t))
		}
	}
	if err := o.s.OfGone(t.Context(), o.job, video.Account{Connection: gone, Subject: "staff-x"}); err != nil {
		t.Fatal(err)
	}
	if o.open(t) != "" {
		t.Errorf("gone, open %s", o.open(t))
	}
}
