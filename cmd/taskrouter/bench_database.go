package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// ownDatabase is a PostgreSQL database that ends with the measurement. A
// measurement must not begin with the rows, and the secrets, of another.
type ownDatabase struct {
	server, name string
	// url is how to reach it.
	url string
}

// makeDatabase makes an empty database beside the one of the URL.
func makeDatabase(ctx context.Context, server string) (*ownDatabase, error) {
	u, err := url.Parse(server)
	if err != nil || (u.Scheme != "postgres" && u.Scheme != "postgresql") {
		// The URL may hold a password: neither it nor the error is repeated.
		return nil, errors.New("want sqlite, or postgres://user:password@host/database")
	}
	d := &ownDatabase{server: server, name: "taskrouter_bench_" + strings.ToLower(rand.Text())}
	if err := d.execute(ctx, "CREATE DATABASE "+d.name); err != nil {
		var refused *pgconn.PgError
		if errors.As(err, &refused) && refused.Code == "42501" { // insufficient_privilege
			return nil, fmt.Errorf("the measurement makes a database of its own, which needs a role with CREATEDB: %w", err)
		}
		return nil, fmt.Errorf("make a database: %w", err)
	}
	u.Path, u.RawPath = "/"+d.name, ""
	d.url = u.String()
	return d, nil
}

// drop removes it, whoever is still connected.
func (d *ownDatabase) drop(ctx context.Context) error {
	if err := d.execute(ctx, "DROP DATABASE IF EXISTS "+d.name+" WITH (FORCE)"); err != nil {
		return fmt.Errorf("drop the database %s: %w", d.name, err)
	}
	return nil
}

func (d *ownDatabase) execute(ctx context.Context, statement string) error {
	c, err := pgx.Connect(ctx, d.server)
	if err != nil {
		return err
	}
	_, err = c.Exec(ctx, statement)
	return errors.Join(err, c.Close(context.WithoutCancel(ctx)))
}
