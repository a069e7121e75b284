#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The CUDA backend on a real card: parity with the CPU, compute-sanitizer, and the GPU table of bench/README.md.
#
#   bench/gpu_check.sh --pack   on a machine with ckmerge's packages: builds the program with what it needs beside it, in
#                               build/gpu-pack, to be brought along
#   bench/gpu_check.sh [DIR]    on a machine with an NVIDIA GPU, its driver, nvcc, g++ and CMake, and no network: builds
#                               there what needs no packages and runs everything; files go into DIR (default /dev/shm)
#
# CKMERGE_GPU_SIZE sets the size of each input in bytes (default 3221225472; below 2 GiB --device auto measures nothing).
# DIR needs room for three times that.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
PATH=$PATH:/usr/local/cuda/bin:/opt/cuda/bin  # installers of toolkits leave PATH alone

pack=build/gpu-pack
tools=(ckmerge ckmerge-generate ckmerge-bench-device-merge)
size=${CKMERGE_GPU_SIZE:-3221225472}
if command -v ninja >/dev/null; then export CMAKE_GENERATOR=Ninja; fi

toolkit_version() { nvcc --version | sed -n 's/.*release \([0-9.]*\),.*/\1/p'; }

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
  toolkit_version >"$pack/toolkit"
  du -sh "$pack"
}

packed() {  # packed NAME ARGUMENTS...: a program of the pack
  local name=$1
  shift
  LD_LIBRARY_PATH=$PWD/$pack/lib "$pack/$name" "$@"
}

failures=0
check() {  # check NAME COMMAND...
  local name=$1 status
  shift
  "$@" && return
  status=$?
  # 77: it has said what was not run
  if [ "$status" != 77 ]; then failures=$((failures + 1)) && echo "FAILED: $name"; fi
}

describe() {
  date -u +%Y-%m-%d
  nvidia-smi --query-gpu=name,driver_version,memory.total,pcie.link.gen.max,pcie.link.width.max --format=csv,noheader
  echo "nvcc $(toolkit_version)"
  uname -sr
}

# driver_suffices TOOLKIT: says so where the driver is older than programs of that toolkit need.
driver_suffices() {
  local driver least
  driver=$(nvidia-smi --query-gpu=driver_version --format=csv,noheader | head -n 1)
  case ${1%%.*} in
    12) least=525 ;;
    13) least=580 ;;
    *) return 0 ;;
  esac
  if [ "${driver%%.*}" -ge "$least" ]; then return; fi
  echo "NOT RUN: programs of CUDA $1 (they need driver $least or later, this machine has ${driver:-none})"
  return 77
}

# 7.5 is 75; empty, which builds all, where nvidia-smi does not know it.
architectures() {
  nvidia-smi --query-gpu=compute_cap --format=csv,noheader 2>/dev/null | grep -x -E '[0-9]+\.[0-9]' | tr -d . | sort -u | paste -s -d ';'
}

built=no
build_here() {
  driver_suffices "$(toolkit_version)" || return
  cmake -S . -B build/gpu -DCMAKE_BUILD_TYPE=Release -DCKMERGE_KERNELS_ONLY=ON -DCKMERGE_CUDA=ON \
    -DCKMERGE_CUDA_ARCHITECTURES="$(architectures)" >build/gpu-configure.txt 2>&1 &&
    cmake --build build/gpu -j "$(nproc)" >build/gpu-build.txt 2>&1 && built=yes && return
  tail -n 40 build/gpu-configure.txt build/gpu-build.txt
  return 1
}

sanitize() {  # sanitize TOOL COMMAND...: fails where the tool finds anything, and where the command fails
  local tool=$1 log=build/gpu-$1.txt status
  shift
  echo "compute-sanitizer --tool $tool $1:"
  compute-sanitizer --tool "$tool" --error-exitcode 9 "$@" >"$log" 2>&1
  status=$?
  grep -E 'SUMMARY|=========.*(Invalid|Race|Uninit)' "$log"
  if [ "$status" != 0 ]; then tail -n 20 "$log"; fi
  return "$status"
}

has_sanitizer() {
  if command -v compute-sanitizer >/dev/null; then return; fi
  echo "NOT RUN: compute-sanitizer (it is not installed)"
  return 77
}

sanitize_kernels() {
  local tool status=0
  has_sanitizer || return
  for tool in memcheck racecheck initcheck; do
    sanitize "$tool" build/gpu/device_parity --quick || status=1
  done
  return "$status"
}

