#!/bin/sh
# Says which Docker and Compose the server has, or as the last line on stderr what is missing and what to do about it.

complain() {
    printf '%s\n' "$1" >&2
    exit 1
}

answer=$(docker --version 2>&1) || case $answer in
*password*) complain 'sudo asks for a password on this server: allow this user "sudo -n docker" or add it to the group "docker".' ;;
*) complain 'Docker is not installed on this server: install Docker Engine, then deploy again.' ;;
esac

answer=$(docker version --format '{{.Server.Version}}' 2>&1) || {
    printf '%s\n' "$answer" >&2
    case $answer in
    *'permission denied'*) complain 'This user may not use Docker on this server: add it to the group "docker", then deploy again.' ;;
    *) complain 'The Docker daemon does not answer on this server: start it, then deploy again.' ;;
    esac
}
echo "Docker $answer"

compose=$(docker compose version --short 2>&1) ||
    complain 'The Docker Compose plugin is not installed on this server: install docker-compose-plugin, then deploy again.'
echo "Docker Compose ${compose#v}"

# `pull --policy` came with 2.22.
major=${compose#v}
minor=${major#*.}
major=${major%%.*}
minor=${minor%%[!0-9]*}
case $major in
'' | *[!0-9]*) ;;
*)
    if [ "$major" -lt 2 ] || { [ "$major" -eq 2 ] && [ "${minor:-0}" -lt 22 ]; }; then
        complain "Docker Compose $compose on this server is too old: install version 2.22 or newer, then deploy again."
    fi
    ;;
esac
