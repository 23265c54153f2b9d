package sessionhttp

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/rwsplit/rwsplit/session"
)

// What a request has written is seen by the service that it calls, and what that
// one writes by the request.
func TestTransport(t *testing.T) {
	for name, o := range map[string]Options{"cookie": {}, "header": {Header: "X-Session"}} {
		t.Run(name, func(t *testing.T) {
			c := newCarrier(t, o)
			server := httptest.NewServer(c.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				if n := needed(r.Context()); n.Position != wal(100) {
					t.Errorf("the other service needs %v", n.Position)
				}
				write(r.Context(), 200)
			})))
			defer server.Close()
			client := &http.Client{Transport: c.Transport(nil)}

			ctx := session.NewContext(t.Context(), session.New())
			write(ctx, 100)
			request, _ := http.NewRequestWithContext(ctx, "GET", server.URL, nil)
			response, err := client.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			response.Body.Close()
			if n := needed(ctx); n.Position != wal(200) {
				t.Errorf("the caller needs %v", n.Position)
			}
			if len(request.Header) != 0 {
				t.Errorf("the caller's request was changed: %v", request.Header)
			}
			if got, want := c.Stats(), (Stats{Issued: 2, Accepted: 2}); got != want {
				t.Errorf("stats %+v, want %+v", got, want)
			}
		})
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestTransportLeavesAlone(t *testing.T) {
	c := newCarrier(t, Options{Header: "X-Session"})
	var sent http.Header
	response := &http.Response{Header: http.Header{"X-Session": {"hello"}}}
	transport := c.Transport(roundTrip(func(r *http.Request) (*http.Response, error) {
		sent = r.Header
		return response, nil
	}))
	request := httptest.NewRequest("GET", "/", nil)
	if got, err := transport.RoundTrip(request); got != response || err != nil || len(sent) != 0 {
		t.Errorf("without a session: %v, %v, sent %v", got, err, sent)
	}
	if c.Stats() != (Stats{}) {
		t.Errorf("stats %+v", c.Stats())
	}
	ctx := session.NewContext(t.Context(), session.New())
	if _, err := transport.RoundTrip(request.WithContext(ctx)); err != nil || len(sent) != 0 {
		t.Errorf("with a session that has nothing to tell: %v, sent %v", err, sent)
	}
	if got, want := c.Stats(), (Stats{Malformed: 1}); got != want {
		t.Errorf("stats %+v, want %+v", got, want)
	}
}

func TestTransportErrors(t *testing.T) {
	c := newCarrier(t, Options{Header: "X-Session"})
	broken := errors.New("connection refused")
	transport := c.Transport(roundTrip(func(r *http.Request) (*http.Response, error) {
		if r.Header.Get("X-Session") == "" {
			t.Error("no token sent")
		}
		return nil, broken
	}))
	ctx := session.NewContext(t.Context(), session.New())
	record(ctx).Wrote(time.Now(), wal(100))
	request := httptest.NewRequest("GET", "/", nil).WithContext(ctx)
	request.Header = nil // as a caller of RoundTrip may leave it
	if _, err := transport.RoundTrip(request); !errors.Is(err, broken) {
		t.Errorf("err = %v", err)
	}
}
