#!/bin/sh
# Creates Temporal's tables in its two databases, or upgrades them. Where to
# connect comes from SQL_* variables.
set -eu

for name in temporal temporal_visibility; do
  case $name in
    temporal) folder=temporal ;;
    *) folder=visibility ;;
  esac
  # Makes the table of versions; a database that has one is left alone.
  temporal-sql-tool --database "$name" setup-schema --version 0.0
  temporal-sql-tool --database "$name" update-schema --schema-dir "/etc/temporal/schema/postgresql/v12/$folder/versioned"
done
