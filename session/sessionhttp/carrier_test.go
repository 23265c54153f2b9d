package sessionhttp

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rwsplit/rwsplit/lag"
	"github.com/rwsplit/rwsplit/session"
)

func wal(lsn lag.LSN) lag.Position { return lag.WAL{System: 7, Timeline: 1, LSN: lsn} }

// database is a fake one whose primary's position is never known by time alone:
// what is written without a position stays unresolved.
type database struct{}

func (database) Witness() session.Witness                                   { return database{} }
func (database) AwaitPrimary(ctx context.Context, _ time.Time) error        { <-ctx.Done(); return ctx.Err() }
func (database) Known() (lag.Position, bool)                                { return nil, false }
func (database) PrimaryAfter(time.Time) (lag.Position, bool)                { return nil, false }
func (database) InstanceAfter(lag.Instance, time.Time) (lag.Position, bool) { return nil, false }

// record returns the record of the session that ctx carries.
func record(ctx context.Context) *session.Record {
	return session.FromContext(ctx).Record("shop", database{})
}

// write does what a database would when a statement under ctx wrote to lsn.
func write(ctx context.Context, lsn lag.LSN) { record(ctx).Wrote(time.Now(), wal(lsn)) }

// needed returns what the session under ctx is held to.
func needed(ctx context.Context) session.Need { return record(ctx).Need(database{}) }

// serve runs one request, with cookies, against a handler of the carrier.
func serve(c *Carrier, handler http.HandlerFunc, cookies ...*http.Cookie) *http.Response {
	request := httptest.NewRequest("GET", "/", nil)
	for _, cookie := range cookies {
		request.AddCookie(cookie)
	}
	recorder := httptest.NewRecorder()
	c.Handler(handler).ServeHTTP(recorder, request)
	return recorder.Result()
}

func cookie(value string) *http.Cookie { return &http.Cookie{Name: defaultCookie, Value: value} }

// issued returns the token of a response, "" where it has none.
func issued(t *testing.T, c *Carrier, response *http.Response) string {
	t.Helper()
	values := c.responseValues(response)
	switch len(values) {
	case 0:
		return ""
	case 1:
		token, _, what := c.open(values[0], time.Now())
		if what != accepted {
			t.Errorf("the response's own token is %v", what)
		}
		return token
	}
	t.Errorf("%d tokens in one response", len(values))
	return ""
}

func TestCarrierCarries(t *testing.T) {
	c := newCarrier(t, Options{})
	response := serve(c, func(_ http.ResponseWriter, r *http.Request) { write(r.Context(), 100) })
	cookies := response.Cookies()
	if len(cookies) != 1 {
		t.Fatalf("cookies %v", cookies)
	}
	got := cookies[0]
	if got.Name != defaultCookie || got.Path != "/" || got.Domain != "" || !got.HttpOnly || !got.Secure ||
		got.SameSite != http.SameSiteLaxMode || got.MaxAge != 3600 {
		t.Errorf("the cookie is %v", got)
	}
	if token := issued(t, c, response); token != testToken {
		t.Errorf("token %q", token)
	}
	var need session.Need
	serve(c, func(_ http.ResponseWriter, r *http.Request) { need = needed(r.Context()) }, got)
	if need.Position != wal(100) || need.Unresolved() {
		t.Errorf("the next request needs %+v", need)
	}
	if got, want := c.Stats(), (Stats{Issued: 1, Accepted: 1}); got != want {
		t.Errorf("stats %+v, want %+v", got, want)
	}
}

