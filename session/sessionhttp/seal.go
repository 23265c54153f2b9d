package sessionhttp

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"time"
)

// A sealed token is base64url, without padding, of
//
//	version (1 byte), time of issue (8, Unix seconds, big endian), HMAC-SHA-256 (32), token
//
// where the HMAC is over sealContext, version, time and token.
const (
	sealVersion = 1
	macStart    = 1 + 8
	tokenStart  = macStart + sha256.Size

	// sealContext keeps a signature of ours from being one of something else,
	// where a program uses one key for several ends.
	sealContext = "rwsplit sessionhttp\x00"
)

var encoding = base64.RawURLEncoding.Strict()

// outcome says what became of a value that was received.
type outcome int

const (
	accepted outcome = iota
	forged
	malformed
	oversized
	expired
	outcomes
)

// sealedLen returns the length of a sealed token of n bytes.
func sealedLen(n int) int { return encoding.EncodedLen(tokenStart + n) }

// seal signs a token.
func (c *Carrier) seal(token string, issued time.Time) string {
	sealed := make([]byte, tokenStart, tokenStart+len(token))
	sealed[0] = sealVersion
	binary.BigEndian.PutUint64(sealed[1:], uint64(issued.Unix()))
	sealed = append(sealed, token...)
	copy(sealed[macStart:], mac(c.keys[0], sealed))
	return encoding.EncodeToString(sealed)
}

// open returns the token of a sealed one and its time of issue.
func (c *Carrier) open(value string, now time.Time) (string, time.Time, outcome) {
	if len(value) > c.options.MaxBytes {
		return "", time.Time{}, oversized
	}
	sealed, err := encoding.DecodeString(value)
	if err != nil || len(sealed) < tokenStart || sealed[0] != sealVersion {
		return "", time.Time{}, malformed
	}
	if !c.signed(sealed) {
		return "", time.Time{}, forged
	}
	// A time to come is the clock of another server of ours, a little ahead.
	issued := time.Unix(int64(binary.BigEndian.Uint64(sealed[1:])), 0)
	if now.Sub(issued) > c.options.MaxAge {
		return "", time.Time{}, expired
	}
	return string(sealed[tokenStart:]), issued, accepted
}

func (c *Carrier) signed(sealed []byte) bool {
	for _, key := range c.keys {
		if hmac.Equal(sealed[macStart:tokenStart], mac(key, sealed)) {
			return true
		}
	}
	return false
}

// mac returns the HMAC of all of sealed but the place of the HMAC itself.
func mac(key, sealed []byte) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(sealContext))
	h.Write(sealed[:macStart])
	h.Write(sealed[tokenStart:])
	return h.Sum(nil)
}
