#!/usr/bin/env bash
# Tries every attack on the sandbox, on every backend: as this user, and where that is root as an
# ordinary user too. Prints a table, and fails where one attack got through.
# usage: attack.sh TESTS   (the test executable; STET_ATTACKS=TEXT tries only attacks named so)
set -euo pipefail

tests=$(realpath "$1")
# A user who owns nothing and is nobody's.
readonly uid=64321

folder=$(mktemp -d /tmp/stet-attack.XXXXXX)
trap 'rm -rf "$folder"' EXIT
chmod 755 "$folder"
table=$folder/table
: >"$table"
chmod 666 "$table"

export STET_ATTACKS=${STET_ATTACKS:-1} STET_ATTACK_TABLE=$table
arguments=(--testing-library swift-testing --no-parallel --filter 'AttackTests')
failed=0

run() {
  local who=$1 log=$folder/log
  shift
  printf 'attacks as %s ...\n' "$who" >&2
  if ! "$@" "${arguments[@]}" >"$log" 2>&1; then
    failed=1
    grep -E 'recorded an issue|error:|rror' "$log" | head -n 40 >&2 || tail -n 40 "$log" >&2
  fi
  # A run of no test at all must not pass for one in which all held.
  if ! grep -qE 'Test run with [1-9][0-9]* tests?' "$log"; then
    failed=1
    tail -n 20 "$log" >&2
  fi
}

run "$(id -un)" "$tests"

if ((EUID == 0)); then
  if command -v setpriv >/dev/null; then
    # What is built may lie in a home that others cannot enter.
    ln "$tests" "$folder/tests" 2>/dev/null || cp "$tests" "$folder/tests"
    mkdir "$folder/lib" "$folder/home"
    chown "$uid:$uid" "$folder/home"
    ldd "$tests" | awk '$3 ~ /^\// && $3 !~ /^\/(usr|lib|lib64)\// { print $3 }' |
      while read -r library; do
        setpriv --reuid=$uid --regid=$uid --clear-groups test -r "$library" ||
          cp "$library" "$folder/lib/"
      done
    (
      cd "$folder/home"
      run "an ordinary user" env -i "PATH=/usr/bin:/bin" "HOME=$folder/home" LC_ALL=C.UTF-8 \
        "LD_LIBRARY_PATH=$folder/lib" "SWIFT_BACKTRACE=enable=no" \
        "STET_ATTACKS=$STET_ATTACKS" "STET_ATTACK_TABLE=$table" \
        setpriv --reuid=$uid --regid=$uid --clear-groups "$folder/tests"
      exit "$failed"
    ) || failed=1
  else
    printf 'attack: setpriv is missing (apt install util-linux), so no ordinary user was tried\n' >&2
    failed=1
  fi
else
  printf 'attack: this is no root, so the attacks were tried as %s alone\n' "$(id -un)" >&2
fi

awk -F '\t' '
  { for (i = 1; i <= 3; i++) if (length($i) > width[i]) width[i] = length($i)
    row[NR] = $0; if ($4 == "held") held++; else broken++ }
  END {
    for (n = 1; n <= NR; n++) {
      split(row[n], cell, "\t")
      printf "%-*s  %-*s  %-*s  %s\n", width[1], cell[1], width[2], cell[2], width[3], cell[3], \
        cell[4]
    }
    printf "\n%d attacks were held off, %d got through\n", held, broken
    exit broken > 0 || NR == 0
  }' "$table" || failed=1
exit "$failed"
