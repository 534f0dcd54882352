package task_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"almanac/shared/access"
	"almanac/shared/clinic"
	"almanac/shared/clinictest"
	"almanac/shared/fault"
	"almanac/shared/id"
	"almanac/shared/task"
)

// One task is shown as the list has it, to those whom the list shows it to; to all others it is as if it were not there.
func TestShow(t *testing.T) {
	o := newOffice(t)
	o.raise(t, o.matter(1))
	want := o.list(t, clinictest.Receptionist, task.Open)[0]
	got, err := o.s.Show(t.Context(), o.By(t, clinictest.Receptionist), want.ID)
	if err != nil || got.ID != want.ID || got.Text != want.Text || got.Text == "" || !got.RaisedAt.Equal(want.RaisedAt) || got.ETagVersion() != 1 {
		t.Errorf("%+v, %v", got, err)
	}
	elsewhere := o.Employ(t, clinic.Staff{Roles: []access.Role{access.Receptionist}, SiteIDs: []string{o.NewSite(t)}})
	stranger := o.Found(t)
	for name, by := range map[string]access.Caller{
		"somebody elsewhere": o.By(t, elsewhere), "another organisation": stranger.By(t, clinictest.Manager),
	} {
		if got, err := o.s.Show(t.Context(), by, want.ID); !fault.Is(err, fault.NotFound) || got.ID != "" {
			t.Errorf("%s is shown %+v, %v", name, got, err)
		}
	}
	for _, one := range []string{"", "nonsense", id.New(task.Prefix), o.apt.ID} {
		if _, err := o.s.Show(t.Context(), o.By(t, clinictest.Manager), one); !fault.Is(err, fault.NotFound) {
			t.Errorf("%q: %v", one, err)
		}
	}
}

// The documentation has each kind of task, in the words that the task has.
func TestCodes(t *testing.T) {
	o := newOffice(t)
	o.raise(t, o.matter(1))
	one := o.list(t, clinictest.Receptionist, task.Open)[0]
	for _, c := range one.Codes()["kind"] {
		if c[0] == one.Kind && c[1] == one.Text {
			return
		}
	}
	t.Errorf("%s is not explained as %q", one.Kind, one.Text)
}

// The runbook says of each kind what to tell who asks.
func TestRunbook(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "runbook.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, chapter, _ := strings.Cut(string(text), "\n## What the staff are asked to do\n")
	chapter, _, _ = strings.Cut(chapter, "\n## ")
	for _, c := range (task.Task{}).Codes()["kind"] {
		if !strings.Contains(chapter, "`"+c[0]+"`") {
			t.Errorf("docs/runbook.md does not say what to do about %s", c[0])
		}
	}
}
