#!/usr/bin/env bash
# Prepares the sandbox images that the tests use, with the stet that was built for them. Without a
# network the tests that need one are skipped and say so, so this is no failure.
# usage: test-images.sh STET [IMAGE...]
set -euo pipefail

stet=$1
shift
if (($# == 0)); then set -- test data; fi

if [[ -n ${STET_TEST_IMAGES:-} ]]; then
  exit 0
fi
folder=$(cd "$(dirname "$0")/.." && pwd)/.build/test-data
mkdir -p "$folder"
if ! STET_DATA_DIR=$folder "$stet" sandbox prepare "$@" >/dev/null; then
  printf 'The sandbox images were not prepared, so tests that need them are skipped.\n' >&2
fi
