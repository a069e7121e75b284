#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# usage: scripts/setup.sh build|demo|test
# Sees to it that what building (and the demo, and testing) needs is installed, on Debian 12 and recent Ubuntus. Installs
# as root or through sudo; with neither it prints the line that an administrator has to run, and exits 1. Does nothing,
# and needs no rights, when everything is there.
set -euo pipefail

required=(g++ cmake ninja-build pkg-config libsimdjson-dev libcli11-dev libssl-dev libre2-dev zlib1g-dev libsqlite3-dev libyaml-cpp-dev)
optional=()  # a test that lacks one of these is named as not run
case "${1:-}" in
  build) ;;
  demo) required+=(python3) ;;
  test)
    required+=(doctest-dev python3 binutils git)
    # libclang-rt-dev holds libFuzzer where clang's own packages do not bring it.
    optional+=(python3-venv clang libclang-rt-dev g++-aarch64-linux-gnu qemu-user-static libbenchmark-dev
               zsh fish mandoc groff man-db)
    # Of scripts/lint.sh, in the version that Debian 12 has: others judge otherwise.
    optional+=(clang-format-14 clang-tidy-14 shellcheck pyflakes3)
    ;;
  *) echo "usage: scripts/setup.sh build|demo|test" >&2; exit 2 ;;
esac

# The program that stands for a package, for those who have it from elsewhere.
declare -A program=([g++]=g++ [cmake]=cmake [ninja-build]=ninja [python3]=python3 [binutils]=objdump [git]=git
                    [clang]=clang++ [g++-aarch64-linux-gnu]=aarch64-linux-gnu-g++
                    [qemu-user-static]=qemu-aarch64-static [clang-format-14]=clang-format-14
                    [clang-tidy-14]=clang-tidy-14 [shellcheck]=shellcheck [pyflakes3]=pyflakes3)

is_installed() {
  [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ] ||
    { [ -n "${program[$1]:-}" ] && command -v "${program[$1]}" >/dev/null; }
}

missing() {
  local package
  for package in "$@"; do is_installed "$package" || echo "$package"; done
}

# Prints what goes before apt-get; fails where this user may not install. sudo may ask for a password on a terminal only.
rights() {
  if [ "$(id -u)" = 0 ]; then return 0; fi
  command -v sudo >/dev/null || return 1
  if sudo -n true 2>/dev/null; then echo "sudo -n"; elif [ -t 0 ] && [ -t 2 ]; then echo "sudo"; else return 1; fi
}

apt_get() {
  # shellcheck disable=SC2086  # "sudo -n" is two words
  $as env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 "$@" >&2
}

# The timeout above does not cover the lock of the package lists.
update_lists() {
  local try
  for try in 1 2 3 4 5; do
    if apt_get update; then return; fi
    echo "setup: apt-get update failed (try $try of 5)" >&2
    sleep "$((try * 5))"
  done
  echo "setup: going on with the package lists that are there" >&2
}

install_packages() { apt_get install --no-install-recommends "$@"; }

mapfile -t need < <(missing "${required[@]}")
mapfile -t want < <(missing "${optional[@]}")
if [ ${#need[@]} = 0 ] && [ ${#want[@]} = 0 ]; then exit 0; fi

if ! command -v apt-get >/dev/null; then
  echo "setup: installs with apt-get only; these, under Debian's names, were not found: ${need[*]} ${want[*]}" >&2
  exit 0  # they may be there under other names; CMake will tell
fi
if ! as=$(rights); then
  line="apt-get install --no-install-recommends"
  if [ ${#need[@]} = 0 ]; then
    echo "setup: not installed, so that some tests will not be run: ${want[*]}" >&2
    echo "setup: to run them: $line ${want[*]}" >&2
    exit 0
  fi
  echo "setup: these packages are missing and this user may not install them; as root, run:" >&2
  echo "  $line ${need[*]}${want[*]:+ ${want[*]}}" >&2
  exit 1
fi

update_lists
known=()
for package in "${want[@]}"; do
  if apt-cache show "$package" >/dev/null 2>&1; then known+=("$package"); fi
done
if ! install_packages "${need[@]}" "${known[@]}"; then
  echo "setup: trying again without the optional packages: ${known[*]}" >&2
  if [ ${#need[@]} != 0 ]; then install_packages "${need[@]}"; fi
fi
