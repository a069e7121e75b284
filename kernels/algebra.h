// SPDX-License-Identifier: Apache-2.0
// Loops of the algebra of whole tensors, in f64. Every product and sum is rounded by itself and sums have an order of
// their own, so that the bits are the same on every ISA and for every cut of rows and columns.
#pragma once

#include <stddef.h>

namespace ckmerge {

struct BlockKernels;

/// Columns of a panel of f64, and of a strip of rows that are turned: two or four registers.
inline constexpr size_t kWidePanelColumns = 16, kStripColumns = 32;

/// A rotation of two rows that lie one after the other.
struct Turn {
  double c, s;
};

/// What one ISA has. Rows are so many elements apart as the extent named _row says.
struct AlgebraKernel {
  const char* isa;
  /// out[i][j] += left[i][0] * right[0][j], then left[i][1] * right[1][j], and so on. `panels` is `right`, `depth`
  /// rows, kWidePanelColumns of its columns after the other, zeros behind the last; out is rows x columns.
  void (*add_product)(const double* left, size_t left_row, size_t rows, size_t depth, const double* panels,
                      size_t columns, double* out, size_t out_row);
  /// out[i][j] = dot(row i of left, row j of right), both `depth` elements long and apart.
  void (*row_products)(const double* left, size_t rows, const double* right, size_t right_rows, size_t depth,
                       double* out, size_t out_row);
  /// Sum of x[i] * y[i] in eight lanes, element i in lane i mod 8, which are added in order.
  double (*dot)(const double* x, const double* y, size_t n);
  /// to[i] -= factor * from[i].
  void (*subtract_row)(double factor, const double* from, double* to, size_t n);
  /// x[i], y[i] = c * x[i] - s * y[i], s * x[i] + c * y[i].
  void (*turn_rows)(double* x, double* y, Turn turn, size_t n);
  /// row[j] -= v * ws[j] + w * vs[j]; then sums[j] += factor * row[j].
  void (*reflect_row)(double* row, double v, const double* ws, double w, const double* vs, double factor, double* sums,
                      size_t n);
  /// Turns rows last - 1 and last of `strip`, each kStripColumns long, then last - 2 and last - 1, and so on, as
  /// turn_rows() does. REQUIRES: count <= last.
  void (*turn_strip)(double* strip, size_t last, const Turn* turns, size_t count);
};

/// That of the ISA of `kernels`, which is one of available_kernels().
const AlgebraKernel& algebra_kernel(const BlockKernels& kernels) noexcept;

/// The best that this CPU runs.
const AlgebraKernel& algebra_kernel() noexcept;

}  // namespace ckmerge
