// Package keys keeps in Postgres which keys have worked, for the gate.
//
// [Keys] are the rows of lethe.known_keys: hashes that reveal nothing of a key.
package keys

import (
	"context"
	"errors"

	"lethe/adapters/postgres"
	"lethe/adapters/postgres/keys/internal/dbsqlc"
)

type Keys struct {
	db *postgres.DB
}

// New takes the primary of the database with schema lethe.
func New(db *postgres.DB) (*Keys, error) {
	if db == nil {
		return nil, errors.New("known keys need a database")
	}
	return &Keys{db}, nil
}

// Known returns the latest marks, at most limit, and the secret that makes them. It
// deletes marks older than half a year. Errors are those of MapError.
func (k *Keys) Known(ctx context.Context, limit int) (secret []byte, marks [][16]byte, err error) {
	err = k.db.Use(ctx, func(c postgres.Conn) error {
		q := dbsqlc.New(c)
		if secret, err = q.KeySecret(ctx); err != nil {
			return err
		}
		if err := q.RemoveKeys(ctx); err != nil {
			return err
		}
		rows, err := q.KnownKeys(ctx, int64(limit))
		marks = make([][16]byte, len(rows))
		for i, row := range rows {
			copy(marks[i][:], row)
		}
		return err
	})
	return secret, marks, err
}

// Note stores marks. Errors are those of MapError.
func (k *Keys) Note(ctx context.Context, marks [][16]byte) error {
	rows := make([][]byte, len(marks))
	for i, mark := range marks {
		rows[i] = mark[:]
	}
	return k.db.Use(ctx, func(c postgres.Conn) error { return dbsqlc.New(c).RecordKeys(ctx, rows) })
}
