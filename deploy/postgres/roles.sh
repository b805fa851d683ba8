#!/bin/sh
# Run once, when the database is made: a role for the router and one for
# Temporal, each the owner of its own databases.
set -eu

psql -v ON_ERROR_STOP=1 --username "$POSTGRES_USER" \
  -v router="$ROUTER_DB_PASSWORD" -v temporal="$TEMPORAL_DB_PASSWORD" <<'SQL'
CREATE ROLE taskrouter LOGIN PASSWORD :'router';
CREATE ROLE temporal LOGIN PASSWORD :'temporal';
CREATE DATABASE taskrouter OWNER taskrouter;
CREATE DATABASE temporal OWNER temporal;
CREATE DATABASE temporal_visibility OWNER temporal;
REVOKE CONNECT ON DATABASE taskrouter, temporal, temporal_visibility FROM PUBLIC;
SQL
