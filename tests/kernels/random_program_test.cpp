// SPDX-License-Identifier: Apache-2.0
#include "tests/kernels/random_program.h"

#include <doctest/doctest.h>

#include <random>
#include <vector>

namespace ckmerge {

TEST_CASE("4,000 random programs over random bytes give the same on every table and naively") {
  for (unsigned seed = 0; seed < 4000; ++seed) {
    std::mt19937 random(seed);
    std::vector<uint8_t> bytes(64 + random() % 4000);
    for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random());
    const std::string wrong = check_random_program(bytes);
    CHECK_MESSAGE(wrong.empty(), "seed " << seed << ": " << wrong);
  }
}

}  // namespace ckmerge
