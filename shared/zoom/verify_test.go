package zoom_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"almanac/shared/fault"
	"almanac/shared/zoom"
)

const (
	secret = "whsec-1-secret"
	maxAge = 2 * time.Hour
)

func sign(secret, stamp, body string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	_, _ = mac.Write([]byte("v0:" + stamp + ":" + body))
	return "v0=" + hex.EncodeToString(mac.Sum(nil))
}

func signedHeaders(secret string, at time.Time, body string) http.Header {
	stamp := strconv.FormatInt(at.Unix(), 10)
	h := http.Header{}
	h.Set("x-zm-request-timestamp", stamp)
	h.Set("x-zm-signature", sign(secret, stamp, body))
	return h
}

func TestVerify(t *testing.T) {
	secrets := []string{"newest", "", secret}
	// Emoji as escapes and as they are, in an order that no encoder would keep.
	for name, body := range map[string]string{
		"plain": `{"b":1,"a":2}`, "mixed": `{"topic":"😀 \ud83d\ude00 é \u00e9",  "a":1}` + "\n", "empty": "", "no JSON": "\xff\x00",
	} {
		m, err := zoom.Verify(secrets, maxAge, signedHeaders(secret, noon.Add(-time.Minute), body).Values, []byte(body), noon)
		if err != nil || m.Secret != 2 || m.Age != time.Minute {
			t.Errorf("%s: %+v, %v", name, m, err)
		}
		m, err = zoom.Verify(secrets, maxAge, signedHeaders("newest", noon, body).Values, []byte(body), noon)
		if err != nil || m.Secret != 0 || m.Age != 0 {
			t.Errorf("%s: %+v, %v", name, m, err)
		}
	}
	m, err := zoom.Verify([]string{"", secret, secret}, maxAge, signedHeaders(secret, noon, "x").Values, []byte("x"), noon)
	if err != nil || m.Secret != 1 {
		t.Errorf("a secret that is there twice: %+v, %v", m, err)
	}
}

func TestForgeries(t *testing.T) {
	body := shapes()["deleted"]
	now := strconv.FormatInt(noon.Unix(), 10)
	good := sign(secret, now, body)
	stamped := func(stamp string) http.Header {
		return http.Header{"X-Zm-Signature": {sign(secret, stamp, body)}, "X-Zm-Request-Timestamp": {stamp}}
	}
	at := func(d time.Duration) http.Header { return signedHeaders(secret, noon.Add(d), body) }
	with := func(signatures []string, stamps ...string) http.Header {
		return http.Header{"X-Zm-Signature": signatures, "X-Zm-Request-Timestamp": stamps}
	}
	for name, h := range map[string]http.Header{
		"no headers":         {},
		"no signature":       with(nil, now),
		"no timestamp":       with([]string{good}),
		"empty":              with([]string{""}, ""),
		"signature twice":    with([]string{good, good}, now),
		"timestamp twice":    with([]string{good}, now, now),
		"joined by a comma":  with([]string{good + "," + good}, now),
		"capitals":           with([]string{strings.ToUpper(good)}, now),
		"capital digits":     with([]string{"v0=" + strings.ToUpper(good[3:])}, now),
		"capital V":          with([]string{"V0=" + good[3:]}, now),
		"no version":         with([]string{good[3:]}, now),
		"twice a version":    with([]string{"v0=" + good}, now),
		"another version":    with([]string{"v1=" + good[3:]}, now),
		"a space":            with([]string{good + " "}, now),
		"one byte less":      with([]string{good[:len(good)-1]}, now),
		"one byte changed":   with([]string{good[:len(good)-1] + map[bool]string{true: "1", false: "0"}[good[len(good)-1] == '0']}, now),
		"base64":             with([]string{"v0=qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqo="}, now),
		"of no secret":       with([]string{sign("", now, body)}, now),
		"another secret":     with([]string{sign("other", now, body)}, now),
		"another time":       with([]string{good}, strconv.FormatInt(noon.Unix()+1, 10)),
		"6 min ahead":        at(6 * time.Minute),
		"3 h old":            at(-3 * time.Hour),
		"just too old":       at(-2*time.Hour - time.Second),
		"not a number":       stamped("soon"),
		"negative":           stamped("-" + now),
		"plus":               stamped("+" + now),
		"a space in time":    stamped(" " + now),
		"in milliseconds":    stamped(now + "000"),
		"20 digits":          stamped("99999999999999999999"),
		"a fraction":         stamped(now + ".0"),
		"hexadecimal":        stamped("0x6591f000"),
		"the year 1970":      stamped("0"),
		"digits of Arabic":   stamped("١٧٠٤٠٦٧٢٠٠"),
		"a newline in time":  stamped(now + "\n"),
		"a colon in time":    stamped(now + ":x"),
		"the body's too":     with([]string{sign(secret, now, body+body)}, now),
		"written anew":       with([]string{sign(secret, now, reserialised(t, body))}, now),
		"SHA-256 of nothing": with([]string{"v0=" + strings.Repeat("0", 64)}, now),
	} {
		_, err := zoom.Verify([]string{"", secret}, maxAge, h.Values, []byte(body), noon)
		check(t, err, "denied: denied")
		if t.Failed() {
			t.Fatal(name)
		}
	}
	for _, d := range []time.Duration{5 * time.Minute, -2 * time.Hour, -85 * time.Minute} {
		if _, err := zoom.Verify([]string{secret}, maxAge, at(d).Values, []byte(body), noon); err != nil {
			t.Errorf("%v: %v", d, err)
		}
	}
	long := strings.Repeat("x", zoom.MaxBody+1)
	_, err := zoom.Verify([]string{secret}, maxAge, signedHeaders(secret, noon, long).Values, []byte(long), noon)
	check(t, err, "denied: denied")
	for _, none := range [][]string{nil, {""}} {
		_, err := zoom.Verify(none, maxAge, signedHeaders("", noon, body).Values, []byte(body), noon)
		check(t, err, "internal: zoom_misconfigured")
	}
}

