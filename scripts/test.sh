#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# usage: scripts/test.sh [deep|all|peers|comfyui]
# Without a word: the whole suite of the release build and lint, on a fresh machine too. `deep` adds what takes longer: the
# faults and kills of tests/faults, the suite under ASan and UBSan with the fuzzers (10 s each, those of pickles 20;
# CKMERGE_FUZZ_SECONDS changes it), the engine's under TSan, the aarch64 kernels under qemu. `all` is both in one run, which
# builds the release once. `peers` is neither: it holds ckmerge against sd-mecha, mergekit, transformers, diffusers, PEFT, LyCORIS and ComfyUI's nodes
# themselves, and the Python module against torch, for which it installs some 8 GB under the build folder. `comfyui` runs the nodes of
# comfyui/ in the real ComfyUI, which shares these 8 GB. A stage that fails does not stop the others. The last line counts tests
# over all stages; what could not be run is listed above it by name.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
quick=yes deep=no peers=no comfyui=no
case "${1:-}" in
  "") ;;
  deep) quick=no deep=yes ;;
  all) deep=yes ;;
  peers) quick=no peers=yes ;;
  comfyui) quick=no comfyui=yes ;;
  *) echo "usage: scripts/test.sh [deep|all|peers|comfyui]" >&2; exit 2 ;;
esac

scripts/setup.sh test || exit 1

logs=build/test-logs
rm -rf "$logs"
mkdir -p "$logs"
passed=0 failed=0 skipped=0
failures=()
jobs=$(nproc)
strict=OFF
if [ "${CI:-}" = true ]; then strict=ON; fi

pass() { passed=$((passed + 1)); }
fail() { failed=$((failed + 1)); failures+=("$1"); echo "FAILED: $1"; }
not_run() { echo "NOT RUN: $1 ($2)" | tee -a "$logs/not-run.txt"; }

# stage NAME COMMAND...: runs it and says how long it took.
stage() {
  local name=$1 began=$SECONDS
  shift
  echo "==== $name"
  "$@"
  echo "==== $name: $((SECONDS - began)) s" | tee -a "$logs/times.txt"
}

# configure_and_build PRESET "TARGETS" [CMAKE ARGUMENTS]: a failure counts as one failed test, since none of its tests ran.
configure_and_build() {
  local preset=$1 targets
  read -ra targets <<<"$2"
  shift 2
  if cmake --preset "$preset" -DCKMERGE_TESTS=ON "$@" >"$logs/$preset-configure.txt" 2>&1 &&
    cmake --build --preset "$preset" -j "$jobs" --target "${targets[@]}" >"$logs/$preset-build.txt" 2>&1; then
    sed -n 's/^-- \(CUDA: .*\)/\1/p' "$logs/$preset-configure.txt"
    sed -n "s/^.*NOT RUN: /NOT RUN: $preset: /p" "$logs/$preset-configure.txt" >>"$logs/not-run.txt"
    return 0
  fi
  tail -n 60 "$logs/$preset-configure.txt" "$logs/$preset-build.txt" 2>/dev/null
  fail "$preset: build"
  return 1
}

junit_count() { sed -n "/<testsuite/,/>/s/.*\b$2=\"\([0-9]*\)\".*/\1/p" "$1" | head -n 1; }

# run_ctest PRESET FOLDER [CTEST ARGUMENTS]: the tests registered under that folder of the build.
run_ctest() {
  local preset=$1 folder=$2 junit="$PWD/$logs/$1.xml"
  shift 2
  rm -f "$junit"
  ctest --test-dir "$folder" --output-on-failure --no-tests=error -j "$jobs" --timeout 900 --output-junit "$junit" "$@" </dev/null
  if [ ! -s "$junit" ]; then
    fail "$preset: ctest found no tests"
    return
  fi
  local all bad skip
  all=$(junit_count "$junit" tests) bad=$(junit_count "$junit" failures)
  skip=$(($(junit_count "$junit" skipped) + $(junit_count "$junit" disabled)))
  passed=$((passed + all - bad - skip)) failed=$((failed + bad)) skipped=$((skipped + skip))
  collect_names "$preset" "$folder" "$junit"
}

# The names behind the counts. CTest's own log has the whole output of tests that passed, which the XML cuts short.
collect_names() {
  local preset=$1 log=$2/Testing/Temporary/LastTest.log name
  sed -n "s/^.*NOT RUN: /NOT RUN: $preset: /p" "$log" >>"$logs/not-run.txt"
  while read -r name; do failures+=("$preset: $name"); done < <(tests_with_status "$3" fail)
  while read -r name; do
    # A skipped test says why in a line of its own; this one is for those that do not.
    if ! grep -q "^NOT RUN: $preset: $name\b" "$logs/not-run.txt"; then
      echo "NOT RUN: $preset: $name (skipped itself)" >>"$logs/not-run.txt"
    fi
  done < <(tests_with_status "$3" notrun)
  while read -r name; do
    echo "NOT RUN: $preset: $name (disabled unless asked for, see CONTRIBUTING.md)" >>"$logs/not-run.txt"
  done < <(tests_with_status "$3" disabled)
}
tests_with_status() { sed -n "s/.*<testcase name=\"\([^\"]*\)\".*status=\"$2\".*/\1/p" "$1"; }

