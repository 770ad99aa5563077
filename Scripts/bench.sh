#!/usr/bin/env bash
# Runs every benchmark. Each prints ratios against a named peer, taken in the same run.
set -euo pipefail
cd "$(dirname "$0")/.."

status=0
for program in Benchmarks/*.py; do
  [[ -e $program ]] || continue
  # A part of another benchmark, not one of its own.
  grep -q '__main__' "$program" || continue
  printf '== %s\n' "$program"
  python3 "$program" || status=1
done
exit "$status"
