package compiled

import (
	"database/sql/driver"
	"fmt"
	"io"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
)

// pgRows are the rows of one query or, one set after the other, of several that
// travelled together.
type pgRows struct {
	results pgx.BatchResults
	rows    pgx.Rows
	left    int
}

var _ driver.RowsNextResultSet = (*pgRows)(nil)

// Columns implements driver.Rows.
func (r *pgRows) Columns() []string {
	fields := r.rows.FieldDescriptions()
	names := make([]string, len(fields))
	for i := range fields {
		names[i] = fields[i].Name
	}
	return names
}

// Next implements driver.Rows.
func (r *pgRows) Next(dest []driver.Value) error {
	if !r.rows.Next() {
		if err := r.rows.Err(); err != nil {
			return err
		}
		return io.EOF
	}
	values, err := r.rows.Values()
	if err != nil {
		return err
	}
	raw := r.rows.RawValues()
	for i, f := range r.rows.FieldDescriptions() {
		switch {
		case raw[i] == nil:
			dest[i] = nil
		case f.DataTypeOID == pgtype.JSONOID, f.DataTypeOID == pgtype.JSONBOID:
			if f.Format != pgtype.TextFormatCode {
				return fmt.Errorf("column %s: JSON in binary form", f.Name)
			}
			dest[i] = string(raw[i])
		default:
			if dest[i], err = driverValue(values[i]); err != nil {
				return fmt.Errorf("column %s: %w", f.Name, err)
			}
		}
	}
	return nil
}

// HasNextResultSet implements driver.RowsNextResultSet.
func (r *pgRows) HasNextResultSet() bool { return r.left > 0 }

// NextResultSet implements driver.RowsNextResultSet.
func (r *pgRows) NextResultSet() (err error) {
	if r.rows != nil {
		r.rows.Close()
		if err := r.rows.Err(); err != nil {
			return err
		}
	}
	if r.left == 0 {
		return io.EOF
	}
	r.left--
	r.rows, err = r.results.Query()
	return err
}

// Close implements driver.Rows.
func (r *pgRows) Close() error {
	r.rows.Close()
	return r.results.Close()
}

// driverValue makes one of the few types database/sql knows of what pgx reads.
func driverValue(v any) (driver.Value, error) {
	switch v := v.(type) {
	case nil, int64, float64, bool, []byte, string, time.Time:
		return v, nil
	case int32:
		return int64(v), nil
	case int16:
		return int64(v), nil
	case uint32:
		return int64(v), nil
	case float32:
		return float64(v), nil
	case driver.Valuer: // numeric, for one: what SUM of whole numbers yields
		return v.Value()
	default:
		return nil, fmt.Errorf("unexpected value %T", v)
	}
}
