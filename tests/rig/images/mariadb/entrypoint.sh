#!/bin/bash
# Starts MariaDB as the official image does: same variables, same folders, same rights, same order of things.
set -eo pipefail
shopt -s nullglob

DATA=/var/lib/mysql
SOCKET=/run/mysqld/mysqld.sock

# value_of NAME: takes MARIADB_NAME or MYSQL_NAME, or what stands in the file that MARIADB_NAME_FILE names.
value_of() {
  local name file value=
  for name in "MYSQL_$1" "MARIADB_$1"; do
    file="${name}_FILE"
    if [ -n "${!name:-}" ] && [ -n "${!file:-}" ]; then
      echo >&2 "[ERROR] [Entrypoint]: Both $name and $file are set (but are exclusive)"
      exit 1
    fi
    if [ -n "${!name:-}" ]; then value=${!name}; elif [ -n "${!file:-}" ]; then value=$(<"${!file}"); fi
    unset "$file"
  done
  export "MARIADB_$1=$value"
}

note() { printf '[Note] [Entrypoint]: %s\n' "$*"; }

quoted() { printf '%s' "$1" | sed "s/\\\\/\\\\\\\\/g; s/'/''/g"; }

make_folders() {
  mkdir -p "$DATA" /run/mysqld
  if [ "$(id -u)" = 0 ]; then find "$DATA" /run/mysqld \! -user mysql -exec chown mysql: '{}' +; fi
}

# With the temporary server, whose root has no password yet or the one that was just set.
run_sql() {
  mariadb --defaults-extra-file=<(printf '[client]\npassword="%s"\n' "${ROOT_HAS:-}") \
    --protocol=socket --socket="$SOCKET" -uroot -hlocalhost --comments "$@"
}

set_up_accounts() {
  local root user database
  root=$(quoted "$MARIADB_ROOT_PASSWORD") user=$(quoted "$MARIADB_USER") database=${MARIADB_DATABASE//\`/\`\`}
  {
    [ -z "$database" ] || echo "CREATE DATABASE IF NOT EXISTS \`$database\`;"
    if [ -n "$user" ] && [ -n "$MARIADB_PASSWORD" ]; then
      echo "CREATE USER '$user'@'%' IDENTIFIED BY '$(quoted "$MARIADB_PASSWORD")';"
      [ -z "$database" ] || echo "GRANT ALL ON \`${database//_/\\_}\`.* TO '$user'@'%';"
    fi
    echo "CREATE USER root@'%' IDENTIFIED BY '$root'; GRANT ALL ON *.* TO root@'%' WITH GRANT OPTION;"
    echo "SET PASSWORD FOR root@localhost = PASSWORD('$root');"
  } | run_sql mysql
  ROOT_HAS=$MARIADB_ROOT_PASSWORD
}

run_init_files() {
  local file
  for file in /docker-entrypoint-initdb.d/*; do
    case $file in
      *.sh)
        note "$0: running $file"
        # shellcheck source=/dev/null
        if [ -x "$file" ]; then "$file"; else . "$file"; fi
        ;;
      *.sql) note "$0: running $file"; run_sql ${MARIADB_DATABASE:+"$MARIADB_DATABASE"} <"$file" ;;
      *.sql.gz) note "$0: running $file"; gunzip -c "$file" | run_sql ${MARIADB_DATABASE:+"$MARIADB_DATABASE"} ;;
      *) note "$0: ignoring $file" ;;
    esac
  done
}

initialise() {
  local server
  if [ -z "$MARIADB_ROOT_PASSWORD" ]; then
    echo >&2 "[ERROR] [Entrypoint]: Database is uninitialized and password option is not specified"
    echo >&2 "	You need to specify one of MARIADB_ROOT_PASSWORD, MARIADB_ROOT_PASSWORD_HASH, MARIADB_ALLOW_EMPTY_ROOT_PASSWORD and MARIADB_RANDOM_ROOT_PASSWORD"
    exit 1
  fi
  ls /docker-entrypoint-initdb.d/ >/dev/null # unreadable must fail before anything is made
  note "Initializing database files"
  mariadb-install-db --datadir="$DATA" --rpm --auth-root-authentication-method=normal --skip-test-db >/dev/null
  note "Starting temporary server"
  "$@" --skip-networking --socket="$SOCKET" --skip-ssl &
  server=$!
  for _ in {300..0}; do
    if run_sql mysql <<<'SELECT 1' >/dev/null 2>&1; then break; fi
    kill -0 "$server"
    sleep 0.2
  done
  set_up_accounts
  run_init_files
  note "Stopping temporary server"
  kill "$server"
  wait "$server"
  note "MariaDB init process done. Ready for start up."
}

main() {
  local problem
  case ${1:-} in -*) set -- mariadbd "$@" ;; esac
  if [ "${1:-}" != mariadbd ]; then exec "$@"; fi
  if ! problem=$("$@" --user=mysql --verbose --help 2>&1 >/dev/null); then
    echo >&2 "[ERROR] [Entrypoint]: mariadbd failed while attempting to check config"
    echo >&2 "	command was: $* --verbose --help"
    echo >&2 "	$problem"
    exit 1
  fi
  make_folders
  if [ "$(id -u)" = 0 ]; then
    exec setpriv --reuid=mysql --regid=mysql --init-groups -- "$0" "$@"
  fi
  for name in DATABASE USER PASSWORD ROOT_PASSWORD; do value_of "$name"; done
  if [ ! -d "$DATA/mysql" ]; then initialise "$@"; fi
  for name in DATABASE USER PASSWORD ROOT_PASSWORD; do unset "MARIADB_$name"; done
  exec "$@"
}

main "$@"