// How old a delivery may be is for the caller to say.
func TestVerifyAge(t *testing.T) {
	for limit, ages := range map[time.Duration]map[time.Duration]bool{
		5 * time.Minute: {0: true, 5 * time.Minute: true, 5*time.Minute + time.Second: false, 2 * time.Hour: false},
		24 * time.Hour:  {2*time.Hour + time.Second: true, 24 * time.Hour: true, 24*time.Hour + time.Second: false},
		0:               {0: true, time.Second: false},
	} {
		for age, want := range ages {
			h := signedHeaders(secret, noon.Add(-age), "x")
			m, err := zoom.Verify([]string{secret}, limit, h.Values, []byte("x"), noon)
			if (err == nil) != want || want && m.Age != age {
				t.Errorf("%v old, of at most %v: %+v, %v", age, limit, m, err)
			}
		}
	}
}

// One bit is enough.
func TestEveryBitCounts(t *testing.T) {
	body := []byte(shapes()["uninstalled"])
	h := signedHeaders(secret, noon, string(body))
	for i := range body {
		for bit := range 8 {
			forged := bytes.Clone(body)
			forged[i] ^= 1 << bit
			if _, err := zoom.Verify([]string{secret}, maxAge, h.Values, forged, noon); !fault.Is(err, fault.Denied) {
				t.Fatalf("byte %d, bit %d: %v", i, bit, err)
			}
		}
	}
	genuine := h.Get("x-zm-signature")
	for i := range genuine {
		forged := []byte(genuine)
		forged[i] ^= 1
		h.Set("x-zm-signature", string(forged))
		if _, err := zoom.Verify([]string{secret}, maxAge, h.Values, body, noon); !fault.Is(err, fault.Denied) {
			t.Fatalf("byte %d of the signature: %v", i, err)
		}
	}
}

func reserialised(t *testing.T, body string) string {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(body), &v); err != nil {
		t.Fatal(err)
	}
	out, err := json.Marshal(v)
	if err != nil || string(out) == body {
		t.Fatal("the body has no other form", err)
	}
	return string(out)
}

func TestValidation(t *testing.T) {
	got, ok, err := zoom.Validation(secret, []byte(shapes()["validation"]))
	mac := hmac.New(sha256.New, []byte(secret))
	_, _ = mac.Write([]byte("qgg8vlvZRS6UYooatFL8Aw"))
	if err != nil || !ok || got.PlainToken != "qgg8vlvZRS6UYooatFL8Aw" || got.EncryptedToken != hex.EncodeToString(mac.Sum(nil)) {
		t.Errorf("%v, %v", ok, err)
	}
	text, err := json.Marshal(got)
	if err != nil || !strings.HasPrefix(string(text), `{"plainToken":"qgg8vlvZRS6UYooatFL8Aw","encryptedToken":"`) {
		t.Errorf("%s", text)
	}
	if _, ok, err := zoom.Validation(secret, []byte(shapes()["deleted"])); ok || err != nil {
		t.Errorf("another event: %v, %v", ok, err)
	}
	for name, token := range map[string]string{
		"what is signed": `"v0:` + strconv.FormatInt(noon.Unix(), 10) + `:{\"event\":\"app_deauthorized\"}"`, "a colon": `"abcdefgh:"`,
		"short": `"abcdefg"`, "long": `"` + strings.Repeat("a", 129) + `"`, "10 kB": `"` + strings.Repeat("a", 10<<10) + `"`,
		"a number": `12345678`, "null": `null`, "a list": `["abcdefgh"]`, "a space": `"abcd efgh"`, "a newline": `"abcdefgh\n"`,
		"not ASCII": `"abcdefgé"`, "NUL": `"abcdefgh\u0000"`, "empty": `""`,
	} {
		got, ok, err := zoom.Validation(secret, fmt.Appendf(nil, `{"event":"endpoint.url_validation","payload":{"plainToken":%s}}`, token))
		check(t, err, "invalid: malformed_body")
		if !ok || got.EncryptedToken != "" {
			t.Errorf("%s was answered", name)
		}
	}
	for _, body := range []string{
		``, `{}`, `{"event":"endpoint.url_validation"`, `{"event":"endpoint.url_validation","event":"x","payload":{"plainToken":"abcdefgh"}}`,
	} {
		got, _, err := zoom.Validation(secret, []byte(body))
		check(t, err, "invalid: malformed_body")
		if got.EncryptedToken != "" {
			t.Errorf("%s was answered", body)
		}
	}
}

