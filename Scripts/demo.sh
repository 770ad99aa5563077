#!/usr/bin/env bash
# Reviews a small change of our own, with bugs put into it, by a model that runs on this machine.
# usage: demo.sh path/to/stet
set -euo pipefail

shown=$1
stet=$(realpath "$1")
say() { printf '%s\n' "$*" >&2; }
model=${STET_DEMO_MODEL:-qwen2.5-coder-0.5b}

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
# The user's own git settings, such as signing and hooks, have no part in this.
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null
git init -q -b main
git config user.name Demo
git config user.email demo@example.invalid

mkdir -p till Sources .github/workflows
cat >till/receipts.py <<'PY'
"""Receipts of a small shop."""
import sqlite3


def connect(path):
    return sqlite3.connect(path)


def average(amounts):
    """The mean of the amounts; zero where there are none."""
    if not amounts:
        return 0
    return sum(amounts) / len(amounts)


def find(database, customer):
    rows = database.execute("SELECT id, total FROM receipts WHERE customer = ?", (customer,))
    return rows.fetchall()
PY
cat >Sources/Basket.swift <<'SWIFT'
struct Basket {
  var prices: [Int] = []

  func last() -> Int? {
    prices.last
  }
}
SWIFT
cat >.github/workflows/test.yml <<'YAML'
name: test
on: pull_request
permissions:
  contents: read
jobs:
  test:
    runs-on: ubuntu-latest
    steps:
      - run: python3 -m unittest
YAML
git add -A
git commit -q -m "Receipts and a basket"

# Six bugs: the guard before the division goes, SQL is joined from text, a list is shared between
# calls, an index runs one past the end, and a workflow runs a stranger's code with every permission.
git switch -q -c change
cat >till/receipts.py <<'PY'
"""Receipts of a small shop."""
import sqlite3


def connect(path):
    return sqlite3.connect(path)


def average(amounts):
    """The mean of the amounts; zero where there are none."""
    return sum(amounts) / len(amounts)


def find(database, customer):
    rows = database.execute("SELECT id, total FROM receipts WHERE customer = '" + customer + "'")
    return rows.fetchall()


def add_line(text, lines=[]):
    lines.append(text)
    return lines
PY
cat >Sources/Basket.swift <<'SWIFT'
struct Basket {
  var prices: [Int] = []

  func last() -> Int? {
    prices[prices.count]
  }
}
SWIFT
cat >.github/workflows/test.yml <<'YAML'
name: test
on: pull_request_target
permissions: write-all
jobs:
  test:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@main
        with:
          ref: ${{ github.event.pull_request.head.sha }}
      - run: python3 -m unittest
YAML
git commit -q -a -m "Simplify"

say "== The model: $model"
"$stet" model pull "$model" >/dev/null
say "== The change: main..change of a repository made for this, with six bugs in it"
git --no-pager diff --stat main..change >&2
say "== The review"
status=0
LLM_PROVIDER=local LLM_MODEL=$model "$stet" review main..change || status=$?

if ((status > 1)); then
  say "The review failed with status $status; 'stet doctor' says what does not work here."
  exit "$status"
fi
say
say "== Where to look next"
if ((status == 1)); then
  say "The review itself ended with 1, because it found errors; so a script or a hook can stop on it."
fi
say "$shown runs show    what was asked, claimed, proved and dropped in this run"
say "$shown doctor       what works on this machine"
say "LLM_PROVIDER=local $stet review    in a repository of yours"
say "README.md                      the rest; a larger model finds more than this small one"
