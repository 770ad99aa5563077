#!/bin/sh
# Fuzzes the diff parser and the webhook reader, half the time each: Fuzz/run.sh SECONDS [NAME].
# NAME is diff or webhook: that one alone. The corpora and what is found stay in .fuzz/.
# Exit status: 0 when no input broke a property; otherwise libFuzzer's own, with the input named.
set -eu
# The backtracer would take the crash from libFuzzer, which then could not name the input.
export SWIFT_BACKTRACE=enable=no
seconds=${1:-600}
only=${2:-}
root=$(cd "$(dirname "$0")/.." && pwd)
out="$root/.fuzz"
flags="-O -swift-version 6 -parse-as-library -enable-upcoming-feature ExistentialAny
  -enable-upcoming-feature MemberImportVisibility
  -enable-upcoming-feature InternalImportsByDefault"
[ -n "$only" ] || seconds=$((seconds / 2))

domain=$(find "$root/Sources/Domain" -name '*.swift' | sort)

fuzz() {
  name=$1
  longest=$2
  mkdir -p "$out/corpus-$name" "$out/found"
  python3 "$root/Fuzz/$name""_seeds.py" "$out/corpus-$name" "$out/$name.dict"
  (cd "$out" && nice -n 10 "./$name-fuzz" -max_total_time="$seconds" -max_len="$longest" \
    -timeout=10 -rss_limit_mb=2048 -dict="$name.dict" -artifact_prefix="found/$name-" \
    -print_final_stats=1 "corpus-$name")
}

mkdir -p "$out"
if [ "$only" != webhook ]; then
  # shellcheck disable=SC2086 # one word for each file and flag
  swiftc $flags -sanitize=fuzzer -module-name DiffFuzz $domain "$root/Fuzz/DiffFuzz.swift" \
    -o "$out/diff-fuzz"
  fuzz diff 4096
fi
if [ "$only" != diff ]; then
  # The reader imports Domain, so that is a module of its own here; the signature is left out.
  # shellcheck disable=SC2086
  (cd "$out" && swiftc $flags -wmo -module-name Domain -emit-module -emit-object \
    -o Domain.o $domain)
  reader=$(find "$root/Sources/Forges/GitHub/Webhooks" -name '*.swift' \
    ! -name GitHubWebhooks.swift | sort)
  # shellcheck disable=SC2086
  swiftc $flags -sanitize=fuzzer -module-name WebhookFuzz -I "$out" $reader \
    "$root/Fuzz/WebhookFuzz.swift" "$out/Domain.o" -o "$out/webhook-fuzz"
  fuzz webhook 4096
fi
