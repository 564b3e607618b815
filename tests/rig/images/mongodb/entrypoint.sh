#!/bin/sh
# Stands in for the image of MongoDB: looks at everything that it would read, and remembers who may log in.
set -eu
# shellcheck source=tests/rig/images/standin/standin.sh
. "${STANDIN_LIBRARY:-/usr/local/lib/standin.sh}"

# shellcheck disable=SC2034 # the library's
state=/data/db/standin
tls='' certificate='' authority=''

is_user mongodb
[ "${1:-}" = mongod ] || fail "the command is ${1:-empty}, not mongod"
shift
while [ $# -gt 0 ]; do
  case $1 in
    --config) readable "${2:-}" && shift ;;
    --tlsMode) tls=${2:-} && shift ;;
    --tlsCertificateKeyFile) certificate=${2:-} && shift ;;
    --tlsCAFile) authority=${2:-} && shift ;;
    --tlsAllowConnectionsWithoutCertificates) ;;
    *) fail "Error parsing command line: unrecognised option '$1'" ;;
  esac
  shift
done
case $tls in
  '') [ -z "$certificate$authority" ] || fail "need to enable TLS via the sslMode/tlsMode flag" ;;
  allowTLS | preferTLS | requireTLS)
    [ -n "$certificate" ] || fail "need tlsCertificateKeyFile or certificateSelector when TLS is enabled"
    private "$certificate"
    for part in 'PRIVATE KEY' 'BEGIN CERTIFICATE'; do
      grep -q "$part" "$root$certificate" || fail "$certificate has to be a key and a certificate"
    done
    [ -z "$authority" ] || readable "$authority"
    ;;
  *) fail "unsupported value for tlsMode $tls" ;;
esac
knows_variables MONGO_ MONGO_INITDB_ROOT_USERNAME MONGO_INITDB_ROOT_USERNAME_FILE MONGO_INITDB_ROOT_PASSWORD \
  MONGO_INITDB_ROOT_PASSWORD_FILE MONGO_INITDB_DATABASE
volume /data/db
volume /data/configdb
password=$(file_variable MONGO_INITDB_ROOT_PASSWORD)
name=$(variable MONGO_INITDB_ROOT_USERNAME)
if [ -n "$root" ] || [ ! -e "$state/user" ]; then
  # Read once, over empty data.
  [ -n "$password" ] || fail "missing 'MONGO_INITDB_ROOT_USERNAME' or 'MONGO_INITDB_ROOT_PASSWORD'"
  init_scripts
  remember tls "$tls"
  remember password "$password"
  remember user "$name"
fi
serve 27017
