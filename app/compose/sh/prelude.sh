#!/bin/sh
# What every deployment script begins with. Set before: nonce, upload, run, folder, deadline, margin, sudo,
# not_inherited, private_config.
# shellcheck disable=SC2154 # those
set -eu
umask 077

# The files on their way and the logins of this run never outlive it.
cleanup() {
    rm -rf "${upload:?}" "${run:?}/docker"
    [ -z "$turn" ] || rmdir "$turn" 2>/dev/null || :
}
turn=
trap cleanup EXIT
trap 'exit 143' HUP INT TERM

# Opens a step on both streams, so that their order is known across steps.
begin() {
    printf '\036%s:%s\036\n' "$nonce" "$1"
    printf '\036%s:%s\036\n' "$nonce" "$1" >&2
}

# Never reads the script's stdin. Compose prefers the shell's variables to the `.env`: those that it sets are left out.
docker() {
    if [ "$private_config" = yes ]; then set -- --config "$run/docker" "$@"; fi
    # shellcheck disable=SC2086 # lists of words
    if [ -n "$sudo" ]; then $sudo docker "$@"; else env $not_inherited docker "$@"; fi </dev/null
}

# The logins of this run have a folder of their own; plugins and contexts of this user stay within reach.
use_private_config() {
    config=${DOCKER_CONFIG:-${HOME:-/root}/.docker}
    if [ -n "$sudo" ]; then config=~root/.docker; fi
    DOCKER_CONTEXT=$(docker context inspect --format '{{.Name}}' 2>/dev/null) || DOCKER_CONTEXT=default
    export DOCKER_CONTEXT
    rm -rf "${run:?}/docker"
    mkdir -p "$run/docker"
    ln -s "$config/cli-plugins" "$run/docker/cli-plugins"
    ln -s "$config/contexts" "$run/docker/contexts"
    private_config=yes
}

# Until `end_turn` no other deployment of this server is between the two, nor for longer than 10 s one that was killed.
take_turn() {
    waited=0
    until mkdir "${run%/*/*}/turn" 2>/dev/null || [ "$waited" -ge 100 ]; do
        sleep 0.1 2>/dev/null || sleep 1
        waited=$((waited + 1))
    done
    turn=${run%/*/*}/turn
}

end_turn() {
    rmdir "$turn" 2>/dev/null || :
    turn=
}

enter_folder() {
    mkdir -p "$folder"
    chmod 700 "$folder"
    cd "$folder"
}

# Runs a command whose progress on stderr is one line a tick, and keeps one tick in a hundred.
with_less_progress() {
    result=$({ { "$@" 2>&1 && echo 0 >&3 || echo "$?" >&3; } | drop_ticks >&2; } 3>&1)
    return "$result"
}

drop_ticks() {
    tick=0
    while IFS= read -r line || [ -n "$line" ]; do
        case $line in
        *' Downloading ['*']'* | *' Extracting ['*']'*)
            tick=$((tick + 1))
            [ $((tick % 100)) -eq 0 ] || continue
            ;;
        esac
        printf '%s\n' "$line"
    done
}

uptime_seconds() {
    cut -d . -f 1 /proc/uptime
}

# What is left of the deadline, a little earlier than the supervisor would end it without a word.
seconds_left() {
    left=$((started + deadline - margin - $(uptime_seconds)))
    if [ "$left" -lt 1 ]; then left=1; fi
    echo "$left"
}

started=$(uptime_seconds)
export COMPOSE_PROGRESS=plain COMPOSE_ANSI=never BUILDKIT_PROGRESS=plain
