package store

import (
	"context"
	"embed"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

// A migration that was released is frozen: changes are new files.
//
//go:embed migrations
var migrations embed.FS

// Migrate brings the schema up to date. Several processes may call it at the
// same time; on PostgreSQL an advisory lock lets one of them work while the
// others wait.
func (s *Store) Migrate(ctx context.Context) error {
	folder, err := fs.Sub(migrations, s.dialect.migrations)
	if err != nil {
		return fmt.Errorf("read migrations: %w", err)
	}
	var options []goose.ProviderOption
	if s.dialect.goose == goose.DialectPostgres {
		locker, err := lock.NewPostgresSessionLocker()
		if err != nil {
			return fmt.Errorf("make migration lock: %w", err)
		}
		options = append(options, goose.WithSessionLocker(locker))
	}
	provider, err := goose.NewProvider(s.dialect.goose, s.write.DB, folder, options...)
	if err != nil {
		return fmt.Errorf("read migrations: %w", err)
	}
	if _, err := provider.Up(ctx); err != nil {
		return classify(err, "migrate the schema")
	}
	return nil
}

// SchemaVersion returns the number of the last migration that was applied and
// of the newest one this program knows.
func (s *Store) SchemaVersion(ctx context.Context) (applied, known int64, err error) {
	folder, err := fs.Sub(migrations, s.dialect.migrations)
	if err != nil {
		return 0, 0, fmt.Errorf("read migrations: %w", err)
	}
	provider, err := goose.NewProvider(s.dialect.goose, s.write.DB, folder)
	if err != nil {
		return 0, 0, fmt.Errorf("read migrations: %w", err)
	}
	applied, known, err = provider.GetVersions(ctx)
	return applied, known, classify(err, "read the schema version")
}
