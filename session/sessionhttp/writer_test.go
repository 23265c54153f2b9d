package sessionhttp

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/textproto"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// protocols are the servers that each shape of handler is tried on.
var protocols = map[string]func(*httptest.Server){
	"HTTP/1.1": func(s *httptest.Server) { s.Start() },
	"HTTP/2.0": func(s *httptest.Server) { s.EnableHTTP2 = true; s.StartTLS() },
}

func startServer(t *testing.T, start func(*httptest.Server), handler http.Handler) (*httptest.Server, *http.Client) {
	t.Helper()
	server := httptest.NewUnstartedServer(handler)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	start(server)
	t.Cleanup(server.Close)
	client := server.Client()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return server, client
}

// Whatever a handler does, the response has its token and is what it would be
// without us.
func TestShapes(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte("from a file"), 0o600); err != nil {
		t.Fatal(err)
	}
	shapes := []struct {
		name   string
		serve  func(w http.ResponseWriter, r *http.Request)
		status int
		body   string
	}{
		{"nothing", func(http.ResponseWriter, *http.Request) {}, 200, ""},
		{"implicit 200", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "body") }, 200, "body"},
		{"Write", func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("body")) }, 200, "body"},
		{"Write of nothing", func(w http.ResponseWriter, _ *http.Request) { w.Write(nil) }, 200, ""},
		{"Fprintf", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintf(w, "%d", 42) }, 200, "42"},
		{"large body", func(w http.ResponseWriter, _ *http.Request) {
			for range 1000 {
				io.WriteString(w, strings.Repeat("x", 1000))
			}
		}, 200, strings.Repeat("x", 1_000_000)},
		{"WriteHeader", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(201) }, 201, ""},
		{"WriteHeader twice", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(201); w.WriteHeader(500) }, 201, ""},
		{"204", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) }, 204, ""},
		{"304", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(304) }, 304, ""},
		{"error", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusTeapot) }, 418, "no\n"},
		{"redirect", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/next", http.StatusSeeOther) }, 303, "<a href=\"/next\">See Other</a>.\n\n"},
		{"not found", http.NotFound, 404, "404 page not found\n"},
		{"early hints", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Link", "</style.css>")
			w.WriteHeader(http.StatusEarlyHints)
			w.WriteHeader(http.StatusProcessing)
			w.WriteHeader(202)
		}, 202, ""},
		{"flush", func(w http.ResponseWriter, _ *http.Request) {
			w.(http.Flusher).Flush()
			io.WriteString(w, "body")
		}, 200, "body"},
		{"flush by controller", func(w http.ResponseWriter, _ *http.Request) {
			if err := http.NewResponseController(w).Flush(); err != nil {
				t.Error(err)
			}
			io.WriteString(w, "body")
		}, 200, "body"},
		{"flush by controller below another writer", func(w http.ResponseWriter, _ *http.Request) {
			if err := http.NewResponseController(unwrapper{w}).Flush(); err != nil {
				t.Error(err)
			}
		}, 200, ""},
		{"stream", func(w http.ResponseWriter, _ *http.Request) {
			for range 3 {
				io.WriteString(w, "data\n")
				w.(http.Flusher).Flush()
			}
		}, 200, "data\ndata\ndata\n"},
		{"io.Copy", func(w http.ResponseWriter, _ *http.Request) { io.Copy(w, strings.NewReader("body")) }, 200, "body"},
		{"ReadFrom", func(w http.ResponseWriter, _ *http.Request) {
			w.(io.ReaderFrom).ReadFrom(io.LimitReader(strings.NewReader("body"), 2))
		}, 200, "bo"},
		{"file", func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, file) }, 200, "from a file"},
		{"copy of a file", func(w http.ResponseWriter, _ *http.Request) {
			f, err := os.Open(file)
			if err != nil {
				t.Error(err)
				return
			}
			defer f.Close()
			io.Copy(w, f)
		}, 200, "from a file"},
		{"timeout handler", func(w http.ResponseWriter, r *http.Request) {
			http.TimeoutHandler(http.NotFoundHandler(), time.Minute, "late").ServeHTTP(w, r)
		}, 404, "404 page not found\n"},
		{"deadlines", func(w http.ResponseWriter, _ *http.Request) {
			if err := http.NewResponseController(w).SetWriteDeadline(time.Now().Add(time.Minute)); err != nil {
				t.Error(err)
			}
		}, 200, ""},
		{"trailer", func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, "body")
			w.Header().Set(http.TrailerPrefix+"X-Sum", "1")
		}, 200, "body"},
	}
	for protocol, start := range protocols {
		for _, shape := range shapes {
			t.Run(protocol+"/"+shape.name, func(t *testing.T) {
				c := newCarrier(t, Options{})
				server, client := startServer(t, start, c.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					write(r.Context(), 100)
					shape.serve(w, r)
				})))
				response, err := client.Get(server.URL)
				if err != nil {
					t.Fatal(err)
				}
				body, err := io.ReadAll(response.Body)
				response.Body.Close()
				if err != nil || string(body) != shape.body || response.StatusCode != shape.status {
					t.Errorf("status %d, body %.60q, %v, want %d, %.60q", response.StatusCode, body, err, shape.status, shape.body)
				}
				if response.Proto != protocol {
					t.Errorf("protocol %s", response.Proto)
				}
				if got := issued(t, c, response); got != testToken {
					t.Errorf("token %q", got)
				}
				if got, want := c.Stats(), (Stats{Issued: 1}); got != want {
					t.Errorf("stats %+v, want %+v", got, want)
				}
			})
		}
	}
}

