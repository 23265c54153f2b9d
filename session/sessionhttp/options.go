package sessionhttp

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Options tells a [Carrier] how to carry. Only Keys is required.
type Options struct {
	// Keys sign tokens: the first one signs, each one verifies. To change the
	// key, put the new one first on every server, and take the old one out
	// when MaxAge has passed. (Where servers are changed one by one, first add
	// the new key at the end everywhere.) Each has at least 32 random bytes.
	Keys [][]byte

	// Cookie is the name of the cookie; "rwsplit_session" by default.
	Cookie string

	// Header, if set, is the name of a header that is used instead of a
	// cookie: it is read from the request and written to the response. The
	// client has to send back the last one that it got. For a script of
	// another origin, list it in Access-Control-Expose-Headers.
	Header string

	// Path, Domain and SameSite are the cookie's attributes. By default it
	// holds for the whole site ("/"), only for the host that set it, and with
	// SameSite=Lax. The cookie is always HttpOnly: a script that needs the
	// token uses Header.
	Path     string
	Domain   string
	SameSite http.SameSite

	// Insecure leaves out the cookie's attribute Secure, so that it goes over
	// plain HTTP too: for development, or behind no TLS at all.
	Insecure bool

	// MaxAge ends a token's life, in the browser and here; one hour by
	// default. It has to be longer than a replica that is read from can lag:
	// then whatever an older token tells is true everywhere.
	MaxAge time.Duration

	// MaxBytes bounds the signed token, received or sent, in bytes; 3072 by
	// default. Browsers drop a cookie of more than 4096 bytes, so more than
	// 3800 is an error without Header, and more than 16384 always.
	MaxBytes int

	// Wait is how long sending a response may wait until positions stand for
	// all that was written and seen; by default, and at most, the 100 ms of
	// [session.Session.Token]. Negative is not at all. Without a position the
	// token says so, and the user's next request reads from the primary until
	// one is known.
	Wait time.Duration
}

const (
	minKey         = 32
	defaultCookie  = "rwsplit_session"
	defaultMaxAge  = time.Hour
	defaultMax     = 3 << 10
	minMax         = 256
	maxCookieBytes = 3800 // 4096 for name, value and attributes
	maxHeaderBytes = 16 << 10
)

// withDefaults returns o complete, or says what is wrong with it. No error
// prints a key.
func (o Options) withDefaults() (Options, error) {
	if len(o.Keys) == 0 {
		return o, errors.New("sessionhttp: Options.Keys is empty, want at least one key")
	}
	for i, key := range o.Keys {
		if len(key) < minKey {
			return o, fmt.Errorf("sessionhttp: Options.Keys[%d] has %d bytes, want at least %d", i, len(key), minKey)
		}
	}
	if o.MaxAge == 0 {
		o.MaxAge = defaultMaxAge
	}
	if o.MaxAge < time.Second {
		return o, fmt.Errorf("sessionhttp: Options.MaxAge is %v, want at least 1s", o.MaxAge)
	}
	if o.MaxBytes == 0 {
		o.MaxBytes = defaultMax
	}
	most := maxCookieBytes
	if o.Header != "" {
		most = maxHeaderBytes
	}
	if o.MaxBytes < minMax || o.MaxBytes > most {
		return o, fmt.Errorf("sessionhttp: Options.MaxBytes is %d, want %d to %d", o.MaxBytes, minMax, most)
	}
	if o.Header != "" {
		return o.withHeader()
	}
	return o.withCookie()
}

func (o Options) withHeader() (Options, error) {
	if o.Cookie != "" || o.Path != "" || o.Domain != "" || o.SameSite != 0 || o.Insecure {
		return o, errors.New("sessionhttp: Options has both Header and options of the cookie; use a Carrier for each")
	}
	if !fieldName(o.Header) {
		return o, fmt.Errorf("sessionhttp: Options.Header %q is not the name of a header", o.Header)
	}
	o.Header = http.CanonicalHeaderKey(o.Header)
	return o, nil
}

func (o Options) withCookie() (Options, error) {
	if o.Cookie == "" {
		o.Cookie = defaultCookie
	}
	if o.Path == "" {
		o.Path = "/"
	}
	if o.SameSite == 0 {
		o.SameSite = http.SameSiteLaxMode
	}
	if err := o.cookie("x").Valid(); err != nil {
		return o, fmt.Errorf("sessionhttp: Options do not make a cookie: %w", err)
	}
	// Browsers drop such a cookie in silence.
	switch {
	case o.Insecure && o.SameSite == http.SameSiteNoneMode:
		return o, errors.New("sessionhttp: a cookie with SameSite=None cannot be Insecure")
	case o.Insecure && (strings.HasPrefix(o.Cookie, "__Host-") || strings.HasPrefix(o.Cookie, "__Secure-")):
		return o, fmt.Errorf("sessionhttp: the cookie %q cannot be Insecure", o.Cookie)
	case strings.HasPrefix(o.Cookie, "__Host-") && (o.Path != "/" || o.Domain != ""):
		return o, fmt.Errorf("sessionhttp: the cookie %q takes no Path and no Domain", o.Cookie)
	}
	return o, nil
}

func (o Options) cookie(value string) *http.Cookie {
	return &http.Cookie{
		Name:     o.Cookie,
		Value:    value,
		Path:     o.Path,
		Domain:   o.Domain,
		MaxAge:   int(o.MaxAge / time.Second),
		Secure:   !o.Insecure,
		HttpOnly: true,
		SameSite: o.SameSite,
	}
}

// fieldName reports whether name is a token of RFC 9110, section 5.6.2.
func fieldName(name string) bool {
	return !strings.ContainsFunc(name, func(r rune) bool {
		alphanumeric := 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
		return !alphanumeric && !strings.ContainsRune("!#$%&'*+-.^_`|~", r)
	})
}
