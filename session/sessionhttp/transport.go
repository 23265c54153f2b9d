package sessionhttp

import (
	"net/http"
	"time"

	"github.com/rwsplit/rwsplit/session"
)

// Transport returns a RoundTripper that takes the session of a request's context
// along to another service, and merges into it the token that comes back. The
// other service uses a Carrier with the same keys, names and databases. A request
// whose context has no session goes as it is.
//
// The token is added to each request, whatever its host: use it in a client for
// your own services. Base does the work; nil is http.DefaultTransport.
func (c *Carrier) Transport(base http.RoundTripper) http.RoundTripper {
	if base == nil {
		base = http.DefaultTransport
	}
	return &transport{c, base}
}

type transport struct {
	carrier *Carrier
	base    http.RoundTripper
}

func (t *transport) RoundTrip(request *http.Request) (*http.Response, error) {
	c := t.carrier
	s := session.FromContext(request.Context())
	if s == nil {
		return t.base.RoundTrip(request)
	}
	if token := c.token(request.Context(), s); token != c.empty {
		if value := c.sealToFit(s, token, time.Now()); value != "" {
			// A RoundTripper must not change the request.
			request = request.Clone(request.Context())
			if request.Header == nil {
				request.Header = make(http.Header)
			}
			if c.options.Header != "" {
				request.Header.Set(c.options.Header, value)
			} else {
				request.AddCookie(&http.Cookie{Name: c.options.Cookie, Value: value})
			}
		}
	}
	response, err := t.base.RoundTrip(request)
	if err != nil {
		return response, err
	}
	var came receipt
	c.receive(s, c.responseValues(response), &came)
	return response, nil
}

func (c *Carrier) responseValues(response *http.Response) []string {
	if c.options.Header != "" {
		return response.Header[c.options.Header]
	}
	var ours []*http.Cookie
	for _, cookie := range response.Cookies() {
		if cookie.Name == c.options.Cookie {
			ours = append(ours, cookie)
		}
	}
	return cookieValues(ours)
}
