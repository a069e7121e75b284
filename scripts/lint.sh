#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# usage: scripts/lint.sh
# What can be told of the sources without running them. Says one line a check: `pass NAME`, `fail NAME` (what was found is
# above it) or `NOT RUN: NAME (why)`; exits with 1 where one failed. clang-tidy looks at the program's own folders.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1

if [ $# != 0 ]; then
  echo "usage: scripts/lint.sh" >&2
  exit 2
fi
failed=0

pass() { echo "pass $1"; }
fail() { failed=1; echo "fail $1"; }
not_run() { echo "NOT RUN: $1 ($2)"; }

# check NAME COMMAND...
check() {
  local name=$1
  shift
  if "$@"; then pass "$name"; else fail "$name"; fi
}

# The first of these that is version 14. Another version breaks lines elsewhere and finds other things, so only the one
# that the sources were brought in line with may judge.
version_14() {
  local tool
  for tool in "$@"; do
    if command -v "$tool" >/dev/null && "$tool" --version | grep -q 'version 14\.'; then
      echo "$tool"
      return
    fi
  done
}

format() {
  local tool
  tool=$(version_14 clang-format-14 clang-format)
  if [ -z "$tool" ]; then
    not_run format "no clang-format 14"
    return
  fi
  check format format_with "$tool"
}
format_with() { git ls-files -z '*.h' '*.cpp' '*.inl' '*.cu' | xargs -0 "$1" --dry-run -Werror; }

# What .editorconfig says of every text. Expected output and saved inputs of fuzzers are what they are.
texts() {
  local ours=(':!tests/cli/cases' ':!tests/fuzz/corpus') found=0 file
  git grep -nIE $'[ \t\r]$|\t' -- "${ours[@]}"
  case $? in
    0) echo "lint: blanks at the end of a line, tabs or carriage returns, above"; found=1 ;;
    1) ;;  # none
    *) echo "lint: git grep failed"; found=1 ;;
  esac
  while read -r file; do
    if [ -n "$(tail -c 1 "$file")" ]; then
      echo "$file: no newline at its end"
      found=1
    fi
  done < <(git grep -lI '' -- "${ours[@]}")
  return "$found"
}

shell_scripts() {
  if command -v shellcheck >/dev/null; then
    check shellcheck shellcheck scripts/*.sh bench/*.sh .ci/run
  else
    not_run shellcheck "no shellcheck"
  fi
}

python_syntax() {
  git ls-files -z '*.py' | xargs -0 python3 -c '
import ast, sys
for name in sys.argv[1:]:
    ast.parse(open(name, encoding="utf-8").read(), name)'
}

python_scripts() {
  if ! command -v python3 >/dev/null; then
    not_run python "no python3"
    return
  fi
  check python-syntax python_syntax
  if ! command -v pyflakes3 >/dev/null; then
    not_run pyflakes "no pyflakes3"
    return
  fi
  check pyflakes pyflakes
}
pyflakes() { git ls-files -z '*.py' | xargs -0 pyflakes3; }

clang_tidy() {
  local tool folders=(kernels io core cli)
  tool=$(version_14 clang-tidy-14 clang-tidy)
  if [ -z "$tool" ]; then
    not_run clang-tidy "no clang-tidy 14"
    return
  fi
  check clang-tidy scripts/tidy.py --clang-tidy "$tool" "${folders[@]}"
}

if git rev-parse >/dev/null 2>&1; then
  format
  check texts texts
  python_scripts
else
  for name in format texts python-syntax pyflakes; do not_run "$name" "not a git checkout"; done
fi
shell_scripts
clang_tidy
[ "$failed" = 0 ]
