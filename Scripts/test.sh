#!/usr/bin/env bash
# Runs the tests, one at a time in each of two processes: most wait for sockets, servers and
# programs, so that two go well beside each other on two cores. The first one's lines are shown as
# they come, the other's after its end. A filter runs in one process.
# usage: test.sh TESTS [FILTER]   (the test executable)
set -euo pipefail

tests=$1
filter=${2:-}
arguments=(--testing-library swift-testing --no-parallel)
if [[ -n $filter ]]; then exec "$tests" "${arguments[@]}" --filter "$filter"; fi

# About half of the time each. One that hangs is ended, and its last lines tell in which test.
readonly second='^(SandboxTests|UseCasesTests)\.'
readonly limit=(timeout --foreground --kill-after 10 "${STET_TEST_LIMIT:-3600}")
log=$(mktemp)
beside=
end() {
  if [[ -n $beside ]]; then kill "$beside" 2>/dev/null || true; fi
  rm -f "$log"
}
trap end EXIT
trap 'exit 130' INT TERM

"${limit[@]}" "$tests" "${arguments[@]}" --filter "$second" >"$log" 2>&1 &
beside=$!
status=0
"${limit[@]}" "$tests" "${arguments[@]}" --skip "$second" || status=$?
other=0
wait "$beside" || other=$?
beside=
if ((other == 124)); then grep ' started' "$log" | tail -n 1 || true; fi
cat "$log"
# What failed is read last, and a process that crashed said nothing of its own end.
for code in "$status" "$other"; do
  if ((code != 0)); then
    printf 'test: a process of the tests ended with status %d%s\n' "$code" \
      "$(if ((code == 124)); then printf ', for it had not ended after %s s' "${limit[-1]}"; fi)"
    exit "$code"
  fi
done
