package driver

import (
	"context"

	"github.com/rwsplit/rwsplit/internal/cluster"
)

// hints is what a caller's context asks for. It is immutable.
type hints struct {
	primary     bool
	consistency cluster.Consistency
	key         string // for the sticky policy
}

type hintsKey struct{}

func hintsOf(ctx context.Context) hints {
	if h, ok := ctx.Value(hintsKey{}).(*hints); ok {
		return *h
	}
	return hints{}
}

// OnPrimary returns a context under which every statement goes to the primary.
func OnPrimary(ctx context.Context) context.Context {
	h := hintsOf(ctx)
	h.primary = true
	return context.WithValue(ctx, hintsKey{}, &h)
}

// WithConsistency returns a context under which reads are held to c.
func WithConsistency(ctx context.Context, c cluster.Consistency) context.Context {
	h := hintsOf(ctx)
	h.consistency = c
	return context.WithValue(ctx, hintsKey{}, &h)
}

// WithStickyKey returns a context whose reads the sticky policy keeps on one
// replica.
func WithStickyKey(ctx context.Context, key string) context.Context {
	h := hintsOf(ctx)
	h.key = key
	return context.WithValue(ctx, hintsKey{}, &h)
}
