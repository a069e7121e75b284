// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <cstdio>
#include <cstring>
#include <initializer_list>
#include <string>

#include "kernels/block_kernels.h"

namespace ckmerge {

TEST_CASE("the baseline is always there and always last") {
  REQUIRE(available_kernels().count >= 1);
  CHECK(std::strcmp(available_kernels().begin()[available_kernels().count - 1]->isa, "baseline") == 0);
  for (const std::string isa : {"baseline", "avx2", "avx512", "neon"})
    if (!find_kernels(isa.c_str()))
      std::printf("NOT RUN: the %s kernels (not built for this architecture, or the CPU lacks them)\n", isa.c_str());
}

TEST_CASE("a table is found by its name, and no other name finds one") {
  for (const BlockKernels* kernels : available_kernels()) CHECK(find_kernels(kernels->isa) == kernels);
  CHECK(find_kernels("") == nullptr);
  CHECK(find_kernels("AVX2") == nullptr);
  CHECK(find_kernels("sse9") == nullptr);
}

TEST_CASE("every real dtype has loads and stores, no other dtype has any, every operation on values has code") {
  for (const BlockKernels* kernels : available_kernels()) {
    for (size_t k = 0; k < kDtypeCount; ++k) {
      const bool real = is_real(static_cast<Dtype>(k));
      CHECK((kernels->load32[k] != nullptr) == real);
      CHECK((kernels->load64[k] != nullptr) == real);
      CHECK((kernels->store32[k] != nullptr) == real);
      CHECK((kernels->store64[k] != nullptr) == real);
    }
    for (size_t k = 0; k < kOpCount; ++k) {
      const auto op = static_cast<Op>(k);
      CHECK((kernels->op32[k] != nullptr) == (op != Op::load && !is_placed(op)));
      CHECK((kernels->op64[k] != nullptr) == (op != Op::load && !is_placed(op)));
    }
    CHECK((kernels->dot32 != nullptr));
    CHECK((kernels->dot64 != nullptr));
  }
}

}  // namespace ckmerge