func TestCarrierAttributes(t *testing.T) {
	c := newCarrier(t, Options{
		Cookie: "s", Path: "/shop", Domain: "example.com", SameSite: http.SameSiteStrictMode, Insecure: true, MaxAge: time.Minute,
	})
	response := serve(c, func(_ http.ResponseWriter, r *http.Request) { write(r.Context(), 100) })
	got := response.Header.Get("Set-Cookie")
	_, attributes, _ := strings.Cut(got, "; ")
	if want := "Path=/shop; Domain=example.com; Max-Age=60; HttpOnly; SameSite=Strict"; attributes != want || !strings.HasPrefix(got, "s=") {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestCarrierHeader(t *testing.T) {
	c := newCarrier(t, Options{Header: "x-rwsplit-session"})
	handler := c.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if n := needed(r.Context()); n.Position == nil {
			write(r.Context(), 100)
		}
	}))
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, httptest.NewRequest("GET", "/", nil))
	value := recorder.Header().Get("X-Rwsplit-Session")
	if token, _, _ := c.open(value, time.Now()); token != testToken {
		t.Fatalf("token %q of %q", token, value)
	}
	if got := recorder.Header().Get("Set-Cookie"); got != "" {
		t.Errorf("Set-Cookie: %s", got)
	}
	request := httptest.NewRequest("GET", "/", nil)
	request.Header.Set("X-Rwsplit-Session", value)
	recorder = httptest.NewRecorder()
	handler.ServeHTTP(recorder, request)
	if got := recorder.Header().Get("X-Rwsplit-Session"); got != "" {
		t.Errorf("the client was sent what it has: %q", got)
	}
	if got, want := c.Stats(), (Stats{Issued: 1, Accepted: 1}); got != want {
		t.Errorf("stats %+v, want %+v", got, want)
	}
}

// What is no token of ours is ignored and counted, and the request goes on.
func TestCarrierIgnoresAndCounts(t *testing.T) {
	c := newCarrier(t, Options{MaxAge: time.Minute})
	other := newCarrier(t, Options{Keys: [][]byte{testKey(2)}})
	now := time.Now()
	good := c.seal(testToken, now)
	var many []*http.Cookie
	for range maxValues + 2 {
		many = append(many, cookie(good))
	}
	for _, test := range []struct {
		name    string
		cookies []*http.Cookie
		want    Stats
	}{
		{"none", nil, Stats{}},
		{"empty", []*http.Cookie{cookie("")}, Stats{}},
		{"another name", []*http.Cookie{{Name: "other", Value: good}}, Stats{}},
		{"forged", []*http.Cookie{cookie(other.seal(testToken, now))}, Stats{Forged: 1}},
		{"cut", []*http.Cookie{cookie(good[:len(good)-4])}, Stats{Forged: 1}},
		{"malformed", []*http.Cookie{cookie("hello")}, Stats{Malformed: 1}},
		{"signed, but no token", []*http.Cookie{cookie(c.seal("hello", now))}, Stats{Malformed: 1}},
		{"signed, of another version", []*http.Cookie{cookie(c.seal("rws2!shop*x", now))}, Stats{Malformed: 1}},
		{"oversized", []*http.Cookie{cookie(strings.Repeat("A", 5000))}, Stats{Oversized: 1}},
		{"expired", []*http.Cookie{cookie(c.seal(testToken, now.Add(-2*time.Minute)))}, Stats{Expired: 1}},
		{"all kinds", []*http.Cookie{
			cookie("hello"), cookie(good), cookie(other.seal(testToken, now)), cookie(c.seal(testToken, now.Add(-time.Hour))),
		}, Stats{Malformed: 1, Accepted: 1, Forged: 1, Expired: 1, Issued: 1}},
		{"too many", many, Stats{Accepted: maxValues, Oversized: 2, Issued: 1}},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := newCarrier(t, Options{MaxAge: time.Minute})
			called := false
			response := serve(c, func(w http.ResponseWriter, r *http.Request) {
				called = true
				if n := needed(r.Context()); (n.Position != nil) != (test.want.Accepted > 0) {
					t.Errorf("the request needs %+v", n)
				}
				w.WriteHeader(http.StatusTeapot)
			}, test.cookies...)
			if !called || response.StatusCode != http.StatusTeapot {
				t.Errorf("the handler was called: %t, status %d", called, response.StatusCode)
			}
			if got := c.Stats(); got != test.want {
				t.Errorf("stats %+v, want %+v", got, test.want)
			}
		})
	}
}

