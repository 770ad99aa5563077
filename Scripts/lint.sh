#!/usr/bin/env bash
# Checks what a compiler does not: format, scripts, and what must never be committed.
set -euo pipefail
cd "$(dirname "$0")/.."

failed=0
problem() {
  printf 'lint: %s\n' "$*" >&2
  failed=1
}
# Committed files and new ones that are not ignored; deleted ones are not there to be read.
files() {
  git ls-files -z --cached --others --exclude-standard -- "$@" |
    while IFS= read -r -d '' file; do [[ -f $file ]] && printf '%s\0' "$file"; done
}

mapfile -d '' -t swift_files < <(files '*.swift')
if ! swift format lint --strict --parallel "${swift_files[@]}"; then
  problem "swift format has complaints; 'swift format -i -r Sources Tests' mends most of them"
fi

mapfile -d '' -t scripts < <(files '*.sh' .ci/run Scripts/pre-push)
if command -v shellcheck >/dev/null; then
  shellcheck "${scripts[@]}" || problem "shellcheck has complaints"
else
  printf 'lint: shellcheck is not installed, so the scripts were not checked\n' >&2
fi
for script in "${scripts[@]}"; do
  [[ -x $script ]] || problem "$script is not executable"
done

mapfile -d '' -t python_files < <(files '*.py')
if ((${#python_files[@]})); then
  python3 - "${python_files[@]}" <<'PY' || problem "a Python file does not parse"
import ast, sys
for path in sys.argv[1:]:
    with open(path, "rb") as file:
        ast.parse(file.read(), path)
PY
fi

# Product code only: a test may force what it has made itself.
product=()
for file in "${swift_files[@]}"; do
  [[ $file == Sources/* && $file != Sources/TestKit/* ]] && product+=("$file")
done
forbid() {
  local pattern=$1 why=$2 found
  shift 2
  if found=$(grep -nE -e "$pattern" "$@" /dev/null); then
    printf '%s\n' "$found" >&2
    problem "$why"
  fi
}
forbid '^[^"/]*\b(fatalError|preconditionFailure)\(' "product code must not trap" "${product[@]}"
forbid '^[^"/]*(\btry!|\bas!)' "product code must not force" "${product[@]}"
forbid '// *(TODO|FIXME|XXX)' "finish it or write an issue" "${product[@]}"

# The patterns are put together here so that this file does not find itself.
mapfile -d '' -t text_files < <(files ':!LICENSE' ':!Package.resolved' | xargs -0 grep -lIZ '')
home='/(home|Users)/[a-z][a-z0-9_-]+/'
work='(^|[^A-Za-z0-9_.])/wor''k/(main|trees|shared)'
forbid "$home|$work" "a path of one machine" "${text_files[@]}"
key='-----BEGIN [A-Z ]*PRIVATE'' KEY-----'
token='(gh[pousr]_[A-Za-z0-9]{36}|AK''IA[0-9A-Z]{16}|sk-''ant-[A-Za-z0-9-]{20}|xox[bp]-[0-9]{10})'
forbid "$key|$token" "something that looks like a secret" "${text_files[@]}"

for file in "${swift_files[@]}"; do
  lines=$(wc -l <"$file")
  if ((lines > 450)); then
    printf 'lint: note: %s has %d lines; about 400 is where a file asks to be split\n' "$file" "$lines" >&2
  fi
done

if ((failed == 0)); then printf 'lint: clean\n'; fi
exit "$failed"
