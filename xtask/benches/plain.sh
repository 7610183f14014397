#!/usr/bin/env bash
# The plain way: the runbook's steps with initdb, pg_ctl, psql and one `alembic` call a step, tree
# after tree. It is what the gate's time is compared with; it checks no more than exit statuses.
#
#   xtask/benches/plain.sh            Postgres 15 from PATH or /usr/lib/postgresql/15/bin, and the
#                                     environment that the gate has made in the user's cache, or the Python
#                                     that MIGRATION_GATE_PYTHON names
#   xtask/benches/plain.sh FOLDER     the same for the one tree whose alembic.ini lies there and
#                                     takes its URL from sqlalchemy.url
set -euo pipefail
cd "$(dirname "$0")/../.."
root=$PWD

bin=$(pg_config --bindir 2>/dev/null || true)
[ -x "$bin/initdb" ] || bin=/usr/lib/postgresql/15/bin
python=${MIGRATION_GATE_PYTHON:-$({ ls -t {"${XDG_CACHE_HOME:-$HOME/.cache}",/var/cache}/migration-gate/python/*/bin/python 2>/dev/null || true; } | head -n 1)}
[ -x "$python" ] || { echo "no Python that has Alembic: run the gate once, or set MIGRATION_GATE_PYTHON" >&2; exit 2; }
alembic() { "$python" -m alembic "$@" >"$work/alembic.log" 2>&1 || { cat "$work/alembic.log"; exit 1; }; }

work=$(mktemp -d)
as_server=()
if [ "$(id -u)" = 0 ]; then
  # Postgres refuses to run as root.
  chown postgres "$work"
  as_server=(setpriv --reuid=postgres --regid=postgres --clear-groups)
fi
server() { (cd "$work" && "${as_server[@]}" "$bin/$1" "${@:2}") >/dev/null; }
trap 'server pg_ctl -D "$work/data" -m immediate stop || true; rm -rf "$work"' EXIT

server initdb -D "$work/data" --auth=trust --username=postgres --encoding=UTF8 --locale=C.UTF-8
server pg_ctl -D "$work/data" -w -l "$work/log" \
  -o "-c listen_addresses= -c unix_socket_directories=$work -c unix_socket_permissions=0700" start
sql() { psql -X -q -v ON_ERROR_STOP=1 -h "$work" -U postgres -d "$1" -c "$2" >/dev/null; }
url() { echo "postgresql+psycopg2://postgres@/$1?host=$work"; }
one_head() { [ "$("$python" -m alembic "$@" heads 2>/dev/null | grep -c '(head)')" = 1 ]; }

if [ $# -gt 0 ]; then
  sql postgres 'CREATE DATABASE plain_ci'
  cd "$1"
  sed "s|^\\[alembic\\]|&\nsqlalchemy.url = $(url plain_ci)|" alembic.ini >plain.ini
  trap 'rm -f "$1/plain.ini"; server pg_ctl -D "$work/data" -m immediate stop || true; rm -rf "$work"' EXIT
  alembic -c plain.ini upgrade head
  one_head -c plain.ini
  alembic -c plain.ini downgrade -1
  alembic -c plain.ini upgrade head
  exit
fi

sql postgres 'CREATE DATABASE console_ci'
sql postgres 'CREATE DATABASE raptor_ci'

(
  cd console
  DATABASE_URL=$(url console_ci)
  export DATABASE_URL
  alembic -c migrations/alembic.ini upgrade 0015
  sql console_ci "INSERT INTO admins (id, email, display_name, created_at, updated_at, disabled_at)
    VALUES ('00000000-0000-0000-0000-000000000001', 'kris@moosequest.net',
            'CI Seed — do not use in prod', '2026-01-01T00:00:00', '2026-01-01T00:00:00', NULL)
    ON CONFLICT (email) DO NOTHING"
  alembic -c migrations/alembic.ini upgrade head
  one_head -c migrations/alembic.ini
  alembic -c migrations/alembic.ini downgrade -1
  alembic -c migrations/alembic.ini upgrade head
)
(
  cd backend_v2
  DATABASE_URL=$(url raptor_ci)
  export DATABASE_URL
  sql raptor_ci "DO \$\$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'raptor_app') THEN
      CREATE ROLE raptor_app NOLOGIN;
    END IF;
  END \$\$"
  alembic upgrade head
  one_head
  alembic downgrade -1
  alembic upgrade head
)
