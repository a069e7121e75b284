#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The CUDA backend on a real card: parity with the CPU, compute-sanitizer, and the GPU table of bench/README.md.
#
#   bench/gpu_check.sh --pack   on a machine with ckmerge's packages: builds the program with what it needs beside it, in
#                               build/gpu-pack, to be brought along
#   bench/gpu_check.sh [DIR]    on a machine with an NVIDIA GPU, its driver, nvcc, g++ and CMake, and no network: builds
#                               there what needs no packages and runs everything; files go into DIR (default /dev/shm)
#
# CKMERGE_GPU_SIZE sets the size of each input in bytes (default 2147483648).
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1

pack=build/gpu-pack
tools=(ckmerge ckmerge-generate ckmerge-bench-device-merge)
if command -v ninja >/dev/null; then export CMAKE_GENERATOR=Ninja; fi

# Programs, and every shared library that they need and another machine may lack. The C library is the other machine's.
make_pack() {
  local name library
  cmake --preset portable && cmake --build --preset portable --target "${tools[@]}" || return
  rm -rf "$pack" && mkdir -p "$pack/lib" || return
  for name in "${tools[@]}"; do
    cp "build/portable/$name" "$pack/" && strip "$pack/$name" || return
    while read -r library; do cp -L "$library" "$pack/lib/"; done < <(
      ldd "$pack/$name" | awk '$2 == "=>" && $3 ~ /^\// {print $3}' | grep -v -E '/(libc|libm|libdl|librt|libpthread|ld-linux[^/]*)\.so')
  done
  du -sh "$pack"
}

failures=0
check() {  # check NAME COMMAND...
  local name=$1
  shift
  if "$@"; then return; fi
  case $? in
    77) ;;  # it has said what was not run
    *) failures=$((failures + 1)); echo "FAILED: $name" ;;
  esac
}

describe() {
  date -u +%Y-%m-%d
  nvidia-smi --query-gpu=name,driver_version,memory.total,pcie.link.gen.max,pcie.link.width.max --format=csv,noheader
  nvcc --version | tail -n 1
  uname -sr
}

build_here() {
  cmake -S . -B build/gpu -DCMAKE_BUILD_TYPE=Release -DCKMERGE_KERNELS_ONLY=ON -DCKMERGE_CUDA=ON \
    -DCKMERGE_CUDA_ARCHITECTURES=native >build/gpu-configure.txt 2>&1 &&
    cmake --build build/gpu -j "$(nproc)" >build/gpu-build.txt 2>&1 && return
  tail -n 40 build/gpu-configure.txt build/gpu-build.txt
  return 1
}

sanitize() {
  local tool
  if ! command -v compute-sanitizer >/dev/null; then
    echo "NOT RUN: compute-sanitizer (it is not installed)"
    return
  fi
  for tool in memcheck racecheck initcheck; do
    echo "compute-sanitizer --tool $tool:"
    compute-sanitizer --tool "$tool" --error-exitcode 9 build/gpu/device_parity --quick | grep -E 'ERROR SUMMARY|SUMMARY|=========.*(Invalid|Race|Uninit)' ||
      true
    [ "${PIPESTATUS[0]}" = 0 ] || return 1
  done
}

# The whole program: every method and dtype, a device that is nearly full, two tile sizes by the budget.
compare_program() {
  local dir=$1 method inputs dtype memory
  for method in weighted_sum add_difference linear slerp; do
    inputs=("$dir/A.safetensors" "$dir/B.safetensors")
    if [ "$method" = add_difference ]; then inputs+=("$dir/C.safetensors"); fi
    for dtype in keep f32 f16 bf16 f8_e4m3 f8_e5m2 f64; do
      "$ckmerge" merge "${inputs[@]}" -m "$method" --dtype "$dtype" --nan warn --device cpu -q -f --no-fsync -o "$dir/cpu.safetensors" || return
      for memory in 1GiB 24MiB; do
        "$ckmerge" merge "${inputs[@]}" -m "$method" --dtype "$dtype" --nan warn --device cuda --gpu-memory "$memory" -q -f --no-fsync \
          -o "$dir/cuda.safetensors" && cmp "$dir/cpu.safetensors" "$dir/cuda.safetensors" || return
      done
    done
    echo "$method: 7 dtypes, the same bytes from the device, with 1 GiB of it and with 24 MiB"
  done
}

generate() {
  local dir=$1 size=$2 tune
  for tune in A:0 B:1 C:2; do
    "$pack/ckmerge-generate" --arch sdxl --size "$size" --seed 1 --tune "${tune#*:}" "$dir/${tune%:*}.safetensors" >/dev/null || return
  done
}

run_program() {
  local dir=$1 size=${CKMERGE_GPU_SIZE:-2147483648} status=0
  ckmerge=$pack/ckmerge
  export LD_LIBRARY_PATH=$PWD/$pack/lib
  generate "$dir" 100000000 && compare_program "$dir" || return
  generate "$dir" "$size" || return
  "$pack/ckmerge-bench-device-merge" "$dir/A.safetensors" "$dir/B.safetensors" "$dir/out.safetensors" || status=1
  LD_LIBRARY_PATH='' python3 bench/torch_cuda.py "$dir/A.safetensors" "$dir/B.safetensors" 0.3 || [ $? = 77 ] || status=1
  "$ckmerge" merge "$dir/A.safetensors" "$dir/B.safetensors" --alpha 0.3 -v -f --no-fsync -o "$dir/out.safetensors" | grep device
  rm -f "$dir"/{A,B,C,cpu,cuda,out}.safetensors
  return "$status"
}

main() {
  local dir=${1:-/dev/shm}
  mkdir -p build
  describe
  check "building" build_here
  if [ "$failures" != 0 ]; then exit 1; fi
  echo
  check "parity of the kernels" build/gpu/device_parity
  echo
  check "compute-sanitizer" sanitize
  echo
  check "the kernels' rates" build/gpu/ckmerge-bench-device-kernels
  echo
  if [ -x "$pack/ckmerge" ]; then
    check "the whole program" run_program "$dir"
  else
    echo "NOT RUN: the whole program (no $pack: run bench/gpu_check.sh --pack where the packages are)"
  fi
  [ "$failures" = 0 ]
}

if [ "${1:-}" = --pack ]; then make_pack; else main "$@"; fi
