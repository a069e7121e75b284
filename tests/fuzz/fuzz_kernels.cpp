// SPDX-License-Identifier: Apache-2.0
// Any bytes are a tile program, its slots, dtypes, alignments, views and values; every table must write and count what
// a naive run does, and sum products as it does.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "tests/kernels/random_program.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string wrong = ckmerge::check_random_program({data, size});
  if (wrong.empty()) return 0;
  std::fprintf(stderr, "differs from the naive run: %s\n", wrong.c_str());
  std::abort();
}
