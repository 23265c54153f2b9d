package sessionhttp_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"time"

	"github.com/rwsplit/rwsplit/lag"
	"github.com/rwsplit/rwsplit/session"
	"github.com/rwsplit/rwsplit/session/sessionhttp"
)

// A user who places an order finds it in the next request, whichever replica
// answers: his session needs the position of his write.
func Example() {
	carrier, err := sessionhttp.New(sessionhttp.Options{
		Keys: [][]byte{bytes.Repeat([]byte("k"), 32)}, // 32 random bytes, the same on each server
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /order", func(w http.ResponseWriter, r *http.Request) {
		insert(r.Context()) // db.ExecContext(r.Context(), "INSERT …")
		http.Redirect(w, r, "/orders", http.StatusSeeOther)
	})
	mux.HandleFunc("GET /orders", func(w http.ResponseWriter, r *http.Request) {
		fmt.Println("reads from a server that has reached", needed(r.Context())) // db.QueryContext(…)
	})
	server := httptest.NewTLSServer(carrier.Handler(mux))
	defer server.Close()

	browser := server.Client()
	browser.Jar, _ = cookiejar.New(nil)
	if _, err := browser.Post(server.URL+"/order", "", nil); err != nil {
		fmt.Println(err)
	}
	stats := carrier.Stats()
	fmt.Println("issued", stats.Issued, "accepted", stats.Accepted)
	// Output:
	// reads from a server that has reached postgres:7:1:0/4016B10
	// issued 1 accepted 1
}

// cluster stands for the *sql.DB of the example.
type cluster struct{}

func (cluster) Witness() session.Witness                                   { return cluster{} }
func (cluster) AwaitPrimary(ctx context.Context, _ time.Time) error        { <-ctx.Done(); return ctx.Err() }
func (cluster) Known() (lag.Position, bool)                                { return nil, false }
func (cluster) PrimaryAfter(time.Time) (lag.Position, bool)                { return nil, false }
func (cluster) InstanceAfter(lag.Instance, time.Time) (lag.Position, bool) { return nil, false }

func insert(ctx context.Context) {
	committed := lag.WAL{System: 7, Timeline: 1, LSN: 0x4016B10}
	session.FromContext(ctx).Record("shop", cluster{}).Wrote(time.Now(), committed)
}

func needed(ctx context.Context) lag.Position {
	need := session.FromContext(ctx).Record("shop", cluster{}).Need(cluster{})
	return need.Position
}
