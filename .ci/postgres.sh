#!/usr/bin/env bash
# Makes sure that PostgreSQL's programs are there for the tests, which start
# servers of their own. Installs Debian's package when it is missing and this
# user may. Without it the tests that need it are skipped, or, with CI=true,
# fail.
set -euo pipefail

installed() {
  [ -n "${TEST_DATABASE_URL:-}" ] || command -v initdb >/dev/null || compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null
}

if installed; then
  exit 0
fi

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  as_root=(sudo -n)
fi
if ! command -v apt-get >/dev/null || ! "${as_root[@]}" true 2>/dev/null; then
  echo 'PostgreSQL is missing and cannot be installed here' >&2
  [ "${CI:-}" != true ]
  exit
fi

echo '== installing PostgreSQL'
# The package would start a server of its own, which nobody needs.
if [ ! -e /etc/postgresql-common/createcluster.conf ]; then
  "${as_root[@]}" mkdir -p /etc/postgresql-common
  echo 'create_main_cluster = false' | "${as_root[@]}" tee /etc/postgresql-common/createcluster.conf >/dev/null
fi
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends postgresql >/dev/null
installed
