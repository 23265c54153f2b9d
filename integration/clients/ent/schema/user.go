// Package schema is that of the test of ent: as little of it as has each kind of
// relation.
package schema

import (
	"context"
	"errors"
	"time"

	"entgo.io/ent"
	"entgo.io/ent/schema/edge"
	"entgo.io/ent/schema/field"
)

// User has pets, and friends who are users.
type User struct{ ent.Schema }

// Fields of the User.
func (User) Fields() []ent.Field {
	return []ent.Field{
		field.String("name").MaxLen(100).Unique(),
		field.Int("age").Default(0),
		field.Strings("tags").Optional(),
		field.Time("created_at").Default(time.Now).Immutable(),
	}
}

// Edges of the User.
func (User) Edges() []ent.Edge {
	return []ent.Edge{edge.To("pets", Pet.Type), edge.To("friends", User.Type)}
}

// ErrRefused is what the hook says of a user of that name.
var ErrRefused = errors.New("schema: refused")

// Hooks of the User.
func (User) Hooks() []ent.Hook {
	return []ent.Hook{func(next ent.Mutator) ent.Mutator {
		return ent.MutateFunc(func(ctx context.Context, m ent.Mutation) (ent.Value, error) {
			if name, _ := m.Field("name"); name == "refused" {
				return nil, ErrRefused
			}
			return next.Mutate(ctx, m)
		})
	}}
}

// Pet has an owner.
type Pet struct{ ent.Schema }

// Fields of the Pet.
func (Pet) Fields() []ent.Field { return []ent.Field{field.String("name").MaxLen(100)} }

// Edges of the Pet.
func (Pet) Edges() []ent.Edge {
	return []ent.Edge{edge.From("owner", User.Type).Ref("pets").Unique()}
}
