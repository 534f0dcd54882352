package sandbox

import (
	"bytes"
	"errors"
	"html/template"
	"net/http"
	"strconv"
)

// maxForm bounds a form of a page.
const maxForm = 64 << 10

// Page answers with one of the templates that text defines; "pages" is the text itself.
func Page(w http.ResponseWriter, status int, text, name string, funcs template.FuncMap, data any) {
	t, err := template.New("pages").Funcs(funcs).Parse(text)
	var b bytes.Buffer
	if err == nil {
		err = t.ExecuteTemplate(&b, name, data)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes())
}

// Back sends a browser back to a page. http.Redirect would make the address absolute and lose the path before it.
func Back(w http.ResponseWriter, to string) {
	w.Header().Set("Location", to)
	w.WriteHeader(http.StatusSeeOther)
}

// Times says how often a fault is to happen.
func Times(n int) string {
	switch n {
	case Forever:
		return "until cleared"
	case 1:
		return "once"
	}
	return strconv.Itoa(n) + " times"
}

// FormFault reads the fault that somebody filled in on a page; programs send JSON to /dev/faults.
func FormFault(w http.ResponseWriter, r *http.Request) (Fault, error) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	f := Fault{Kind: r.PostFormValue("kind"), On: r.PostFormValue("on")}
	var err error
	if f.Count, err = strconv.Atoi(r.PostFormValue("count")); err != nil {
		return f, errors.New("the count must be a number")
	}
	if f.Kind == Slow {
		return f, f.Delay.UnmarshalText([]byte(r.PostFormValue("delay")))
	}
	return f, nil
}
