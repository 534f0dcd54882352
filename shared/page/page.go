// Package page serves our own pages to people who have no log-in: what they share in looks, headers and manners. Its
// rules: a page is rendered here and runs no script, so its policy forbids everything but its own style; nothing of a
// request's address, query or body is logged, or shown unless a page asks for it; and whatever goes wrong is answered
// with a page that says what to do.
package page

import (
	"context"
	"log/slog"
	"net/url"
	"time"

	"github.com/aws/aws-lambda-go/events"
)

// Routes is the route table: "GET /v/{token}" and what answers it. HEAD is answered as GET is, without the body.
type Routes map[string]Func

// Request is what a page may know of a request.
type Request struct {
	// Path holds the parameters of the address; they can be any text.
	Path map[string]string
	// Query is the query; a malformed one is empty.
	Query url.Values
	// Cookies are "name=value" each.
	Cookies []string
	// Address is the other end of the connection as the gateway saw it. What headers say of it does not count.
	Address string
}

// Answer is what is answered: a page, or with To the way to another one.
type Answer struct {
	Status  int // 200 if zero, and 303 with To
	Sheet   *Sheet
	Content any // what the sheet shows
	Title   string
	// From is the name of whose page it is, above the rest; empty for none.
	From string
	// FormTo lists the origins that the page's forms may lead to, besides its own; nil for a page without forms.
	FormTo []string
	// To is where to go instead.
	To string
	// Refresh makes the browser ask again, for Again if that is set, by itself.
	Refresh time.Duration
	Again   string
	// Cookies are set, each as a Set-Cookie header has it.
	Cookies []string
	// Org, Action and State are for the log: whose page it was, what was done and what it showed.
	Org, Action, State string
	headers            map[string]string // besides those of every page
}

// Edge is what all pages of a function share.
type Edge struct {
	Log *slog.Logger
	// Lost is what the page says where there is nothing, paragraph by paragraph, and Help what every page says on which
	// nothing can be shown.
	Lost []string
	Help string
	// Now is the clock, for the log's durations.
	Now func() time.Time
}

// Handler is what Lambda calls with an event of an HTTP API.
type Handler = func(context.Context, events.APIGatewayV2HTTPRequest) (events.APIGatewayV2HTTPResponse, error)