// unwrapper is another middleware's writer.
type unwrapper struct{ http.ResponseWriter }

func (u unwrapper) Unwrap() http.ResponseWriter { return u.ResponseWriter }

// What is written between an informational response and the true one is in the
// token, and the informational one has none.
func TestInformational(t *testing.T) {
	for protocol, start := range protocols {
		t.Run(protocol, func(t *testing.T) {
			c := newCarrier(t, Options{})
			server, client := startServer(t, start, c.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				write(r.Context(), 50)
				w.WriteHeader(http.StatusEarlyHints)
				write(r.Context(), 100)
				w.WriteHeader(200)
			})))
			early := 0
			ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
				Got1xxResponse: func(_ int, header textproto.MIMEHeader) error {
					early++
					if header.Get("Set-Cookie") != "" {
						t.Error("an informational response sets the cookie")
					}
					return nil
				},
			})
			request, _ := http.NewRequestWithContext(ctx, "GET", server.URL, nil)
			response, err := client.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			response.Body.Close()
			if got := issued(t, c, response); got != testToken || early != 1 {
				t.Errorf("token %q after %d informational responses", got, early)
			}
		})
	}
}

func TestLate(t *testing.T) {
	for protocol, start := range protocols {
		t.Run(protocol, func(t *testing.T) {
			c := newCarrier(t, Options{})
			server, client := startServer(t, start, c.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/unseen" {
					write(r.Context(), 100)
				}
				io.WriteString(w, "body")
				write(r.Context(), 200)
			})))
			for path, want := range map[string]string{"/": testToken, "/unseen": ""} {
				response, err := client.Get(server.URL + path)
				if err != nil {
					t.Fatal(err)
				}
				io.Copy(io.Discard, response.Body)
				response.Body.Close()
				if got := issued(t, c, response); got != want {
					t.Errorf("%s: token %q, want %q", path, got, want)
				}
			}
			server.Close() // the handlers have returned
			if got, want := c.Stats(), (Stats{Issued: 1, Late: 2}); got != want {
				t.Errorf("stats %+v, want %+v", got, want)
			}
		})
	}
}

// A token sent with its mark stands for what ends before it is parsed.
func TestLateIsNotCountedWithoutPositions(t *testing.T) {
	c := newCarrier(t, Options{Wait: -1})
	serve(c, func(w http.ResponseWriter, r *http.Request) {
		record(r.Context()).BeginWrite()
		io.WriteString(w, "body")
		record(r.Context()).EndWrite(time.Now(), wal(100))
	})
	if got, want := c.Stats(), (Stats{Issued: 1}); got != want {
		t.Errorf("stats %+v, want %+v", got, want)
	}
}

// A handler may write to the database and panic: whoever answers in its place
// sends the token.
func TestPanic(t *testing.T) {
	recovering := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			defer func() {
				if v := recover(); v != "boom" {
					t.Errorf("recovered %v", v)
				}
				http.Error(w, "sorry", 500)
			}()
			next.ServeHTTP(w, r)
		})
	}
	c := newCarrier(t, Options{})
	server, client := startServer(t, protocols["HTTP/1.1"], recovering(c.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		write(r.Context(), 100)
		panic("boom")
	}))))
	response, err := client.Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if got := issued(t, c, response); got != testToken || response.StatusCode != 500 {
		t.Errorf("status %d, token %q", response.StatusCode, got)
	}
}

func TestAbort(t *testing.T) {
	for protocol, start := range protocols {
		for name, abort := range map[string]http.HandlerFunc{
			"at once": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
			"in the body": func(w http.ResponseWriter, _ *http.Request) {
				w.Write([]byte("x"))
				w.(http.Flusher).Flush()
				panic(http.ErrAbortHandler)
			},
		} {
			t.Run(protocol+"/"+name, func(t *testing.T) {
				c := newCarrier(t, Options{})
				seen := make(chan any, 1)
				server, client := startServer(t, start, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					defer func() {
						v := recover()
						select {
						case seen <- v:
						default: // the client tries again
						}
						panic(v)
					}()
					c.Handler(abort).ServeHTTP(w, r)
				}))
				response, err := client.Get(server.URL)
				if err == nil {
					_, err = io.ReadAll(response.Body)
					response.Body.Close()
				}
				if v := <-seen; err == nil || v != http.ErrAbortHandler {
					t.Errorf("the client got %v, the server %v", err, v)
				}
			})
		}
	}
}

