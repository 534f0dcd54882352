package gateway

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// preflight answers a browser's question whether another origin may call, if the API declares CORS at all.
func (g *Gateway) preflight(w http.ResponseWriter, r *http.Request) bool {
	if g.config.API.CORS == nil || r.Method != http.MethodOptions || r.Header.Get("Origin") == "" ||
		r.Header.Get("Access-Control-Request-Method") == "" {
		return false
	}
	c, h := g.config.API.CORS, w.Header()
	if h.Get("Access-Control-Allow-Origin") != "" {
		set(h, "Access-Control-Allow-Methods", c.Methods)
		set(h, "Access-Control-Allow-Headers", c.Headers)
		if c.MaxAge > 0 {
			h.Set("Access-Control-Max-Age", strconv.Itoa(int(c.MaxAge/time.Second)))
		}
	}
	w.WriteHeader(http.StatusNoContent)
	return true
}

// cors marks an answer that the calling origin may read.
func (g *Gateway) cors(h http.Header, r *http.Request) {
	c, origin := g.config.API.CORS, r.Header.Get("Origin")
	if c == nil || origin == "" {
		return
	}
	switch {
	case slices.Contains(c.Origins, origin):
		h.Set("Access-Control-Allow-Origin", origin)
	case slices.Contains(c.Origins, "*") && !c.Credentials:
		h.Set("Access-Control-Allow-Origin", "*")
	default:
		return
	}
	set(h, "Access-Control-Expose-Headers", c.Expose)
	if c.Credentials {
		h.Set("Access-Control-Allow-Credentials", "true")
	}
}

func set(h http.Header, name string, values []string) {
	if len(values) > 0 {
		h.Set(name, strings.Join(values, ","))
	}
}

// bucket is the stage's rate limit: a token bucket.
type bucket struct {
	rate, size float64

	mu     sync.Mutex
	spent  float64
	filled time.Time
}

func (b *bucket) take(now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.spent = max(0, b.spent-now.Sub(b.filled).Seconds()*b.rate)
	b.filled = now
	if b.spent+1 > b.size {
		return false
	}
	b.spent++
	return true
}
