// SPDX-License-Identifier: Apache-2.0
// Sums over columns against products added up one after another.
#include "kernels/line_reductions.h"

#include <doctest/doctest.h>

#include <random>
#include <vector>

using namespace ckmerge;

namespace {

// All elements in runs of 1500, by `kernels`.
std::vector<double> reduced(const BlockKernels& kernels, Dtype dtype, const Operand* operands, const Lines& lines) {
  const Program x{.compute = dtype, .code = {{.op = Op::load}}},
      y{.compute = dtype, .code = {{.op = Op::load, .operand = 1}}};
  std::vector<double> columns(lines.inner);
  const uint64_t count = lines.length * lines.inner;
  for (uint64_t first = 0; first < count; first += 1500) {
    const ReducedValues values{x, operands, first, std::min<uint64_t>(1500, count - first)};
    reduce_columns(kernels, {.values = values, .factor = &y}, lines, 0, columns.data());
  }
  return columns;
}

template <typename Value>
void check(Dtype dtype, uint64_t inner) {
  std::mt19937_64 random(inner);
  const Lines lines{.length = 9000 / inner, .inner = inner};
  std::vector<Value> a(lines.length * inner), b(a.size());
  std::vector<double> wanted(inner);
  for (size_t i = 0; i < a.size(); ++i) {
    a[i] = static_cast<Value>(static_cast<double>(random() >> 11) * 0x1p-53 - 0.5);
    b[i] = static_cast<Value>(static_cast<double>(random() >> 11) * 0x1p-53 - 0.5);
    wanted[i % inner] += static_cast<double>(a[i]) * static_cast<double>(b[i]);
  }
  const Operand operands[] = {{.data = a.data(), .dtype = dtype}, {.data = b.data(), .dtype = dtype}};
  for (const BlockKernels* kernels : available_kernels()) CHECK(reduced(*kernels, dtype, operands, lines) == wanted);
}

}  // namespace

TEST_CASE("columns: products are added one after another, however many columns there are") {
  for (const uint64_t inner : {2, 3, 5, 7, 8, 9, 15, 16, 17, 100, 3000}) {
    CAPTURE(inner);
    check<float>(Dtype::F32, inner);
    check<double>(Dtype::F64, inner);
  }
}
