package sessionhttp

import (
	"bytes"
	"context"
	"net/http"
	"time"

	"github.com/rwsplit/rwsplit/session"
)

// maxValues bounds the values that one request may bring under our name. A
// browser sends several cookies of one name when they were set for different
// paths or domains; each is taken.
const maxValues = 8

// Carrier carries sessions between requests. It is safe for concurrent use.
type Carrier struct {
	options Options
	keys    [][]byte
	empty   string // the token of a session that has nothing to tell
	count   counters
}

// New returns a Carrier, or an error that says which option is wrong.
func New(o Options) (*Carrier, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	c := &Carrier{options: o}
	for _, key := range o.Keys {
		c.keys = append(c.keys, bytes.Clone(key))
	}
	c.options.Keys = nil
	c.empty, err = session.New().Token(context.Background())
	return c, err
}

// Handler returns a handler that calls next with a session in the request's
// context: the one whose token came with the request, or a fresh one. The
// session's token goes with the response.
//
// Where the context has a session already, as from another Carrier around this
// one, what came with the request is merged into it.
func (c *Carrier) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(response http.ResponseWriter, request *http.Request) {
		ctx := request.Context()
		var came receipt
		s := session.FromContext(ctx)
		if s == nil {
			s = session.New()
			ctx = session.NewContext(ctx, s)
			request = request.WithContext(ctx)
		}
		c.receive(s, c.requestValues(request), &came)
		w := &writer{under: response, carrier: c, session: s, ctx: ctx, came: came}
		// Also when next panics: what it wrote until then may be
		// committed, and an outer handler may answer.
		defer w.finish()
		next.ServeHTTP(w.expose(), request)
	})
}

func (c *Carrier) requestValues(request *http.Request) []string {
	if c.options.Header != "" {
		return request.Header[c.options.Header]
	}
	return cookieValues(request.CookiesNamed(c.options.Cookie))
}

func cookieValues(cookies []*http.Cookie) []string {
	var values []string
	for _, cookie := range cookies {
		values = append(values, cookie.Value)
	}
	return values
}

// receipt is what the client holds, as far as he showed it.
type receipt struct {
	values int    // that he sent, of whatever worth
	token  string // the last one that was accepted
	issued time.Time
}

// holds reports whether sending token would tell the client nothing.
func (r *receipt) holds(token string, now time.Time, maxAge time.Duration) bool {
	// Of several values, only a new one for our path makes an end.
	return r.values == 1 && r.token == token && now.Sub(r.issued) < maxAge/2
}

// receive merges into s what of the values is a token of ours.
func (c *Carrier) receive(s *session.Session, values []string, came *receipt) {
	now := time.Now()
	for i, value := range values {
		if value == "" {
			continue // a cookie that somebody has cleared
		}
		came.values++
		if i >= maxValues {
			c.count.received[oversized].Add(1)
			continue
		}
		token, issued, what := c.open(value, now)
		if what == accepted {
			sent, err := session.Parse(token)
			if err == nil {
				s.Merge(sent)
				came.token, came.issued = token, issued
			} else {
				what = malformed // of another version of this package
			}
		}
		c.count.received[what].Add(1)
	}
}

// token returns the session's token. It waits for positions as the options say.
func (c *Carrier) token(ctx context.Context, s *session.Session) string {
	if c.options.Wait != 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.options.Wait)
		defer cancel()
	}
	token, _ := s.Token(ctx) // the session is not nil
	return token
}

// sealToFit returns the sealed token, in its short form where the whole does not
// fit, or "" where neither does.
func (c *Carrier) sealToFit(s *session.Session, token string, now time.Time) string {
	if sealedLen(len(token)) > c.options.MaxBytes {
		token, _ = s.ShortToken()
		if sealedLen(len(token)) > c.options.MaxBytes {
			c.count.tooLarge.Add(1)
			return ""
		}
		c.count.shortened.Add(1)
	}
	c.count.issued.Add(1)
	return c.seal(token, now)
}

// send puts the token into a response's header, if that tells the client
// something.
func (c *Carrier) send(header http.Header, s *session.Session, token string, came *receipt) {
	now := time.Now()
	if token == c.empty || came.holds(token, now, c.options.MaxAge) {
		return
	}
	value := c.sealToFit(s, token, now)
	if value == "" {
		return
	}
	if c.options.Header != "" {
		header.Set(c.options.Header, value)
	} else {
		header.Add("Set-Cookie", c.options.cookie(value).String())
	}
	if _, said := header["Cache-Control"]; !said {
		header.Set("Cache-Control", "private")
	}
}
