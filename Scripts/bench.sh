#!/usr/bin/env bash
# Runs the benchmarks. Each prints ratios against a named peer, taken in the same run; the figures
# of one run stand in docs/benchmarks.md. Benchmarks/seeded.py is run by hand: it wants a model.
set -euo pipefail
cd "$(dirname "$0")/.."

status=0
printf '== diffs, beside git and unidiff\n'
Scripts/quietly.sh "build of the diff reader" \
  swift build -c release --disable-index-store --product DiffNumstat
python3 Benchmarks/diffs.py "$(swift build -c release --show-bin-path)/DiffNumstat" || status=1
printf '== reviews, beside PR-Agent\n'
python3 Benchmarks/review.py || status=1
printf '== webhooks, beside FastAPI with uvloop\n'
Scripts/quietly.sh "build of the fake GitHub" \
  swift build -c release --disable-index-store --product FakeGitHub
python3 Benchmarks/webhooks.py || status=1
exit "$status"
