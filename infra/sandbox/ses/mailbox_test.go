package ses_test

import (
	"strings"
	"testing"

	"almanac/infra/sandbox/ses"
)

func TestMailboxJSON(t *testing.T) {
	s := newStand(t, func(c *ses.Config) { c.Keep = 2 })
	var ids []string
	for range 3 {
		id, err := s.send(raw)
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	if list := s.mails(""); len(list) != 2 || list[0].ID != ids[2] || list[1].ID != ids[1] {
		t.Errorf("not the newest two, newest first: %d", len(list))
	}
	if list := s.mails("?to=other@example.net"); len(list) != 0 {
		t.Errorf("%d mails to somebody else", len(list))
	}
	if resp, _ := s.do("DELETE", "/mailbox", ""); resp.Status != 204 || len(s.Mails("")) != 0 {
		t.Errorf("delete: %d", resp.Status)
	}
}

func TestMailboxJSONWaits(t *testing.T) {
	s := newStand(t)
	got := make(chan int)
	go func() { got <- len(s.mails("?wait=30s&count=2&to=" + to)) }()
	for range 2 {
		if _, err := s.send(raw); err != nil {
			t.Error(err)
		}
	}
	if n := <-got; n != 2 {
		t.Errorf("got %d mails", n)
	}
	for _, q := range []string{"?wait=x", "?wait=2h", "?wait=-1s", "?count=x"} {
		if resp, _ := s.do("GET", "/mailbox.json"+q, ""); resp.Status != 400 {
			t.Errorf("%s: %d", q, resp.Status)
		}
	}
}

func TestPages(t *testing.T) {
	s := newStand(t)
	hostile := "From: " + from + "\r\nTo: \"<script>\" <pat@example.net>\r\nSubject: <script>alert(1)</script>\r\n" +
		"Content-Type: multipart/mixed; boundary=b\r\n\r\n" +
		"--b\r\n\r\njavascript:alert(1) https://example.com/<script>\r\n" +
		"--b\r\nContent-Type: text/html\r\n\r\n<a href='javascript:alert(1)'>x</a><script>alert(1)</script>\r\n" +
		"--b\r\nContent-Type: text/html; name=\"../x\\\"<script>.html\"\r\n\r\n<script>alert(2)</script>\r\n" +
		"--b\r\nContent-Type: text/calendar\r\n\r\nBEGIN:VEVENT\r\nSUMMARY:<script>\r\nURL:javascript:alert(1)\r\nDTSTART:x\r\nEND:VEVENT\r\nEND:END\r\n--b--\r\n"
	empty := "From: " + from + "\r\nTo: pat@example.net\r\n\r\n"
	for name, data := range map[string]string{"usual": raw, "hostile": hostile, "empty": empty} {
		id, err := s.send(data)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, path := range []string{"/mailbox", "/mailbox?to=%22%3E%3Cscript%3E", "/mailbox?refresh=5", "/mailbox/" + id} {
			resp, body := s.do("GET", path, "")
			csp := resp.Header.Get("Content-Security-Policy")
			if resp.Status != 200 || strings.Contains(body, "<script") || strings.Contains(body, `href="javascript`) ||
				!strings.Contains(csp, "default-src 'none'") || strings.Contains(csp, "unsafe") {
				t.Errorf("%s %s: %d %s\n%s", name, path, resp.Status, csp, body)
			}
			if strings.Contains(body, `http-equiv="refresh"`) != strings.Contains(path, "refresh") {
				t.Errorf("%s: reloads, or not, against what was asked", path)
			}
		}
	}
}

func TestPagesOfOneMail(t *testing.T) {
	s := newStand(t)
	if _, err := s.send(raw); err != nil {
		t.Fatal(err)
	}
	m := s.Mails("")[0]
	_, body := s.do("GET", "/mailbox/"+m.ID, "")
	for _, want := range []string{
		"Thursday 1 July 2027, 9:30am to 10am (BST)", "21 November 2026, 9:05am", `sandbox=""`, "Invitation or change",
		`href="https://almanac.example.com/j/abc=x"`, `href="https://almanac.example.com/j/abc?x&amp;y"`,
	} {
		if !strings.Contains(body, want) {
			t.Errorf("%q is missing in\n%s", want, body)
		}
	}
}

func TestPartsOfOneMail(t *testing.T) {
	s := newStand(t)
	if _, err := s.send(raw); err != nil {
		t.Fatal(err)
	}
	m := s.Mails("")[0]
	resp, body := s.do("GET", "/mailbox/"+m.ID+"/html", "")
	if csp := resp.Header.Get("Content-Security-Policy"); !strings.HasPrefix(csp, "sandbox; default-src 'none'") || !strings.Contains(body, "<p>Dear") {
		t.Errorf("HTML part: %q\n%s", csp, body)
	}
	resp, body = s.do("GET", "/mailbox/"+m.ID+"/part/0", "")
	if d := resp.Header.Get("Content-Disposition"); d != "attachment; filename=invite.ics" || !strings.HasPrefix(body, "BEGIN:VCALENDAR") {
		t.Errorf("attachment: %q", d)
	}
	for _, path := range []string{"/mailbox/x", "/mailbox/x/raw", "/mailbox/x/html", "/mailbox/" + m.ID + "/part/1", "/mailbox/" + m.ID + "/part/-1"} {
		if resp, _ := s.do("GET", path, ""); resp.Status != 404 {
			t.Errorf("%s: %d", path, resp.Status)
		}
	}
	if resp, _ := s.do("POST", "/mailbox/empty", ""); resp.Status != 200 || len(s.Mails("")) != 0 {
		t.Errorf("empty: %d", resp.Status)
	}
}
