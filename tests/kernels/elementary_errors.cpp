// SPDX-License-Identifier: Apache-2.0
#include "tests/kernels/elementary_errors.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "tests/kernels/oracle.h"

namespace ckmerge {
namespace {

constexpr Elementary kFunctions[] = {
    {"absolute", Op::absolute, [](double x) { return std::fabs(x); }, 0},
    {"square_root", Op::square_root, [](double x) { return std::sqrt(x); }, 0.5},
    {"exponential", Op::exponential, [](double x) { return std::exp(x); }, 0.51},
    {"logarithm", Op::logarithm, [](double x) { return std::log(x); }, 0.51},
};

// Distance in units in the last place of `right` as f32; an overflow is right where rounding gives Inf.
double ulps(float got, double right) {
  if (std::isinf(got) || std::isinf(right))
    return got == static_cast<float>(right) ? 0 : std::numeric_limits<double>::infinity();
  const auto exponent = static_cast<int64_t>(oracle::bits_as<uint64_t>(right) >> 52 & 2047) - 1023;
  const auto unit = static_cast<uint64_t>(std::max<int64_t>(exponent, -126) - 23 + 1023);
  return std::fabs(got - right) / oracle::bits_as<double>(unit << 52);
}

}  // namespace

std::span<const Elementary> elementary_functions() { return kFunctions; }

ElementaryErrors elementary_errors(const Elementary& function, uint64_t first, uint64_t end, uint64_t stride) {
  ElementaryErrors errors;
  float in[kBlockElements], out[kBlockElements], other[kBlockElements];
  for (uint64_t at = first; at < end; at += kBlockElements * stride) {
    const auto n = static_cast<size_t>(std::min<uint64_t>(kBlockElements, (end - at + stride - 1) / stride));
    for (size_t i = 0; i < n; ++i) in[i] = oracle::bits_as<float>(static_cast<uint32_t>(at + i * stride));
    const BlockKernels* const best = *available_kernels().begin();
    best->op32[static_cast<size_t>(function.op)](out, in, nullptr, nullptr, 0, 0, n);
    for (size_t i = 0; i < n; ++i) {
      const double right = function.right(in[i]);
      if (std::isnan(out[i]) || std::isnan(right))
        errors.different += std::isnan(out[i]) != std::isnan(right);
      else
        errors.worst = std::max(errors.worst, ulps(out[i], right));
    }
    for (const BlockKernels* kernels : available_kernels()) {
      kernels->op32[static_cast<size_t>(function.op)](other, in, nullptr, nullptr, 0, 0, n);
      for (size_t i = 0; i < n; ++i)
        errors.different += oracle::bits_as<uint32_t>(other[i]) != oracle::bits_as<uint32_t>(out[i]) &&
                            !(std::isnan(out[i]) && std::isnan(other[i]));
    }
  }
  return errors;
}

}  // namespace ckmerge
