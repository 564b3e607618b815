#!/bin/bash
# Starts ClickHouse as the official image does: same variables, same folders, same rights, same order of things.
set -eo pipefail
shopt -s nullglob

CONFIG=${CLICKHOUSE_CONFIG:-/etc/clickhouse-server/config.xml}
DATA=/var/lib/clickhouse
USER_NAME=${CLICKHOUSE_USER:-default}
DATABASE=${CLICKHOUSE_DB:-}
ACCESS=${CLICKHOUSE_DEFAULT_ACCESS_MANAGEMENT:-0}
if [ -n "${CLICKHOUSE_PASSWORD_FILE:-}" ]; then PASSWORD=$(<"$CLICKHOUSE_PASSWORD_FILE"); fi
PASSWORD=${PASSWORD:-${CLICKHOUSE_PASSWORD:-}}

# The caller's process becomes the server, so that a signal reaches it.
become_server() {
  set -- clickhouse-server --config-file="$CONFIG" "$@"
  if [ "$(id -u)" = 0 ]; then set -- setpriv --reuid=clickhouse --regid=clickhouse --init-groups -- "$@"; fi
  exec "$@"
}

make_folders() {
  mkdir -p "$DATA" /var/log/clickhouse-server /etc/clickhouse-server/users.d
  if [ "$(id -u)" = 0 ]; then
    find "$DATA" /var/log/clickhouse-server \! -user clickhouse -exec chown clickhouse: '{}' +
  fi
}

set_up_user() {
  local file=/etc/clickhouse-server/users.d/default-user.xml
  if [ "${CLICKHOUSE_SKIP_USER_SETUP:-0}" = 1 ]; then
    echo "$0: explicitly skip changing user 'default'"
  elif [ "$USER_NAME" != default ] || [ -n "$PASSWORD" ] || [ "$ACCESS" != 0 ]; then
    echo "$0: create new user '$USER_NAME' instead 'default'"
    cat >"$file" <<EOX
<clickhouse>
  <users>
    <default remove="remove"></default>
    <$USER_NAME>
      <profile>default</profile>
      <networks><ip>::/0</ip></networks>
      <password><![CDATA[${PASSWORD//]]>/]]]]><![CDATA[>}]]></password>
      <quota>default</quota>
      <access_management>$ACCESS</access_management>
    </$USER_NAME>
  </users>
</clickhouse>
EOX
  else
    echo "$0: neither CLICKHOUSE_USER nor CLICKHOUSE_PASSWORD is set, disabling network access for user 'default'"
    cat >"$file" <<EOX
<clickhouse>
  <users><default><networks><ip remove="remove"/><ip>::1</ip><ip>127.0.0.1</ip></networks></default></users>
</clickhouse>
EOX
  fi
}

ask() { clickhouse-client --multiquery --host 127.0.0.1 -u "$USER_NAME" --password "$PASSWORD" "$@"; }

run_init_files() {
  local file
  for file in /docker-entrypoint-initdb.d/*; do
    case $file in
      *.sh)
        echo "$0: running $file"
        # shellcheck source=/dev/null
        if [ -x "$file" ]; then "$file"; else . "$file"; fi
        ;;
      *.sql) echo "$0: running $file"; ask ${DATABASE:+--database "$DATABASE"} <"$file" ;;
      *.sql.gz) echo "$0: running $file"; gunzip -c "$file" | ask ${DATABASE:+--database "$DATABASE"} ;;
      *) echo "$0: ignoring $file" ;;
    esac
  done
}

initialise() {
  local server files=(/docker-entrypoint-initdb.d/*)
  if [ -d "$DATA/data" ] || { [ ${#files[@]} = 0 ] && [ -z "$DATABASE" ]; }; then return; fi
  become_server -- --listen_host=127.0.0.1 &
  server=$!
  for _ in {300..0}; do
    if (exec 3<>/dev/tcp/127.0.0.1/9000) 2>/dev/null; then break; fi
    kill -0 "$server"
    sleep 0.1
  done
  if [ -n "$DATABASE" ]; then
    echo "$0: create database '$DATABASE'"
    ask -q "CREATE DATABASE IF NOT EXISTS $DATABASE"
  fi
  run_init_files
  kill -TERM "$server"
  wait "$server" || true
}

case ${1:-} in
  '' | --*)
    make_folders
    set_up_user
    initialise
    become_server "$@"
    ;;
esac
exec "$@"
