#!/bin/sh
# Stands in for the image of KeyDB: looks at everything that it would read, and remembers who may log in.
set -eu
# shellcheck source=tests/rig/images/standin/standin.sh
. "${STANDIN_LIBRARY:-/usr/local/lib/standin.sh}"

# shellcheck disable=SC2034 # the library's
state=/run/standin
certificate='' key='' authority='' port=6379 secure='' password=''

is_user keydb
[ "${1:-}" = keydb-server ] || fail "the command is ${1:-empty}, not keydb-server"
config=${2:-}
case $config in *.conf) ;; *) fail "keydb-server: '$config' is no configuration" ;; esac
[ $# = 2 ] || fail "keydb-server: '$3' stands where everybody sees it"
readable "$config"
while read -r name value; do
  case $name in
    '' | '#'* | appendonly | daemonize | maxmemory | maxmemory-policy | save | tls-auth-clients | server-threads) ;;
    requirepass) password=$(printf '%s' "$value" | sed 's/^"\(.*\)"$/\1/; s/\\\(["\\]\)/\1/g') ;;
    port) port=$value ;;
    tls-port) secure=$value ;;
    tls-cert-file) certificate=$value ;;
    tls-key-file) key=$value ;;
    tls-ca-cert-file | tls-ca-cert-dir) authority=$value ;;
    *) fail "*** FATAL CONFIG FILE ERROR *** Bad directive or wrong number of arguments: $name" ;;
  esac
done <"$root$config"
[ -n "$password" ] || fail "$config has no requirepass: everybody could log in"
if [ "$port" = 0 ]; then
  [ -n "$secure" ] || fail "$config has neither a port nor a tls-port"
  certificate "$certificate" "$key" "$authority"
  port=$secure
fi
volume /data
remember tls "$secure"
remember password "$password"
serve "$port"
