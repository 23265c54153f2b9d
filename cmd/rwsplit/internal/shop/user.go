package shop

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"time"

	"github.com/rwsplit/rwsplit/session"
	"github.com/rwsplit/rwsplit/splitter"
)

// user is one customer in front of his browser. He does one thing at a time.
type user struct {
	shop    *Shop
	id      int64
	name    string // in findings
	at      *process
	session *session.Session

	// What he wrote. Nobody else writes these rows, so that he can tell what
	// is in them, to the letter.
	known   bool // what follows is right; after an error of a write it may not be
	version int64
	address string
	cart    map[int64]int64 // quantity by product
	history history

	// What he saw of rows that others write: they only grow.
	edition int64
	sold    map[int64]int64 // by product
}

// history is what a user's order history shows.
type history struct{ orders, last, total int64 }

func (s *Shop) newUser(id int64) *user {
	return &user{
		shop:    s,
		id:      id,
		name:    fmt.Sprintf("user %d", id),
		at:      s.processes[int(id)%len(s.processes)],
		session: session.New(),
		known:   true,
		version: 1,
		address: "none yet",
		cart:    make(map[int64]int64),
		sold:    make(map[int64]int64),
	}
}

// step is something that a user does, and how often among others.
type step struct {
	name   string
	weight int
	do     func(*user, context.Context) error
}

var steps = []step{
	{"browse a category", 26, (*user).browse},
	{"view a product", 22, (*user).viewProduct},
	{"look at the front page", 14, (*user).frontPage},
	{"view the profile", 8, (*user).viewProfile},
	{"view the account", 5, (*user).viewAccount},
	{"view the order history", 4, (*user).viewHistory},
	{"edit the profile", 5, (*user).editProfile},
	{"edit the profile on one connection", 2, (*user).editOnConn},
	{"add to the cart", 8, (*user).addToCart},
	{"place an order", 3, (*user).order},
	{"write a review", 3, (*user).review},
}

var weights = func() (sum int) {
	for _, s := range steps {
		sum += s.weight
	}
	return sum
}()

func draw() step {
	n := rand.IntN(weights)
	for _, s := range steps {
		if n -= s.weight; n < 0 {
			return s
		}
	}
	panic("not reached")
}

// work goes on until open is done. Statements run under ctx, which ends later.
func (u *user) work(open, ctx context.Context) {
	for open.Err() == nil {
		if rand.IntN(12) == 0 {
			u.move(ctx)
		}
		s := draw()
		if !u.known {
			s = step{name: "look up after an error", do: (*user).lookUp}
		}
		if err := s.do(u, u.context(ctx)); err != nil {
			u.shop.ledger.failed(ctx, u.name, s.name, err)
		}
		think(open, 10*time.Millisecond, 50*time.Millisecond)
	}
}

// context is that of the user's requests.
func (u *user) context(ctx context.Context) context.Context {
	ctx = session.NewContext(ctx, u.session)
	return splitter.WithConsistency(ctx, u.shop.config.Consistency)
}

// move lets the user's next request come to the other process. All that this
// one knows of him is the token.
func (u *user) move(ctx context.Context) {
	token, err := u.session.Token(ctx)
	var carried *session.Session
	if err == nil {
		carried, err = session.Parse(token)
	}
	if err != nil {
		u.shop.ledger.failed(ctx, u.name, "carry the session over", err)
		return
	}
	u.session = carried
	for _, p := range u.shop.processes {
		if p != u.at {
			u.at = p
			break
		}
	}
	u.shop.ledger.add(func(f *Figures) { f.Handovers++ })
}

// lookUp asks the primary what became of the user's rows: after an error he does
// not know what he has written.
func (u *user) lookUp(ctx context.Context) error {
	ctx = splitter.OnPrimary(ctx)
	var err1, err2, err3 error
	u.version, u.address, err1 = u.readProfile(ctx, u.at.db)
	u.cart, err2 = u.readCart(ctx, u.at.db)
	u.history, err3 = u.readHistory(ctx, u.at.db)
	err := errors.Join(err1, err2, err3)
	u.known = err == nil
	return err
}

// wrote notes the outcome of a write: after an error, what the user knows of his
// rows is to be looked up.
func (u *user) wrote(err error) error {
	if err != nil {
		u.known = false
	}
	return err
}

// The comparisons. Each is one value that was read and one that it may not be
// older than.

func (u *user) checkProfile(version int64, address string) {
	u.shop.ledger.wrote(version == u.version && address == u.address,
		"%s read version %d of his profile (%s) and had written %d (%s)", u.name, version, address, u.version, u.address)
}

func (u *user) checkCart(cart map[int64]int64) {
	u.shop.ledger.wrote(maps.Equal(cart, u.cart), "%s read %v in his cart and had put in %v", u.name, cart, u.cart)
}

func (u *user) checkHistory(h history) {
	u.shop.ledger.wrote(h == u.history, "%s read %d orders, the last %d, and had placed %d, the last %d",
		u.name, h.orders, h.last, u.history.orders, u.history.last)
}

func (u *user) checkEdition(edition int64) {
	u.shop.ledger.saw(edition >= u.edition, "%s saw edition %d after %d", u.name, edition, u.edition)
	u.edition = max(u.edition, edition)
}

func (u *user) checkSold(product, sold int64) {
	u.shop.ledger.saw(sold >= u.sold[product], "%s saw %d of product %d sold after %d", u.name, sold, product, u.sold[product])
	u.sold[product] = max(u.sold[product], sold)
}
