// Package sessionhttp gives each web request a session and carries it from one
// request of a user to the next, in a signed cookie or header.
//
//	carrier, err := sessionhttp.New(sessionhttp.Options{Keys: [][]byte{key}})
//	…
//	http.ListenAndServe(addr, carrier.Handler(mux))
//
// A handler then uses the request's context for its statements, and the user
// reads what he wrote in an earlier request, whichever server answers.
//
// # When the token is sent
//
// The token goes with the response's header, so it is taken just before the
// header is sent: at the first Write, WriteHeader (1xx aside), Flush or
// ReadFrom, or when the handler returns or panics. Taking it may wait, see
// [Options].Wait.
//
// What a handler reads or writes in the database after that is not in this
// response's token, and the user's next request may miss it; [Stats].Late counts
// such responses. A handler that streams should write to the database first. A
// trailer would not help: browsers set no cookie from one. A handler that has to
// write late can put the [session.Session.Token] of its session into the body's
// end for a client that knows what to do with it. A hijacked connection carries
// no token for the same reason.
//
// Nothing is sent when the request neither wrote nor saw anything, or when the
// client has the same token already and it is younger than half of MaxAge.
//
// # Caches
//
// A shared cache that stored a response with its token would hand an old token to
// users who hold a newer one. So a response that carries a token, and whose
// handler said nothing of caching, gets "Cache-Control: private". What a handler
// says in Cache-Control is never changed: who writes "public" or "s-maxage" there
// should read nothing from the database under the request's context, or strip the
// token in the cache. Vary is left alone: the token decides how fresh a response
// is, not which one it is.
//
// # Trust
//
// The token is signed, not encrypted: its holder can read log positions and the
// names of session keys, neither of which opens anything. He can present an older
// token of his own, which harms only what he himself reads. What is forged, cut,
// too long or too old is ignored and counted, and the request gets a fresh session.
package sessionhttp
