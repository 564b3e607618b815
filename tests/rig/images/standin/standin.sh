# What the stand-ins for images that cannot be had share: they look at what they are handed as the real image would,
# end with a message where that would not do, and otherwise wait on their port. With STANDIN_ROOT everything is looked
# for below that folder and nothing is started: the check alone, without a container.
# shellcheck shell=sh
root=${STANDIN_ROOT:-}

fail() {
  echo >&2 "$*"
  exit 64
}

# is_user NAME: who the server would be.
is_user() {
  user=$1
  uid=$(awk -F: -v name="$1" '$1 == name { print $3 }' "$root/etc/passwd")
  [ -n "$uid" ] || fail "the image has no user $1"
}

# knows_variables PREFIX NAME…: a variable with the prefix that the image does not know was meant to be another.
knows_variables() {
  prefix=$1
  shift
  for variable in $(env | sed -n "s/^\(${prefix}[A-Za-z0-9_]*\)=.*/\1/p"); do
    case " $* " in *" $variable "*) ;; *) fail "the image knows no variable $variable" ;; esac
  done
}

# variable NAME: prints what has to be set.
variable() {
  eval "value=\${$1:-}"
  [ -n "$value" ] || fail "the variable $1 is missing"
  printf '%s' "$value"
}

# file_variable NAME: prints what stands in the file that NAME_FILE names; NAME itself would show in docker inspect.
file_variable() {
  eval "value=\${$1:-}"
  [ -z "$value" ] || fail "$1 holds a secret where everybody who may use Docker reads it"
  path=$(variable "$1_FILE") || exit
  readable "$path"
  cat "$root$path"
}

# readable PATH: a file that the server's user can read and that not everybody can write.
readable() {
  [ -f "$root$1" ] || fail "there is no file $1"
  owner=$(stat -c %u "$root$1") mode=$(stat -c %a "$root$1")
  if [ "$owner" = "$uid" ]; then digit=$((mode / 100 % 10)); else digit=$((mode % 10)); fi
  [ $((digit & 4)) != 0 ] || fail "$user cannot read $1, which belongs to $owner and has the mode $mode"
  [ $((mode % 10 & 2)) = 0 ] || fail "everybody may write $1"
}

# private PATH: a key, which has to be the server's own and nobody else's.
private() {
  readable "$1"
  [ "$owner" = "$uid" ] || fail "$1 has to belong to $user, not to $owner"
  [ $((mode % 100)) = 0 ] || fail "$1 may be read by others: its mode is $mode"
}

# certificate FILE KEY [CA]: what a server that speaks TLS reads.
certificate() {
  readable "$1"
  private "$2"
  [ -z "${3:-}" ] || readable "$3"
}

# volume PATH: data have to outlive the container.
volume() {
  awk -v path="$1" '$2 == path { found = 1 } END { exit !found }' "$root/proc/mounts" || fail "$1 is in no volume"
}

init_scripts() {
  for script in "$root"/docker-entrypoint-initdb.d/*; do
    [ -e "$script" ] || continue
    readable "${script#"$root"}"
    echo "running ${script#"$root"}"
  done
}

# remember NAME VALUE / recall NAME: what the clients beside it ask for.
remember() {
  if [ -n "$root" ]; then return; fi
  # shellcheck disable=SC2154 # where the entrypoint or the client has it
  mkdir -p "$state"
  (umask 077 && printf '%s' "$2" >"$state/$1")
}

recall() { cat "$state/$1"; }

# serve PORT: waits to be stopped; as process 1 it must say itself that TERM ends it.
serve() {
  echo "ready for connections on port $1"
  if [ -n "$root" ]; then exit 0; fi
  nc -ll -p "$1" -e true &
  server=$!
  trap 'kill "$server"; exit 0' TERM INT
  wait "$server"
}

# reach HOST PORT: a client that finds nobody there says so.
reach() {
  nc -w 2 "$1" "$2" </dev/null || fail "$1:$2 does not answer"
}
