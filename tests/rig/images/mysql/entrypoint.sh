#!/bin/sh
# Stands in for the image of MySQL: looks at everything that it would read, and remembers who may log in.
set -eu
# shellcheck source=tests/rig/images/standin/standin.sh
. "${STANDIN_LIBRARY:-/usr/local/lib/standin.sh}"

# shellcheck disable=SC2034 # the library's
state=/var/lib/mysql/standin
certificate='' key='' authority='' secure=''

is_user mysql
[ "${1:-}" = mysqld ] || fail "the command is ${1:-empty}, not mysqld"
shift
for argument in "$@"; do
  value=${argument#*=}
  case $argument in
    --ssl-cert=*) certificate=$value ;;
    --ssl-key=*) key=$value ;;
    --ssl-ca=*) authority=$value ;;
    --require-secure-transport=ON) secure=ON ;;
    *) fail "mysqld: unknown option '$argument'" ;;
  esac
done
if [ -n "$certificate$key$authority$secure" ]; then
  if [ -z "$certificate" ] || [ -z "$key" ]; then fail "mysqld: TLS needs --ssl-cert and --ssl-key"; fi
  certificate "$certificate" "$key" "$authority"
fi
knows_variables MYSQL_ MYSQL_ROOT_PASSWORD MYSQL_ROOT_PASSWORD_FILE MYSQL_USER MYSQL_PASSWORD MYSQL_PASSWORD_FILE \
  MYSQL_DATABASE MYSQL_ROOT_HOST
volume /var/lib/mysql
for config in "$root"/etc/mysql/conf.d/*.cnf; do
  if [ -e "$config" ]; then readable "${config#"$root"}"; fi
done
root_password=$(file_variable MYSQL_ROOT_PASSWORD)
password=$(file_variable MYSQL_PASSWORD)
name=$(variable MYSQL_USER)
[ "$name" != root ] || fail 'MYSQL_USER="root", MYSQL_USER and MYSQL_PASSWORD are for configuring a regular user'
database=$(variable MYSQL_DATABASE)
if [ -n "$root" ] || [ ! -e "$state/user" ]; then
  # Read once, over empty data.
  [ -n "$root_password" ] || fail "Database is uninitialized and password option is not specified"
  init_scripts
  remember password "$password"
  remember database "$database"
  remember user "$name"
fi
serve 3306