# Sources are compiled some at a time, in half of the time; that each builds alone is seen to by tree.own_headers and
# tree.standard_headers. Of devices' code the two ends of what ships: all of it takes minutes, and no test runs it.
build_release() {
  configure_and_build release all -DCKMERGE_BUNDLED=ON -DCKMERGE_PEERS=OFF -DCKMERGE_COMFYUI=OFF -DCKMERGE_CUDA_ARCHITECTURES=ends
}
release() { build_release && run_ctest release build/release -LE deep; }
peers() { configure_and_build release "ckmerge ckmerge_shared" -DCKMERGE_BUNDLED=ON -DCKMERGE_PEERS=ON && run_ctest release build/release -L peers --timeout 3600; }
comfyui() {
  configure_and_build release "ckmerge ckmerge_shared" -DCKMERGE_BUNDLED=ON -DCKMERGE_COMFYUI=ON &&
    run_ctest release build/release -L comfyui --timeout 3600
}
faults() { build_release && run_ctest release build/release -L deep; }

# One build for both: clang's instruments for the fuzzers and the sanitizers go together. Where there is no clang, g++'s
# sanitizers do without the fuzzers.
sanitized() {
  local preset=fuzz
  if ! can_fuzz; then
    not_run "the fuzzers" "no clang++ with libFuzzer"
    preset=asan
  fi
  # clang has warnings of its own.
  configure_and_build $preset all -DCKMERGE_WERROR=OFF || return
  # Left to the program is SIGBUS, since io/ has a handler of its own for it.
  ASAN_OPTIONS=detect_stack_use_after_return=1:handle_sigbus=0 UBSAN_OPTIONS=print_stacktrace=1 \
    run_ctest $preset build/$preset -LE once
  if [ $preset = fuzz ]; then fuzz; fi
}

tsan() {
  configure_and_build tsan "tests/core/all io_test cli_test" -DCKMERGE_WERROR=$strict || return
  TSAN_OPTIONS=halt_on_error=1 run_ctest tsan build/tsan/tests/core -LE once
}

aarch64() {
  local tool
  for tool in aarch64-linux-gnu-g++ qemu-aarch64-static; do
    if ! command -v "$tool" >/dev/null; then
      not_run "the aarch64 kernels" "no $tool"
      return
    fi
  done
  configure_and_build aarch64 all -DCKMERGE_WERROR=$strict && run_ctest aarch64 build/aarch64
}

can_fuzz() {
  command -v clang++ >/dev/null || return
  echo 'extern "C" int LLVMFuzzerTestOneInput(const unsigned char*, unsigned long) { return 0; }' |
    clang++ -x c++ - -fsanitize=fuzzer,address -o "$logs/can-fuzz" 2>/dev/null
}

run_fuzzer() {
  local name=$1 found=$PWD/$logs/$1-corpus seconds=10
  case $name in fuzz_zip | fuzz_pickle | fuzz_legacy) seconds=20 ;; esac
  mkdir -p "$found"
  # New inputs go to the first folder; the saved ones are only read.
  "build/fuzz/$name" -max_total_time="${CKMERGE_FUZZ_SECONDS:-$seconds}" -timeout=20 -rss_limit_mb=2048 -print_final_stats=1 \
    -artifact_prefix="$logs/$name-" "$found" "tests/fuzz/corpus/$name" >"$logs/$name.txt" 2>&1 </dev/null
}

fuzz() {
  local file name pids=()
  for file in tests/fuzz/fuzz_*.cpp; do
    name=$(basename "$file" .cpp)
    run_fuzzer "$name" &
    pids+=("$name:$!")
    if [ ${#pids[@]} -ge "$jobs" ]; then
      fuzzer_result "${pids[0]}"
      pids=("${pids[@]:1}")
    fi
  done
  for name in "${pids[@]}"; do fuzzer_result "$name"; done
}

fuzzer_result() {
  local name=${1%%:*}
  if wait "${1##*:}"; then
    pass
    echo "fuzz: $name: $(sed -n 's/^stat::number_of_executed_units: *//p' "$logs/$name.txt") inputs, no finding"
  else
    fail "fuzz: $name"
    tail -n 40 "$logs/$name.txt"
  fi
}

lint() {
  local verdict name status found=0
  scripts/lint.sh >"$logs/lint.txt" 2>&1 </dev/null
  status=$?
  while read -r verdict name; do
    case $verdict in
      pass) pass ;;
      fail) fail "lint: $name" ;;
      NOT) echo "NOT ${name}" | tee -a "$logs/not-run.txt" ;;
    esac
    found=$((found + 1))
  done < <(grep -E '^(pass|fail|NOT RUN:) ' "$logs/lint.txt")
  grep -vE '^(pass|fail|NOT RUN:) ' "$logs/lint.txt"
  # A status without a verdict is one that its reader did not get to see.
  if [ $found = 0 ] || { [ $status != 0 ] && ! grep -q '^fail ' "$logs/lint.txt"; }; then fail "lint: ended with status $status"; fi
}

# What no stage below does, and needs a card; a program of the release stage says the same of parity.
on_a_card() {
  local what
  for what in "compute-sanitizer on the device's kernels and on the program" "the rates of device kernels" "merges end to end on a device"; do
    not_run "$what" "bench/gpu_check.sh does it, on a machine with an NVIDIA GPU"
  done
}

if [ $quick = yes ]; then
  stage release release
  stage lint lint
fi
if [ $deep = yes ]; then
  stage faults faults
  stage sanitized sanitized
  stage tsan tsan
  stage aarch64 aarch64
fi
if [ $peers = yes ]; then stage peers peers; fi
if [ $comfyui = yes ]; then stage comfyui comfyui; fi
if [ $quick = yes ] || [ $deep = yes ]; then on_a_card; fi

echo
echo "Times:"
sed 's/^==== /  /' "$logs/times.txt"
echo "  in all: $SECONDS s"
for name in "${failures[@]}"; do echo "FAILED: $name"; done
if [ -s "$logs/not-run.txt" ]; then sort -u "$logs/not-run.txt"; fi
if [ "$skipped" = 0 ]; then
  echo "$passed passed, $failed failed"
else
  echo "$passed passed, $failed failed, $skipped skipped"
fi
[ "$failed" = 0 ]
