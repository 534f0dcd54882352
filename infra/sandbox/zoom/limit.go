package zoom

import (
	"net/http"
	"slices"
	"strconv"
	"time"
)

// The categories of requests.
const (
	light  = "Light"
	medium = "Medium"
)

// tooFast counts a request against what the account's plan allows in a second.
func (s *Server) tooFast(c *call) (answer, bool) {
	limit := map[string]int{
		"free" + light: 4, "free" + medium: 2, "pro" + light: 30, "pro" + medium: 20,
		"business" + light: 80, "business" + medium: 60,
	}[s.config.Plan+c.op.category]
	if limit == 0 {
		return answer{}, true
	}
	key, now := c.owner.AccountID+c.op.category, s.config.Ticks()
	recent := slices.DeleteFunc(s.lately[key], func(t time.Time) bool { return now.Sub(t) >= time.Second })
	if len(recent) >= limit {
		s.lately[key] = recent
		a, _ := limited(TooFast, c.now)
		a.header.Set("X-RateLimit-Category", c.op.category)
		a.header.Set("X-RateLimit-Limit", strconv.Itoa(limit))
		return a, false
	}
	s.lately[key] = append(recent, now)
	return answer{}, true
}

// spendDaily counts a create or update of a host, or refuses it.
func (s *Server) spendDaily(host string, now time.Time) (answer, bool) {
	key := host + now.UTC().Format(time.DateOnly)
	if limit := s.config.Daily; limit >= 0 && s.made[key] >= limit {
		return dailyLimit(limit), false
	}
	s.made[key]++
	return answer{}, true
}

// Spend counts n creates and updates against a host's daily limit, as if they had been made.
func (s *Server) Spend(user string, n int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	u, err := s.mustUser(user)
	if err != nil {
		return err
	}
	s.made[u.ID+s.config.Now().UTC().Format(time.DateOnly)] += n
	return nil
}

// limited are the ways Zoom says that it was too much.
func limited(kind string, now time.Time) (answer, bool) {
	const perSecond = "You have reached the maximum per-second rate limit for this API. Try again later."
	h := func(pairs ...string) http.Header {
		all := http.Header{}
		for pair := range slices.Chunk(pairs, 2) {
			all.Set(pair[0], pair[1])
		}
		return all
	}
	a := refuse(http.StatusTooManyRequests, 429, perSecond)
	midnight := now.UTC().Truncate(24 * time.Hour).Add(24 * time.Hour)
	switch kind {
	case TooFast:
		a.header = h("X-RateLimit-Category", "Medium", "X-RateLimit-Type", "QPS", "X-RateLimit-Limit", "20",
			"X-RateLimit-Remaining", "0", "X-RateLimit-Reset", strconv.FormatInt(now.Unix()+1, 10))
	case AfterSecs:
		a.header = h("X-RateLimit-Type", "QPS", "Retry-After", "7")
	case AfterNoise:
		a.header = h("X-RateLimit-Type", "QPS", "Retry-After", "soon")
	case AfterPast:
		a.header = h("X-RateLimit-Type", "QPS", "Retry-After", now.UTC().Add(-time.Hour).Format(time.RFC3339))
	case Concurrent:
		a = refuse(http.StatusTooManyRequests, 429, "Too many concurrent requests. A request to disassociate "+
			"this user has already been made.")
	case DailyDated:
		a = refuse(http.StatusTooManyRequests, 429, "You have reached the maximum daily rate limit for this API. "+
			"Refer to the response header for details on when you can make another request.")
		a.header = h("X-RateLimit-Category", "Heavy", "X-RateLimit-Type", "Daily-limit", "X-RateLimit-Limit", "1000",
			"X-RateLimit-Remaining", "0", "X-RateLimit-Reset", strconv.FormatInt(midnight.Unix(), 10),
			"Retry-After", midnight.Format(time.RFC3339))
	case Daily:
		a = dailyLimit(100)
	default:
		return answer{}, false
	}
	return a, true
}

// dailyLimit is the real answer to a host's 101st create or update of a day: no Type, no Retry-After, the category of
// another limit with thousands remaining; only its text tells.
func dailyLimit(limit int) answer {
	a := refuse(http.StatusTooManyRequests, 429, "You have exceeded the daily rate limit ("+strconv.Itoa(limit)+
		") of Meeting Create/Update API requests permitted for this particular user. You may resume these requests at "+
		"GMT 00:00:00.")
	a.header = http.Header{}
	a.header.Set("X-RateLimit-Category", "Light")
	a.header.Set("X-RateLimit-Limit", "6000")
	a.header.Set("X-RateLimit-Remaining", "5832")
	return a
}
