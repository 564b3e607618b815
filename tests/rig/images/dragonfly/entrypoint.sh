#!/bin/sh
# Stands in for the image of Dragonfly: looks at everything that it would read, and remembers who may log in.
set -eu
# shellcheck source=tests/rig/images/standin/standin.sh
. "${STANDIN_LIBRARY:-/usr/local/lib/standin.sh}"

# shellcheck disable=SC2034 # the library's
state=/run/standin
flags='' certificate='' key='' authority='' secure='' password=''

is_user dfly
[ "${1:-}" = dragonfly ] || fail "the command is ${1:-empty}, not dragonfly"
shift
for argument in "$@"; do
  case $argument in
    --logtostderr) ;;
    --flagfile=*) flags=${argument#*=} ;;
    --requirepass=*) fail "dragonfly: the password stands where everybody sees it" ;;
    *) fail "ERROR: Unknown command line flag '${argument#--}'" ;;
  esac
done
readable "$flags"
while read -r line; do
  value=${line#*=}
  case $line in
    '' | '#'* | --dir=*) ;;
    --requirepass=*) password=$value ;;
    --tls=true) secure=true ;;
    --tls_cert_file=*) certificate=$value ;;
    --tls_key_file=*) key=$value ;;
    --tls_ca_cert_file=*) authority=$value ;;
    *) fail "ERROR: Unknown command line flag '${line#--}'" ;;
  esac
done <"$root$flags"
[ -n "$password" ] || fail "$flags has no requirepass: everybody could log in"
if [ -n "$secure" ]; then certificate "$certificate" "$key" "$authority"; fi
volume /data
remember tls "$secure"
remember password "$password"
serve 6379