// Each valid cookie of the name is taken, and one is sent in their place.
func TestCarrierMergesCookies(t *testing.T) {
	c := newCarrier(t, Options{})
	now := time.Now()
	value := func(lsn lag.LSN) *http.Cookie { return cookie(c.seal("rws1!shop*"+wal(lsn).String(), now)) }
	var need session.Need
	response := serve(c, func(_ http.ResponseWriter, r *http.Request) { need = needed(r.Context()) },
		value(50), cookie("hello"), value(200), value(100))
	if need.Position != wal(200) {
		t.Errorf("the request needs %v", need.Position)
	}
	if got, want := issued(t, c, response), "rws1!shop*"+wal(200).String(); got != want {
		t.Errorf("token %q, want %q", got, want)
	}
}

func TestCarrierStaysSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCarrier(t, Options{})
		silent := func(what string, response *http.Response) {
			t.Helper()
			if header := response.Header; header.Get("Set-Cookie") != "" || header.Get("Cache-Control") != "" {
				t.Errorf("%s: %v", what, header)
			}
		}
		silent("nothing seen", serve(c, func(_ http.ResponseWriter, r *http.Request) { needed(r.Context()) }))

		came := cookie(c.seal(testToken, time.Now()))
		same := func(_ http.ResponseWriter, r *http.Request) { write(r.Context(), 100) }
		silent("nothing new", serve(c, same, came))
		time.Sleep(defaultMaxAge/2 - time.Second)
		silent("nothing new, and young", serve(c, same, came))
		time.Sleep(time.Second)
		if got := issued(t, c, serve(c, same, came)); got != testToken {
			t.Errorf("half of its life later it is renewed as %q", got)
		}
		time.Sleep(defaultMaxAge)
		if got := issued(t, c, serve(c, same, came)); got != testToken {
			t.Errorf("expired, it is issued again as %q", got)
		}
		if got, want := c.Stats(), (Stats{Issued: 2, Accepted: 3, Expired: 1}); got != want {
			t.Errorf("stats %+v, want %+v", got, want)
		}
	})
}

// An unresolved token stays what it is when nobody used it, and is replaced when
// there is more to tell.
func TestCarrierUnresolved(t *testing.T) {
	const unresolved = "rws1!shop*?"
	for _, test := range []struct {
		name string
		o    Options
		took time.Duration
	}{
		{"the default wait", Options{}, 100 * time.Millisecond},
		{"a short one", Options{Wait: 5 * time.Millisecond}, 5 * time.Millisecond},
		{"none", Options{Wait: -1}, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCarrier(t, test.o)
				begun := time.Now()
				response := serve(c, func(_ http.ResponseWriter, r *http.Request) { record(r.Context()).Wrote(time.Now(), nil) })
				if took := time.Since(begun); took != test.took {
					t.Errorf("the response waited %v, want %v", took, test.took)
				}
				if got := issued(t, c, response); got != unresolved {
					t.Fatalf("token %q", got)
				}
				var need session.Need
				read := func(_ http.ResponseWriter, r *http.Request) { need = needed(r.Context()) }
				if got := issued(t, c, serve(c, read, response.Cookies()...)); got != "" {
					t.Errorf("sent again: %q", got)
				}
				if !need.Unresolved() {
					t.Errorf("the next request needs %+v", need)
				}
				written := func(_ http.ResponseWriter, r *http.Request) { write(r.Context(), 100) }
				if got, want := issued(t, c, serve(c, written, response.Cookies()...)), testToken+"?"; got != want {
					t.Errorf("token %q, want %q", got, want)
				}
			})
		})
	}
}

func TestCarrierCancelledRequest(t *testing.T) {
	c := newCarrier(t, Options{})
	ctx, cancel := context.WithCancel(t.Context())
	recorder := httptest.NewRecorder()
	begun := time.Now()
	c.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		record(r.Context()).Wrote(time.Now(), nil)
		cancel()
	})).ServeHTTP(recorder, httptest.NewRequest("GET", "/", nil).WithContext(ctx))
	if got := issued(t, c, recorder.Result()); got != "rws1!shop*?" {
		t.Errorf("token %q", got)
	}
	if took := time.Since(begun); took > 90*time.Millisecond {
		t.Errorf("it waited %v for a client who is gone", took)
	}
}