// Nothing is verified but what was signed with the secret, to the byte, within the time.
func FuzzVerify(f *testing.F) {
	now := strconv.FormatInt(noon.Unix(), 10)
	for _, body := range []string{"", "{}", shapes()["deleted"]} {
		f.Add(sign(secret, now, body), now, "", "", body)
		f.Add(strings.ToUpper(sign(secret, now, body)), now, "", "", body)
		f.Add(sign(secret, now, body), now, now, "", body)
		f.Add("", "", "", "", body)
	}
	f.Add(sign(secret, "-1", ""), "-1", "", "", "")
	f.Add("v0=", "99999999999999999999", "x", "y", "z")
	f.Fuzz(func(t *testing.T, signature, stamp, secondStamp, secondSignature, body string) {
		h := http.Header{"X-Zm-Signature": {signature}, "X-Zm-Request-Timestamp": {stamp}}
		if secondStamp != "" {
			h.Add("X-Zm-Request-Timestamp", secondStamp)
		}
		if secondSignature != "" {
			h.Add("X-Zm-Signature", secondSignature)
		}
		m, err := zoom.Verify([]string{"other", secret}, maxAge, h.Values, []byte(body), noon)
		seconds, bad := strconv.ParseInt(stamp, 10, 64)
		off := noon.Unix() - seconds
		genuine := bad == nil && off >= -300 && off <= 7200 && secondStamp == "" && secondSignature == "" &&
			signature == sign(secret, stamp, body) && len(body) <= zoom.MaxBody && !strings.HasPrefix(stamp, "+") && len(stamp) <= 11
		if (err == nil) != genuine || err == nil && m.Secret != 1 {
			t.Errorf("%v, though it is genuine: %v", err, genuine)
		}
		if err != nil {
			check(t, err, "denied: denied")
		}
	})
}

// An answer is never the signature of anything that a webhook could be.
func FuzzValidation(f *testing.F) {
	f.Add([]byte(shapes()["validation"]))
	f.Add([]byte(`{"event":"endpoint.url_validation","payload":{"plainToken":"v0:1798891200:{}"}}`))
	f.Add([]byte(`{"event":"endpoint.url_validation","payload":{"plainToken":"` + strings.Repeat("a", 128) + `"}}`))
	f.Add([]byte(shapes()["deleted"]))
	f.Fuzz(func(t *testing.T, body []byte) {
		got, ok, err := zoom.Validation(secret, body)
		if err != nil {
			check(t, err, "invalid: malformed_body")
		}
		if answered := got.EncryptedToken != ""; answered != (ok && err == nil) || answered != (got.PlainToken != "") {
			t.Fatalf("%v %v %v", got, ok, err)
		}
		if strings.ContainsAny(got.PlainToken, ":{}\" \n") || len(got.PlainToken) > 128 {
			t.Errorf("%q was signed", got.PlainToken)
		}
	})
}

// FuzzAPI feeds whatever an answer of the API may be through everything that reads one.
func FuzzAPI(f *testing.F) {
	for _, body := range []string{"", "null", `{"code":300}`, `{"id":98765432101,"join_url":"https://zoom.us/j/1","start_url":"x"}`, `{"meetings":[{"id":1}]}`, `{"id":"a","account_id":"b"}`} {
		for _, status := range []int{200, 201, 204, 300, 302, 400, 401, 404, 429} {
			f.Add(status, body, "1")
		}
	}
	f.Fuzz(func(t *testing.T, status int, body, after string) {
		if status < 200 || status >= 500 || strings.ContainsAny(after, "\r\n\x00") {
			t.Skip() // what is repeated would take its time
		}
		answers(t, status, body, after)
	})
}

func BenchmarkWebhook(b *testing.B) {
	for _, name := range []string{"created", "joined", "moved", "validation"} {
		b.Run(name, func(b *testing.B) {
			body := shapes()[name]
			h := signedHeaders(secret, noon, body)
			raw, secrets := []byte(body), []string{"newest", secret}
			b.ReportAllocs()
			b.SetBytes(int64(len(raw)))
			for b.Loop() {
				if _, err := zoom.Verify(secrets, maxAge, h.Values, raw, noon); err != nil {
					b.Fatal(err)
				}
				if _, _, err := zoom.Validation(secret, raw); err != nil {
					b.Fatal(err)
				}
				if _, err := zoom.Parse(raw); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("256 kB", func(b *testing.B) {
		raw := []byte(`{"event":"x","y":[` + strings.Repeat(`{"a":1},`, zoom.MaxBody/8-4) + `0]}`)
		h := signedHeaders(secret, noon, string(raw))
		b.ReportAllocs()
		for b.Loop() {
			if _, err := zoom.Verify([]string{secret}, maxAge, h.Values, raw, noon); err != nil {
				b.Fatal(err)
			}
			if _, err := zoom.Parse(raw); err != nil {
				b.Fatal(err)
			}
		}
	})
}
