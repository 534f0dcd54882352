package lambdahost

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
)

const apiBase = "/2018-06-01/runtime/"

// routes is the Runtime API of one process.
func (w *worker) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+apiBase+"invocation/next", w.handleNext)
	mux.HandleFunc("POST "+apiBase+"invocation/{id}/response", w.handleResponse)
	mux.HandleFunc("POST "+apiBase+"invocation/{id}/error", w.handleError)
	mux.HandleFunc("POST "+apiBase+"init/error", w.handleInitError)
	return mux
}

// handleNext holds the request until there is a call.
func (w *worker) handleNext(rw http.ResponseWriter, r *http.Request) {
	select {
	case w.ready <- struct{}{}:
	default:
	}
	var c *call
	select {
	case c = <-w.next:
	case <-r.Context().Done():
		return
	case <-w.exited:
		return
	}
	f, o := w.pool.function, w.pool.host.options
	h := rw.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Lambda-Runtime-Aws-Request-Id", c.id)
	h.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(time.Now().Add(f.Timeout).UnixMilli(), 10))
	h.Set("Lambda-Runtime-Invoked-Function-Arn",
		fmt.Sprintf("arn:aws:lambda:%s:%s:function:%s", o.Region, o.Account, f.Name))
	h.Set("Lambda-Runtime-Trace-Id", "Root=1-"+fmt.Sprintf("%08x", time.Now().Unix())+"-"+newTrace()+";Sampled=0")
	h.Set("Content-Length", strconv.Itoa(len(c.payload)))
	_, _ = rw.Write(c.payload) // if it fails, the process is on its way out, which serve notices
}

func (w *worker) handleResponse(rw http.ResponseWriter, r *http.Request) {
	c := w.claim(r.PathValue("id"))
	if c == nil {
		refuse(rw, http.StatusBadRequest, "InvalidRequestID")
		return
	}
	body, err := readAll(rw, r)
	if err != nil {
		w.post(nil, w.pool.failure(c, "Function.ResponseSizeTooLarge",
			"Response payload size exceeded maximum allowed payload size (6291556 bytes)."))
		refuse(rw, http.StatusRequestEntityTooLarge, "RequestEntityTooLarge")
		return
	}
	// An answer that breaks off while it is written ends with these trailers instead of its end.
	if kind := r.Trailer.Get("Lambda-Runtime-Function-Error-Type"); kind != "" {
		detail, _ := base64.StdEncoding.DecodeString(r.Trailer.Get("Lambda-Runtime-Function-Error-Body"))
		w.post(nil, w.functionError(c, detail))
	} else {
		w.post(body, nil)
	}
	accept(rw)
}

func (w *worker) handleError(rw http.ResponseWriter, r *http.Request) {
	c := w.claim(r.PathValue("id"))
	if c == nil {
		refuse(rw, http.StatusBadRequest, "InvalidRequestID")
		return
	}
	body, err := readAll(rw, r)
	if err != nil {
		body = []byte(`{"errorType":"Unhandled","errorMessage":"the error could not be read"}`)
	}
	w.post(nil, w.functionError(c, body))
	accept(rw)
}

func (w *worker) handleInitError(rw http.ResponseWriter, r *http.Request) {
	body, err := readAll(rw, r)
	if err != nil {
		body = []byte(`{"errorType":"Runtime.InitError","errorMessage":"the error could not be read"}`)
	}
	w.post(nil, w.functionError(nil, body))
	accept(rw)
}

// claim takes the call with the id, if it is the one being served and has not been answered.
func (w *worker) claim(id string) *call {
	w.mu.Lock()
	defer w.mu.Unlock()
	c := w.current
	if c == nil || c.id != id {
		return nil
	}
	w.current = nil
	return c
}

func (w *worker) post(answer []byte, err error) {
	select {
	case w.result <- result{answer: answer, err: err}:
	default: // a second init error: the first stands
	}
}

// readAll reads a body of at most 6 MB, and the trailers behind it.
func readAll(rw http.ResponseWriter, r *http.Request) ([]byte, error) {
	var buf bytes.Buffer
	_, err := buf.ReadFrom(http.MaxBytesReader(rw, r.Body, maxPayload))
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		_, _ = io.Copy(io.Discard, r.Body)
		return nil, ErrTooLarge
	}
	return buf.Bytes(), err
}

func accept(rw http.ResponseWriter) {
	rw.Header().Set("Content-Type", "application/json")
	rw.WriteHeader(http.StatusAccepted)
	_, _ = io.WriteString(rw, `{"status":"OK"}`)
}

func refuse(rw http.ResponseWriter, status int, kind string) {
	rw.Header().Set("Content-Type", "application/json")
	rw.WriteHeader(status)
	_, _ = io.WriteString(rw, `{"errorType":"`+kind+`","errorMessage":"`+kind+`"}`)
}
