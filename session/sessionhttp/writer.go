package sessionhttp

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"strings"

	"github.com/rwsplit/rwsplit/session"
)

// writer puts the token into the header before the header is sent. As any
// http.ResponseWriter it is for one goroutine at a time.
type writer struct {
	under   http.ResponseWriter
	carrier *Carrier
	session *session.Session
	ctx     context.Context
	came    receipt

	committed bool   // the token has been put into the header
	token     string // the one that was taken then
	hijacked  bool
}

var (
	_ http.ResponseWriter = (*writer)(nil)
	_ io.ReaderFrom       = (*writer)(nil)
	_ io.StringWriter     = (*writer)(nil)
)

// commit takes the token. The header is about to be sent.
func (w *writer) commit() {
	if w.committed {
		return
	}
	w.committed = true
	w.token = w.carrier.token(w.ctx, w.session)
	w.carrier.send(w.under.Header(), w.session, w.token, &w.came)
}

// finish is called when the handler has returned or panics.
func (w *writer) finish() {
	switch {
	case w.hijacked:
	case !w.committed:
		w.commit() // the server sends the header now
	case !strings.Contains(w.token, "?") && w.now() != w.token:
		// A token with "?" stands for all that ends before it is parsed.
		w.carrier.count.late.Add(1)
	}
}

var cancelled = func() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}()

// now returns the session's token as it is, without a wait.
func (w *writer) now() string {
	token, _ := w.session.Token(cancelled)
	return token
}

func (w *writer) Header() http.Header { return w.under.Header() }

func (w *writer) WriteHeader(code int) {
	// 1xx but 101 goes before the header of the response.
	if code < 100 || code > 199 || code == http.StatusSwitchingProtocols {
		w.commit()
	}
	w.under.WriteHeader(code)
}

func (w *writer) Write(data []byte) (int, error) {
	w.commit()
	return w.under.Write(data)
}

// WriteString and ReadFrom may always be there: where the writer below has them
// not, they do what io.WriteString and io.Copy would do without them.

func (w *writer) WriteString(data string) (int, error) {
	w.commit()
	return io.WriteString(w.under, data)
}

func (w *writer) ReadFrom(src io.Reader) (int64, error) {
	w.commit()
	if under, ok := w.under.(io.ReaderFrom); ok {
		return under.ReadFrom(src) // sendfile
	}
	return io.Copy(struct{ io.Writer }{w.under}, src)
}

// FlushError is what http.ResponseController looks for first. It has to be here
// even if the writer below is no http.Flusher itself: the controller would find
// one further down by Unwrap and pass us by.
func (w *writer) FlushError() error {
	w.commit()
	return http.NewResponseController(w.under).Flush()
}

// Unwrap gives http.ResponseController all that needs no token: deadlines, full
// duplex.
func (w *writer) Unwrap() http.ResponseWriter { return w.under }

type (
	flusher  struct{ w *writer }
	hijacker struct{ w *writer }
)

func (f flusher) Flush() { _ = f.w.FlushError() }

func (h hijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, buffer, err := h.w.under.(http.Hijacker).Hijack()
	h.w.hijacked = err == nil
	return conn, buffer, err
}

// expose returns w with those of Flusher, Hijacker and Pusher that the writer
// below has. Handlers assert these three to learn what the connection can do (no
// Hijacker on HTTP/2, no Flusher under http.TimeoutHandler), so neither all nor
// none would be the truth. Three make eight cases, a line each; whatever else a
// writer may have is reached by Unwrap.
func (w *writer) expose() http.ResponseWriter {
	_, f := w.under.(http.Flusher)
	_, h := w.under.(http.Hijacker)
	pusher, p := w.under.(http.Pusher)
	switch {
	case f && h && p:
		return struct {
			*writer
			http.Flusher
			http.Hijacker
			http.Pusher
		}{w, flusher{w}, hijacker{w}, pusher}
	case f && h: // HTTP/1.1
		return struct {
			*writer
			http.Flusher
			http.Hijacker
		}{w, flusher{w}, hijacker{w}}
	case f && p: // HTTP/2
		return struct {
			*writer
			http.Flusher
			http.Pusher
		}{w, flusher{w}, pusher}
	case h && p:
		return struct {
			*writer
			http.Hijacker
			http.Pusher
		}{w, hijacker{w}, pusher}
	case f:
		return struct {
			*writer
			http.Flusher
		}{w, flusher{w}}
	case h:
		return struct {
			*writer
			http.Hijacker
		}{w, hijacker{w}}
	case p:
		return struct {
			*writer
			http.Pusher
		}{w, pusher}
	}
	return w
}
