#!/usr/bin/env bash
# Installs what Stet needs to be built and tested on Debian or Ubuntu, and nothing that is there.
# With --for-tests also what only the tests need: the programs of a PostgreSQL server.
set -euo pipefail

for_tests=${1:-}

say() { printf '%s\n' "$*" >&2; }

if ! command -v swift >/dev/null; then
  say "Swift is not on the PATH. Install Swift 6.3 from https://www.swift.org/install/linux/ first."
  exit 2
fi
version=$(swift --version 2>/dev/null | sed -n 's/.*Swift version \([0-9]*\)\.\([0-9]*\).*/\1 \2/p' | head -n 1)
read -r major minor <<<"${version:-0 0}"
if ((major < 6 || (major == 6 && minor < 2))); then
  say "Swift ${major}.${minor} is too old; Stet needs 6.2 or later, and is made with 6.3."
  exit 2
fi

# Each line: what shows that it is there, and the package that brings it.
missing=()
want_command() { command -v "$1" >/dev/null || missing+=("$2"); }
want_header() {
  local folder
  for folder in /usr/include /usr/local/include /usr/include/*-linux-gnu*; do
    if [[ -e $folder/$1 ]]; then return; fi
  done
  missing+=("$2")
}
want_command git git
want_command bwrap bubblewrap
want_command python3 python3
want_header sqlite3.h libsqlite3-dev
want_header zlib.h zlib1g-dev
want_header postgresql/libpq-fe.h libpq-dev
want_header curl/curl.h libcurl4-openssl-dev
if [[ $for_tests == --for-tests ]]; then
  # Any version will do. The tests start servers of their own and stop them.
  servers=(/usr/lib/postgresql/*/bin/postgres)
  if [[ ! -x ${servers[0]} ]] && ! command -v postgres >/dev/null; then
    missing+=(postgresql)
  fi
fi
if [[ $(uname -s) == Linux ]] && command -v python3 >/dev/null; then
  # Debian splits these off; a venv without pip is the sign.
  python3 -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3-venv)
  python3 -m pip --version >/dev/null 2>&1 || missing+=(python3-pip)
elif [[ $(uname -s) == Linux ]]; then
  missing+=(python3-venv python3-pip)
fi

if ((${#missing[@]} == 0)); then
  say "Everything that Stet needs is here."
  exit 0
fi
if ! command -v apt-get >/dev/null; then
  say "Missing: ${missing[*]}. Install these with your system's package tool and run this again."
  exit 2
fi

as_root=()
if ((EUID != 0)); then
  if ! command -v sudo >/dev/null; then
    say "Missing: ${missing[*]}. Run as root: apt-get install ${missing[*]}"
    exit 2
  fi
  # Without a terminal sudo cannot ask; trying would only take time.
  if [[ ! -t 2 ]] && ! sudo -n true 2>/dev/null; then
    say "Missing: ${missing[*]}. sudo wants a password and there is no terminal to ask for it."
    say "Run as root: apt-get install ${missing[*]}"
    exit 2
  fi
  as_root=(sudo)
fi

# Another apt may hold the lock, as unattended upgrades do after a start.
apt() {
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 "$@" </dev/null >&2
}
with_patience() {
  local attempt
  for attempt in 1 2 3 4 5 6; do
    if "$@"; then return 0; fi
    say "That failed (attempt $attempt of 6); trying again in $((attempt * 5)) s."
    sleep $((attempt * 5))
  done
  return 1
}

# Debian makes and starts a server with the package unless this says no before it comes.
without_a_server() {
  if [[ -e /etc/postgresql-common/createcluster.conf ]]; then return; fi
  "${as_root[@]}" mkdir -p /etc/postgresql-common
  printf 'create_main_cluster = false\n' |
    "${as_root[@]}" tee /etc/postgresql-common/createcluster.conf >/dev/null
}

say "Installing: ${missing[*]}"
if [[ " ${missing[*]} " == *" postgresql "* ]]; then without_a_server; fi
if ! with_patience apt update -q; then
  say "The package lists could not be refreshed; going on with those that are here."
fi
if ! with_patience apt install -q -y --no-install-recommends "${missing[@]}"; then
  say "apt-get could not install ${missing[*]}; its own words are above."
  exit 3
fi
