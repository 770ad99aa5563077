#!/bin/sh
# Fuzzes the diff parser: Fuzz/run.sh SECONDS. The corpus and what is found stay in .fuzz/.
# Exit status: 0 when no input broke a property; otherwise libFuzzer's own, with the input named.
set -eu
seconds=${1:-600}
root=$(cd "$(dirname "$0")/.." && pwd)
out="$root/.fuzz"
mkdir -p "$out/corpus" "$out/found"

sources=$(find "$root/Sources/Domain" -name '*.swift' | sort)
# shellcheck disable=SC2086 # one word for each file
swiftc -O -swift-version 6 -sanitize=fuzzer -parse-as-library -module-name DiffFuzz \
  -enable-upcoming-feature ExistentialAny -enable-upcoming-feature MemberImportVisibility \
  -enable-upcoming-feature InternalImportsByDefault \
  $sources "$root/Fuzz/DiffFuzz.swift" -o "$out/diff-fuzz"

python3 "$root/Fuzz/seeds.py" "$out/corpus" "$out/diff.dict"
cd "$out"
exec nice -n 10 ./diff-fuzz -max_total_time="$seconds" -max_len=4096 -timeout=10 \
  -rss_limit_mb=2048 -dict=diff.dict -artifact_prefix=found/ -print_final_stats=1 corpus
