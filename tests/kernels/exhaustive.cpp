// SPDX-License-Identifier: Apache-2.0
// All 2^32 f32 values into every small format, on every table, against the oracle's tables. Magnitudes are walked
// upward, so the right code only ever moves to the next one: the walk costs less than the stores. Then all of them
// through the block operations of one argument. Not part of the default run.
#include <cmath>
#include <cstdio>
#include <cstring>
#include <vector>

#include "tests/kernels/elementary_errors.h"
#include "tests/kernels/oracle.h"

namespace ckmerge {
namespace {

using oracle::bits_as;

// Codes of positive finite values in ascending order, by walking the midpoints.
class Walk {
 public:
  explicit Walk(Dtype dtype) : values_(oracle::finite_values(dtype)) {
    values_.push_back(2 * values_.back() - values_[values_.size() - 2]);
  }

  uint32_t next(double magnitude) {
    while (code_ + 1 < values_.size() && is_past_midpoint(magnitude)) ++code_;
    return code_;
  }
  bool too_large() const { return code_ + 1 == values_.size(); }

 private:
  bool is_past_midpoint(double magnitude) const {
    const double middle = (values_[code_] + values_[code_ + 1]) / 2;
    return magnitude > middle || (magnitude == middle && code_ % 2 == 1);
  }
  std::vector<double> values_;
  uint32_t code_ = 0;
};

struct Blocks {
  float positive[kBlockElements], negative[kBlockElements];
  uint32_t expected_positive[kBlockElements], expected_negative[kBlockElements];
};

uint64_t differences(const BlockKernels& kernels, Dtype dtype, const float* values, const uint32_t* expected) {
  unsigned char out[kBlockElements * 2];
  StoreCounts counts;
  const size_t size = element_size(dtype);
  kernels.store32[static_cast<size_t>(dtype)](values, out, kBlockElements, &counts);
  uint64_t wrong = 0;
  for (size_t i = 0; i < kBlockElements; ++i) wrong += std::memcmp(out + i * size, &expected[i], size) != 0;
  return wrong;
}

// The oracle's codes for the block of magnitudes that starts at `first`.
void fill(Blocks& blocks, Walk& walk, Dtype dtype, uint32_t first) {
  const uint32_t sign = 1u << (element_size(dtype) * 8 - 1);
  for (uint32_t i = 0; i < kBlockElements; ++i) {
    const auto x = bits_as<float>(first + i);
    blocks.positive[i] = x;
    blocks.negative[i] = -x;
    StoreCounts counts;
    const uint32_t code = std::isfinite(x) ? walk.next(x) : 0;
    if (std::isfinite(x) && !walk.too_large()) {
      blocks.expected_positive[i] = code;
      blocks.expected_negative[i] = code | sign;
    } else {
      blocks.expected_positive[i] = oracle::encode(dtype, x, counts);
      blocks.expected_negative[i] = oracle::encode(dtype, -x, counts);
    }
  }
}

uint64_t check(Dtype dtype) {
  uint64_t wrong = 0;
  Walk walk(dtype);
  static Blocks blocks;
  for (uint64_t first = 0; first < uint64_t{1} << 31; first += kBlockElements) {
    fill(blocks, walk, dtype, static_cast<uint32_t>(first));
    for (const BlockKernels* kernels : available_kernels())
      wrong += differences(*kernels, dtype, blocks.positive, blocks.expected_positive) +
               differences(*kernels, dtype, blocks.negative, blocks.expected_negative);
  }
  return wrong;
}

}  // namespace
}  // namespace ckmerge

int main() {
  using namespace ckmerge;
  uint64_t wrong = 0;
  for (const Dtype dtype : oracle::kSmall) {
    const uint64_t here = check(dtype);
    std::printf("%s: %llu of 2^32 wrong, on %zu tables\n", info(dtype).name, static_cast<unsigned long long>(here),
                available_kernels().count);
    std::fflush(stdout);
    wrong += here;
  }
  for (const Elementary& function : elementary_functions()) {
    const ElementaryErrors errors = elementary_errors(function, 0, uint64_t{1} << 32, 1);
    std::printf("%s: within %.6f ulp, %llu of 2^32 wrong\n", function.name, errors.worst,
                static_cast<unsigned long long>(errors.different));
    std::fflush(stdout);
    wrong += errors.different + (errors.worst > function.bound ? 1 : 0);
  }
  return wrong == 0 ? 0 : 1;
}