func TestHijack(t *testing.T) {
	for name, hijack := range map[string]func(http.ResponseWriter) (net.Conn, *bufio.ReadWriter, error){
		"Hijacker": func(w http.ResponseWriter) (net.Conn, *bufio.ReadWriter, error) { return w.(http.Hijacker).Hijack() },
		"controller": func(w http.ResponseWriter) (net.Conn, *bufio.ReadWriter, error) {
			return http.NewResponseController(w).Hijack()
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCarrier(t, Options{})
			server, client := startServer(t, protocols["HTTP/1.1"], c.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				write(r.Context(), 100)
				conn, _, err := hijack(w)
				if err != nil {
					t.Error(err)
					return
				}
				defer conn.Close()
				io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\nmine")
			})))
			response, err := client.Get(server.URL)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(response.Body)
			response.Body.Close()
			if string(body) != "mine" || err != nil || issued(t, c, response) != "" {
				t.Errorf("body %q, %v, header %v", body, err, response.Header)
			}
			server.Close()
			if got := c.Stats(); got != (Stats{}) {
				t.Errorf("stats %+v", got)
			}
		})
	}
}

// A handler sees those optional interfaces that the writer below has.
func TestExpose(t *testing.T) {
	type (
		plain   struct{ http.ResponseWriter }
		flusher struct {
			http.ResponseWriter
			http.Flusher
		}
		hijacker struct {
			http.ResponseWriter
			http.Hijacker
		}
		pusher struct {
			http.ResponseWriter
			http.Pusher
		}
		flushHijack struct {
			http.ResponseWriter
			http.Flusher
			http.Hijacker
		}
		flushPush struct {
			http.ResponseWriter
			http.Flusher
			http.Pusher
		}
		hijackPush struct {
			http.ResponseWriter
			http.Hijacker
			http.Pusher
		}
		all struct {
			http.ResponseWriter
			http.Flusher
			http.Hijacker
			http.Pusher
		}
	)
	for _, under := range []http.ResponseWriter{
		plain{}, flusher{}, hijacker{}, pusher{}, flushHijack{}, flushPush{}, hijackPush{}, all{}, httptest.NewRecorder(),
	} {
		got := (&writer{under: under}).expose()
		check := func(what string, got, want bool) {
			if got != want {
				t.Errorf("over a %T: %s %t, want %t", under, what, got, want)
			}
		}
		_, f := under.(http.Flusher)
		_, h := under.(http.Hijacker)
		_, p := under.(http.Pusher)
		_, gotF := got.(http.Flusher)
		_, gotH := got.(http.Hijacker)
		_, gotP := got.(http.Pusher)
		check("Flusher", gotF, f)
		check("Hijacker", gotH, h)
		check("Pusher", gotP, p)
		_, readerFrom := got.(io.ReaderFrom)
		_, stringWriter := got.(io.StringWriter)
		check("ReaderFrom", readerFrom, true)
		check("StringWriter", stringWriter, true)
		if u, ok := got.(interface{ Unwrap() http.ResponseWriter }); !ok || u.Unwrap() != under {
			t.Errorf("over a %T: Unwrap does not return it", under)
		}
	}
	for protocol, start := range protocols {
		c := newCarrier(t, Options{})
		server, client := startServer(t, start, c.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, h := w.(http.Hijacker)
			_, p := w.(http.Pusher)
			if h != (r.ProtoMajor == 1) || p != (r.ProtoMajor == 2) {
				t.Errorf("%s: Hijacker %t, Pusher %t", protocol, h, p)
			}
			if p {
				// The client has switched it off: the call has to get there.
				if err := w.(http.Pusher).Push("/style.css", nil); err == nil {
					t.Error("pushed to a client that wants none")
				}
			}
		})))
		response, err := client.Get(server.URL)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
	}
}

func TestFlushWithoutFlusher(t *testing.T) {
	c := newCarrier(t, Options{})
	handler := http.TimeoutHandler(c.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, ok := w.(http.Flusher); ok {
			t.Error("a Flusher under http.TimeoutHandler")
		}
		write(r.Context(), 100)
		if err := http.NewResponseController(w).Flush(); !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("Flush = %v", err)
		}
	})), time.Minute, "")
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, httptest.NewRequest("GET", "/", nil))
	if got := issued(t, c, recorder.Result()); got != testToken {
		t.Errorf("token %q", got)
	}
}