func TestCarrierCacheControl(t *testing.T) {
	c := newCarrier(t, Options{})
	for said, want := range map[string]string{"": "private", "no-store": "no-store", "public, max-age=60": "public, max-age=60"} {
		response := serve(c, func(w http.ResponseWriter, r *http.Request) {
			if said != "" {
				w.Header().Set("Cache-Control", said)
			}
			write(r.Context(), 100)
		})
		if got := response.Header.Get("Cache-Control"); got != want {
			t.Errorf("the handler says %q: sent %q, want %q", said, got, want)
		}
	}
}

// lineages writes to so many database clusters under one key.
func lineages(ctx context.Context, key string, n int) {
	r := session.FromContext(ctx).Record(key, database{})
	for i := range n {
		r.Wrote(time.Now(), lag.WAL{System: 1<<63 + uint64(i), Timeline: 1, LSN: 1 << 60})
	}
}

func TestCarrierTooLarge(t *testing.T) {
	c := newCarrier(t, Options{MaxBytes: minMax})
	response := serve(c, func(_ http.ResponseWriter, r *http.Request) { lineages(r.Context(), "shop", 8) })
	if got := issued(t, c, response); got != "rws1!shop*?" {
		t.Errorf("token %q", got)
	}
	for _, cookie := range response.Cookies() {
		if len(cookie.Value) > minMax {
			t.Errorf("%d bytes sent", len(cookie.Value))
		}
	}
	response = serve(c, func(_ http.ResponseWriter, r *http.Request) { lineages(r.Context(), strings.Repeat("k", minMax), 1) })
	if got := issued(t, c, response); got != "" {
		t.Errorf("token %q", got)
	}
	if got, want := c.Stats(), (Stats{Issued: 1, Shortened: 1, TooLarge: 1}); got != want {
		t.Errorf("stats %+v, want %+v", got, want)
	}
}

// A program may have both: a cookie for browsers, a header for its own scripts.
func TestCarrierWithinCarrier(t *testing.T) {
	cookies := newCarrier(t, Options{})
	headers := newCarrier(t, Options{Header: "X-Session"})
	var need session.Need
	handler := cookies.Handler(headers.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		need = needed(r.Context())
		write(r.Context(), 300)
	})))
	request := httptest.NewRequest("GET", "/", nil)
	request.AddCookie(cookie(cookies.seal("rws1!shop*"+wal(100).String(), time.Now())))
	request.Header.Set("X-Session", headers.seal("rws1!shop*"+wal(200).String(), time.Now()))
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, request)
	if need.Position != wal(200) {
		t.Errorf("the request needs %v", need.Position)
	}
	for _, c := range []*Carrier{cookies, headers} {
		if got, want := issued(t, c, recorder.Result()), "rws1!shop*"+wal(300).String(); got != want {
			t.Errorf("token %q, want %q", got, want)
		}
	}
}

func TestCarrierConcurrently(t *testing.T) {
	c := newCarrier(t, Options{})
	came := cookie(c.seal(testToken, time.Now()))
	var all sync.WaitGroup
	for i := range 200 {
		all.Go(func() {
			serve(c, func(_ http.ResponseWriter, r *http.Request) { write(r.Context(), lag.LSN(i)) }, came)
			c.Stats()
		})
	}
	all.Wait()
	if got, want := c.Stats(), (Stats{Accepted: 200, Issued: 99}); got != want {
		t.Errorf("stats %+v, want %+v", got, want)
	}
}

func TestStatsEncode(t *testing.T) {
	text, err := json.Marshal(Stats{Issued: 1, TooLarge: 2})
	want := `{"issued":1,"accepted":0,"forged":0,"malformed":0,"oversized":0,"expired":0,"shortened":0,"too_large":2,"late":0}`
	if err != nil || string(text) != want {
		t.Errorf("%s, %v", text, err)
	}
}

func BenchmarkHandler(b *testing.B) {
	c := newCarrier(b, Options{})
	request := httptest.NewRequest("GET", "/", nil)
	request.AddCookie(cookie(c.seal(testToken, time.Now())))
	handler := c.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(204) }))
	b.ReportAllocs()
	for b.Loop() {
		handler.ServeHTTP(discard{http.Header{}}, request)
	}
}

type discard struct{ header http.Header }

func (d discard) Header() http.Header          { return d.header }
func (discard) Write(data []byte) (int, error) { return len(data), nil }
func (discard) WriteHeader(int)                {}
