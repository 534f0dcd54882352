package recordview

import (
	"html"
	"regexp"
	"strings"
	"testing"
)

func TestSafe(t *testing.T) {
	for name, c := range map[string]struct{ in, want string }{
		"paragraphs and tables": {
			`<div xmlns="http://www.w3.org/1999/xhtml"><p id="x" class="y">12 May</p><table summary="s"><tr class="odd"><td colspan="5">None</td><td/></tr></table></div>`,
			`<div><p>12 May</p><table><tr><td colspan="5">None</td><td></td></tr></table></div>`,
		},
		"script":              {`<p>a<script>alert(1)</script>b</p>`, `<p>ab</p>`},
		"script in svg":       {`<p>a<svg><script>alert(1)</script><text>x</text></svg>b</p>`, `<p>ab</p>`},
		"empty style":         {`<div><style/><p>still there</p></div>`, `<div><p>still there</p></div>`},
		"handler":             {`<p onclick="alert(1)" style="background:url(x)">a</p>`, `<p>a</p>`},
		"link":                {`<p><a href="javascript:alert(1)">results</a></p>`, `<p>results</p>`},
		"image":               {`<p><img src="https://x.example/p.gif" onerror="alert(1)"/>a</p>`, `<p>a</p>`},
		"text like a tag":     {`<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>`, `<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>`},
		"CDATA":               {`<p><![CDATA[<script>alert(1)</script>]]></p>`, `<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>`},
		"comment":             {`<p>a<!-- <script>alert(1)</script> -->b</p>`, `<p>ab</p>`},
		"other namespace":     {`<p>a<x:script>alert(1)</x:script>b</p>`, `<p>ab</p>`},
		"capitals":            {`<P>a<ScRiPt>alert(1)</ScRiPt>b</P>`, `<p>ab</p>`},
		"dotted capital I":    {`<p>a<scrİpt>alert(1)</scrİpt>b</p>`, `<p>ab</p>`},
		"entities":            {`<p>5&nbsp;mg &amp; more</p>`, "<p>5\u00a0mg &amp; more</p>"},
		"hidden direction":    {"<p>a\u202eb</p>", `<p>ab</p>`},
		"span out of range":   {`<td colspan="99999999" rowspan="-1">a</td>`, `<td>a</td>`},
		"span with a handler": {`<td colspan="2 onclick=x">a</td>`, `<td>a</td>`},
		"span twice":          {`<td colspan="2" colspan="3">a</td>`, `<td colspan="2">a</td>`},
		"unknown element":     {`<p><blink>a</blink></p>`, `<p>a</p>`},
		"plain text":          {`no tags`, `no tags`},
		"not closed":          {`<p>a<b>c</p>`, `<pre>&lt;p&gt;a&lt;b&gt;c&lt;/p&gt;</pre>`},
		"cut off":             {`<p>a<scr`, `<pre>&lt;p&gt;a&lt;scr</pre>`},
		"own entity":          {`<!DOCTYPE d [<!ENTITY x "<script>">]><p>&x;</p>`, `<pre>&lt;!DOCTYPE d [&lt;!ENTITY x &#34;&lt;script&gt;&#34;&gt;]&gt;&lt;p&gt;&amp;x;&lt;/p&gt;</pre>`},
		"empty":               {``, ``},
	} {
		if got := safe(c.in); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
	if got := safe(strings.Repeat("<div>", maxNesting+1) + strings.Repeat("</div>", maxNesting+1)); !strings.HasPrefix(got, "<pre>") {
		t.Error("a narrative that nests too deep was taken apart")
	}
}

// harmless is all that a safe fragment may consist of: text without a bracket, and the tags of the allow-list with
// nothing in them but the span of a cell.
func harmless() *regexp.Regexp {
	names := strings.Join(append(kept(), void()...), "|")
	return regexp.MustCompile(`^(?:[^<>"]|</?(?:` + names + `)(?: (?:colspan|rowspan)="[0-9]{1,4}"){0,2}/?>)*$`)
}

func FuzzSafe(f *testing.F) {
	for _, seed := range []string{
		`<p>a</p>`, `<td colspan="2"/>`, `<script>x</script>`, `<p>&lt;</p>`, `<![CDATA[<b>]]>`, `<a:b xmlns:a="x" a:colspan="1"/>`,
		`<div><style/></div>`, `<?xml version="1.0" encoding="utf-16"?><p/>`, "<p>\u202e</p>", `<p`, `</p>`,
	} {
		f.Add(seed)
	}
	allowed := harmless()
	f.Fuzz(func(t *testing.T, in string) {
		out := safe(in)
		if !allowed.MatchString(out) {
			t.Errorf("%q gives %q", in, out)
		}
		if !balanced(out) {
			t.Errorf("%q gives %q, which is not balanced", in, out)
		}
		// What was made safe stays as it is, whoever makes it safe again.
		if again := safe(out); again != out && !strings.HasPrefix(out, "<pre>") && !strings.Contains(out, "\r") {
			t.Errorf("%q gives %q, and that %q", in, out, again)
		}
		_ = html.UnescapeString(out)
	})
}

// balanced tells whether every element that was opened is closed, in order.
func balanced(s string) bool {
	var open []string
	for _, tag := range regexp.MustCompile(`<(/?)([a-z0-9]+)[^>]*?(/?)>`).FindAllStringSubmatch(s, -1) {
		switch {
		case tag[3] != "":
		case tag[1] == "":
			open = append(open, tag[2])
		case len(open) == 0 || open[len(open)-1] != tag[2]:
			return false
		default:
			open = open[:len(open)-1]
		}
	}
	return len(open) == 0
}
