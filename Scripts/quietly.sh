#!/usr/bin/env bash
# Runs a long command: its output as it comes on a terminal, else only where it fails or warns.
# usage: quietly.sh "what it is" COMMAND...
set -euo pipefail

what=$1
shift
if [[ -t 1 ]]; then exec "$@"; fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT
started=$SECONDS
printf '%s ...\n' "$what" >&2
if "$@" >"$log" 2>&1; then
  grep -E '^/.*(warning|error):' "$log" | sort -u >&2 || true
  printf '%s: done in %d s\n' "$what" $((SECONDS - started)) >&2
else
  status=$?
  tail -n 200 "$log" >&2
  printf '%s: failed\n' "$what" >&2
  exit "$status"
fi
