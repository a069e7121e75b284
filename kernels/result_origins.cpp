// SPDX-License-Identifier: Apache-2.0
#include "kernels/result_origins.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace ckmerge {
namespace {

// What is known of a result. Those that are 0 or more and finite have no mark.
constexpr uint8_t kNan = 1, kInf = 2;          // it is
constexpr uint8_t kNanIn = 4, kInfIn = 8;      // an operand is
constexpr uint8_t kUnlike = 16;                // operands differ in dtype or bits
constexpr uint8_t kBelow = 32, kBelowIn = 64;  // below 0: it is, an operand is

const unsigned char* element_at(const Operand& operand, uint64_t i) {
  const uint64_t within = operand.inner == UINT64_MAX ? i : i % operand.inner;
  const uint64_t run = operand.inner == UINT64_MAX ? 0 : i / operand.inner;
  return static_cast<const unsigned char*>(operand.data) + run * operand.stride + within * element_size(operand.dtype);
}

}  // namespace

ResultOrigins::ResultOrigins(const BlockKernels& kernels, const Stored& stored, std::span<uint8_t> marks) noexcept
    : kernels_(kernels), stored_(stored), marks_(marks) {
  const auto dtype = static_cast<size_t>(stored.dtype);
  StoreCounts ignored;
  if (stored.compute == Dtype::F64) {
    constexpr double kValue = NAN;
    kernels.store64[dtype](&kValue, nan_, 1, &ignored);
    begin(static_cast<const double*>(stored.results));
  } else {
    constexpr float kValue = NAN;
    kernels.store32[dtype](&kValue, nan_, 1, &ignored);
    begin(static_cast<const float*>(stored.results));
  }
}

template <typename Value>
void ResultOrigins::begin(const Value* results) noexcept {
  for (size_t i = 0; i < marks_.size(); ++i)
    marks_[i] = std::isnan(results[i]) ? kNan : (std::isinf(results[i]) ? kInf : 0) | (results[i] < 0 ? kBelow : 0);
}

void ResultOrigins::take(const Operand& operand, uint64_t first, bool made) noexcept {
  is_made_ = made;
  alignas(64) double values[kBlockElements];
  const auto dtype = static_cast<size_t>(operand.dtype);
  for (size_t begin = 0, n; begin < marks_.size(); begin += n) {
    n = std::min(kBlockElements, marks_.size() - begin);
    if (operand.inner != UINT64_MAX)
      n = static_cast<size_t>(std::min<uint64_t>(n, operand.inner - (first + begin) % operand.inner));
    const unsigned char* from = element_at(operand, first + begin);
    if (stored_.compute == Dtype::F64) {
      kernels_.load64[dtype](from, values, n);
      look_at(values, operand, first, begin, n);
    } else {
      auto* narrow = reinterpret_cast<float*>(values);
      kernels_.load32[dtype](from, narrow, n);
      look_at(narrow, operand, first, begin, n);
    }
  }
  is_first_ = false;
}

template <typename Value>
void ResultOrigins::look_at(const Value* values, const Operand& operand, uint64_t first, size_t begin,
                            size_t n) noexcept {
  for (size_t k = 0; k < n; ++k) {
    const size_t i = begin + k;
    if (marks_[i] == 0) continue;
    const bool is_nan = std::isnan(values[k]);
    if (is_nan && !is_made_) marks_[i] |= kNanIn;
    if (std::isinf(values[k]) && !is_made_) marks_[i] |= kInfIn;
    if (values[k] < 0) marks_[i] |= kBelowIn;
    if (stored_.keeps_equal && marks_[i] & kNan)
      keep_bits(element_at(operand, first + i), operand.dtype == stored_.dtype, is_nan, i);
  }
}

// The first operand's bits, until another's are not the same.
void ResultOrigins::keep_bits(const unsigned char* element, bool same_dtype, bool is_nan, size_t i) noexcept {
  const uint64_t size = element_size(stored_.dtype);
  unsigned char* const at = stored_.out + i * size;
  if (marks_[i] & kUnlike) return;
  if (is_first_ && same_dtype && is_nan) {
    std::memcpy(at, element, size);
  } else if (is_first_ || !same_dtype || std::memcmp(at, element, size) != 0) {
    std::memcpy(at, nan_, size);
    marks_[i] |= kUnlike;
  }
}

void ResultOrigins::count(StoreCounts& counts) const noexcept {
  for (const uint8_t mark : marks_) {
    const bool made_nan = mark & kNan && !(mark & kNanIn), made_inf = mark & kInf && !(mark & (kNanIn | kInfIn));
    counts.created += made_nan || made_inf;
    if (made_inf && stored_.dtype == Dtype::F8_E4M3) --counts.lost_inf;
  }
}

uint64_t ResultOrigins::negative() const noexcept {
  return static_cast<uint64_t>(
      std::ranges::count_if(marks_, [](uint8_t mark) { return mark & kBelow && !(mark & kBelowIn); }));
}

}  // namespace ckmerge
