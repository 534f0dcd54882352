package sandbox

import (
	_ "embed" // for the stylesheet
	"net/http"
)

//go:embed style.css
var stylesheet []byte

// Style serves the one stylesheet of the stand-ins' pages.
func Style(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/css; charset=utf-8")
	_, _ = w.Write(stylesheet)
}
