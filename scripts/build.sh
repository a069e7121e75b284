#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds ckmerge on a fresh machine: build/release/ckmerge. `cmake --install build/release` then installs it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

scripts/setup.sh build
# Tests are left out so that building needs no test framework; scripts/test.sh switches them on in the same folder.
cmake --preset release -DCKMERGE_TESTS=OFF
cmake --build --preset release
echo "built build/release/ckmerge"