# The engine's own use of the device: its streams, slots and copies.
sanitize_program() {
  local dir=$1 tool status=0
  has_sanitizer || return
  for tool in memcheck initcheck; do
    LD_LIBRARY_PATH=$PWD/$pack/lib sanitize "$tool" "$pack/ckmerge" merge "$dir/A.safetensors" "$dir/B.safetensors" --device cuda \
      --gpu-memory 24MiB -q -f --no-fsync -o "$dir/cuda.safetensors" || status=1
  done
  return "$status"
}

# The whole program: every method and dtype, a device that is nearly full, two tile sizes by the budget.
compare_program() {
  local dir=$1 method inputs dtype memory
  for method in weighted_sum add_difference linear slerp; do
    inputs=("$dir/A.safetensors" "$dir/B.safetensors")
    if [ "$method" = add_difference ]; then inputs+=("$dir/C.safetensors"); fi
    for dtype in keep f32 f16 bf16 f8_e4m3 f8_e5m2 f64; do
      packed ckmerge merge "${inputs[@]}" -m "$method" --dtype "$dtype" --nan warn --device cpu -q -f --no-fsync -o "$dir/cpu.safetensors" || return 1
      for memory in 1GiB 24MiB; do
        packed ckmerge merge "${inputs[@]}" -m "$method" --dtype "$dtype" --nan warn --device cuda --gpu-memory "$memory" -q -f --no-fsync \
          -o "$dir/cuda.safetensors" && cmp "$dir/cpu.safetensors" "$dir/cuda.safetensors" || return 1
      done
    done
    echo "$method: 7 dtypes, the same bytes from the device, with 1 GiB of it and with 24 MiB"
  done
}

generate() {  # generate DIR BYTES NAMES: of A, B and C
  local dir=$1 bytes=$2 names=ABC k
  for ((k = 0; k < ${#3}; ++k)); do
    packed ckmerge-generate --arch sdxl --size "$bytes" --seed 1 --tune $k "$dir/${names:k:1}.safetensors" >/dev/null || return 1
  done
}

has_room() {  # has_room DIR BYTES
  local free
  free=$(df --output=avail -B1 "$1" | tail -n 1)
  if [ "$free" -ge "$2" ]; then return; fi
  echo "NOT RUN: what needs $2 bytes in $1 ($free are free; name another folder, or set CKMERGE_GPU_SIZE)"
  return 77
}

time_program() {
  local dir=$1 status=0
  has_room "$dir" $((3 * size)) || return
  generate "$dir" "$size" AB || return 1
  packed ckmerge-bench-device-merge "$dir/A.safetensors" "$dir/B.safetensors" "$dir/out.safetensors" || status=1
  python3 bench/torch_cuda.py "$dir/A.safetensors" "$dir/B.safetensors" 0.3 || [ $? = 77 ] || status=1
  rm -f "$dir/out.safetensors"
  packed ckmerge merge "$dir/A.safetensors" "$dir/B.safetensors" --alpha 0.3 -v -f --no-fsync -o "$dir/out.safetensors" | grep device || status=1
  return "$status"
}

work=
clean_up() { if [ -n "$work" ]; then rm -rf "$work"; fi; }

run_program() {
  if [ ! -x "$pack/ckmerge" ]; then
    echo "NOT RUN: the whole program (no $pack: run bench/gpu_check.sh --pack where the packages are)"
    return
  fi
  driver_suffices "$(cat "$pack/toolkit")" || return
  work=$(mktemp -d "$1/ckmerge-gpu.XXXXXX") || return 1
  has_room "$work" 1000000000 && generate "$work" 100000000 ABC || return
  check "the whole program's bytes" compare_program "$work"
  check "the whole program under compute-sanitizer" sanitize_program "$work"
  rm -f "$work"/*
  check "the whole program's rates" time_program "$work"
}

main() {
  trap clean_up EXIT
  mkdir -p build
  describe
  check "building" build_here
  if [ "$failures" != 0 ]; then exit 1; fi
  if [ "$built" = yes ]; then
    echo
    check "parity of the kernels" build/gpu/device_parity
    echo
    check "the kernels under compute-sanitizer" sanitize_kernels
    echo
    check "the kernels' rates" build/gpu/ckmerge-bench-device-kernels
  fi
  echo
  check "the whole program" run_program "${1:-/dev/shm}"
  [ "$failures" = 0 ]
}

if [ "${1:-}" = --pack ]; then make_pack; else main "$@"; fi
