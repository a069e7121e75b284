#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds ckmerge, makes two checkpoints with the names and shapes of Stable Diffusion 1.5, merges them and verifies the
# result; where ../shared/data exists (or CKMERGE_TEST_DATA names it), merges real ones too. Removes what it made.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

scripts/setup.sh demo
scripts/build.sh

bin=$PWD/build/release
check=$PWD/scripts/check_merge.py
real=$(realpath -m "${CKMERGE_TEST_DATA:-../shared/data}")/rfb
work=$(mktemp -d "$PWD/build/demo.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
cd "$work"

say() { printf '\n== %s\n' "$*"; }
show() {
  printf '$ %s\n' "$*"
  "$@"
}
ckmerge() { "$bin/ckmerge" "$@"; }

# Three files of 2.13 GB and some room; with less, only the first tensors of the architecture are made.
size=()
free=$(($(df -Pk . | awk 'NR == 2 {print $4}') / 1024))
if [ "$free" -lt 1500 ]; then
  echo "demo: needs 1.5 GB of free disk in $work, which has $free MB" >&2
  exit 1
elif [ "$free" -lt 7500 ]; then
  echo "only $free MB of disk are free: the checkpoints are cut to 400 MB each"
  size=(--size 400MB)
fi

say "two checkpoints like Stable Diffusion 1.5: random weights, and a fine-tune of them"
"$bin/ckmerge-generate" --arch sd15 --dtype f16 --seed 1 "${size[@]}" A.safetensors
"$bin/ckmerge-generate" --arch sd15 --dtype f16 --seed 1 --tune 1 "${size[@]}" B.safetensors

say "what is in them"
show ckmerge inspect A.safetensors
say "what a merge would do"
show ckmerge plan A.safetensors B.safetensors --alpha 0.3 -o out.safetensors
say "the merge, with its report: time and peak memory are in its last lines"
show ckmerge merge A.safetensors B.safetensors --alpha 0.3 -o out.safetensors -v
say "is it right?"
show ckmerge inspect out.safetensors | sed -n 1,8p
show python3 "$check" weighted_sum 0.3 out.safetensors A.safetensors B.safetensors --sample 64

if [ -d "$real" ]; then
  cp "$real"/RFB-320.safetensors "$real"/RFB-640.safetensors "$real"/RFB-epoch-0.safetensors .
  say "two face detectors trained at different sizes"
  show ckmerge merge RFB-320.safetensors RFB-640.safetensors --alpha 0.3 -o rfb.safetensors
  show python3 "$check" weighted_sum 0.3 rfb.safetensors RFB-320.safetensors RFB-640.safetensors
  say "the first of them plus what training changed in the second"
  inputs=(RFB-320.safetensors RFB-640.safetensors RFB-epoch-0.safetensors)
  show ckmerge merge "${inputs[@]}" --method add_difference --alpha 1.0 -o rfb-difference.safetensors
  show python3 "$check" add_difference 1.0 rfb-difference.safetensors "${inputs[@]}"
else
  echo
  echo "NOT RUN: the merges of real checkpoints (no folder $real)"
fi
echo
echo "demo done in $SECONDS s, the build included"
