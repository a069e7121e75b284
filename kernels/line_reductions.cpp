// SPDX-License-Identifier: Apache-2.0
#include "kernels/line_reductions.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "kernels/interpreter.h"
#include "kernels/magnitudes.h"

namespace ckmerge {
namespace {

// fn(values, factors, done, n) for blocks of results; where there is no factor, of ones.
template <typename Compute, typename Fn>
void for_each_product(const BlockKernels& kernels, const LineValues& of, const Fn& fn) {
  const ReducedValues& values = of.values;
  const Program& x = values.program;
  reserve_registers(std::max(x.registers(), of.factor ? of.factor->registers() : 0));
  Interpreter<Compute> of_x(kernels, x, values.operands, values.places),
      of_y(kernels, of.factor ? *of.factor : x, values.operands, values.places);
  const uint64_t length = std::min(of_x.length(), of_y.length());
  typename Compute::Value ones[kBlockElements];
  std::ranges::fill(ones, typename Compute::Value{1});
  for (uint64_t done = 0; done < values.count;) {
    const size_t n = static_cast<size_t>(std::min<uint64_t>(length, values.count - done));
    const auto* a = of_x.block(values.first + done, n);
    fn(a, of.factor && *of.factor == x ? a : of.factor ? of_y.block(values.first + done, n) : ones, done, n);
    done += n;
  }
}

// Rows of no more elements than there are lanes have one in each: added up in their order they are the same sum.
template <typename Value>
double sum_of_short_row(const Value* a, const Value* b, uint64_t length) {
  double sum = 0;
  for (uint64_t i = 0; i < length; ++i) sum += static_cast<double>(a[i]) * static_cast<double>(b[i]);
  return sum;
}

template <typename Compute>
void rows(const BlockKernels& kernels, const LineValues& of, uint64_t length, uint64_t at, RowPart& part,
          std::vector<double>& ended) {
  const auto largest = [&kernels](const auto* values, size_t n) {
    if constexpr (sizeof(*values) == sizeof(double))
      return kernels.largest64(values, n);
    else
      return kernels.largest32(values, n);
  };
  for_each_product<Compute>(kernels, of, [&](const auto* a, const auto* b, uint64_t, size_t n) {
    for (size_t i = 0; i < n;) {
      if (at == 0 && length <= kLanes && !of.maximum && n - i >= length) {
        ended.push_back(sum_of_short_row(a + i, b + i, length));
        i += length;
        continue;
      }
      const size_t here = static_cast<size_t>(std::min<uint64_t>(n - i, length - at));
      if (of.maximum)
        part.key = std::max(part.key, largest(a + i, here));
      else
        Compute::dot(kernels)(a + i, b + i, here, at % kLanes, part.sums.lanes);
      at += here;
      i += here;
      if (at < length) continue;
      ended.push_back(part.number(of.maximum, Compute::kDtype));
      part = {};
      at = 0;
    }
  });
}

// sums[i] += a[i] * b[i], by the block operations of the ISA where there is enough of it.
template <typename Compute>
void add_to(const BlockKernels& kernels, const typename Compute::Value* a, const typename Compute::Value* b, size_t n,
            double* sums) {
  constexpr size_t kFew = 16;
  if (n < kFew) {
    for (size_t i = 0; i < n; ++i) sums[i] += static_cast<double>(a[i]) * static_cast<double>(b[i]);
    return;
  }
  alignas(64) double x[kBlockElements], y[kBlockElements];
  const auto multiply = kernels.op64[static_cast<size_t>(Op::multiply)],
             add = kernels.op64[static_cast<size_t>(Op::add)];
  if constexpr (sizeof(*a) == sizeof(double)) {
    multiply(x, a, b, nullptr, 0, 0, n);
  } else {
    const auto widen = kernels.load64[static_cast<size_t>(Dtype::F32)];
    widen(a, x, n);
    if (a != b) widen(b, y, n);
    multiply(x, x, a == b ? x : y, nullptr, 0, 0, n);
  }
  add(sums, sums, x, nullptr, 0, 0, n);
}

// Rows of fewer columns than a vector has: their sums stay in registers from row to row.
template <typename Value, size_t kColumns>
void add_rows(const Value* a, const Value* b, size_t rows, double* columns) {
  double sums[kColumns];
  std::copy_n(columns, kColumns, sums);
  for (size_t row = 0; row < rows; ++row, a += kColumns, b += kColumns)
    for (size_t k = 0; k < kColumns; ++k) sums[k] += static_cast<double>(a[k]) * static_cast<double>(b[k]);
  std::copy_n(sums, kColumns, columns);
}

template <typename Value>
using AddRows = void (*)(const Value*, const Value*, size_t, double*);
constexpr size_t kNarrow = 8;  // columns at most

// By the number of columns, less one.
template <typename Value, size_t... kBefore>
constexpr std::array<AddRows<Value>, kNarrow> all_add_rows(std::index_sequence<kBefore...>) {
  return {add_rows<Value, kBefore + 1>...};
}
template <typename Value>
constexpr auto kAddRows = all_add_rows<Value>(std::make_index_sequence<kNarrow>());

template <typename Value>
void take_largest(const Value* a, size_t n, double* largest) {
  for (size_t i = 0; i < n; ++i) {
    const double magnitude = std::fabs(static_cast<double>(a[i]));
    if (!(magnitude <= largest[i]) && !std::isnan(largest[i])) largest[i] = magnitude;
  }
}

template <typename Compute>
void columns_of(const BlockKernels& kernels, const LineValues& of, const Lines& lines, uint64_t first_column,
                double* columns) {
  const uint64_t place = of.values.places.of(of.values.first);
  for_each_product<Compute>(kernels, of, [&](const auto* a, const auto* b, uint64_t done, size_t n) {
    uint64_t column = lines.of(place + done);
    for (size_t i = 0, part = 0; i < n; i += part, column = 0) {
      if (lines.inner <= kNarrow && column == 0 && !of.maximum && n - i >= lines.inner) {
        const size_t rows = (n - i) / static_cast<size_t>(lines.inner);
        part = rows * static_cast<size_t>(lines.inner);
        kAddRows<typename Compute::Value>[lines.inner - 1](a + i, a == b ? a + i : b + i, rows, columns - first_column);
        continue;
      }
      part = static_cast<size_t>(std::min<uint64_t>(n - i, lines.inner - column));
      if (of.maximum)
        take_largest(a + i, part, columns + (column - first_column));
      else
        add_to<Compute>(kernels, a + i, a == b ? a + i : b + i, part, columns + (column - first_column));
    }
  });
}

}  // namespace

double RowPart::number(bool maximum, Dtype compute) const {
  return maximum ? magnitude_of(key, compute) : sums.total();
}

void reduce_rows(const BlockKernels& kernels, const LineValues& of, uint64_t length, uint64_t at, RowPart& part,
                 std::vector<double>& ended) noexcept {
  of.values.program.compute == Dtype::F64 ? rows<InF64>(kernels, of, length, at, part, ended)
                                          : rows<InF32>(kernels, of, length, at, part, ended);
}

void reduce_columns(const BlockKernels& kernels, const LineValues& of, const Lines& lines, uint64_t first_column,
                    double* columns) noexcept {
  of.values.program.compute == Dtype::F64 ? columns_of<InF64>(kernels, of, lines, first_column, columns)
                                          : columns_of<InF32>(kernels, of, lines, first_column, columns);
}

}  // namespace ckmerge
