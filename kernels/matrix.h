// SPDX-License-Identifier: Apache-2.0
// The product of two matrices of f32, of which the left one is narrow: rows of one factor of an adapter times all of
// the other. Sums go over the depth in order, from zero, and every product and sum is rounded by itself, so that the
// bits are the same on every ISA and for every cut of the rows. The right matrix is kept in panels of a few columns,
// which a kernel reads from front to back.
#pragma once

#include <stddef.h>

namespace ckmerge {

struct BlockKernels;

/// Columns of a panel: four AVX2 registers. Those behind the last column are zeros.
inline constexpr size_t kPanelColumns = 32;

/// Floats that the panels of a matrix of `depth` rows take.
size_t panels_size(size_t depth, size_t columns) noexcept;

/// Fills `panels` with `right`, depth rows of `columns` elements: of each panel row after row.
void make_panels(const float* right, size_t depth, size_t columns, float* panels) noexcept;

/// What one ISA has. out[i][j] += factor * (sum over k of left[i][k] * right[k][j]): `left` is rows x depth, `out` rows
/// x columns.
struct MatrixKernel {
  const char* isa;
  void (*add_product)(const float* left, size_t rows, size_t depth, const float* panels, size_t columns, float factor,
                      float* out);
};

/// That of the ISA of `kernels`, which is one of available_kernels().
const MatrixKernel& matrix_kernel(const BlockKernels& kernels) noexcept;

/// The same, by the best that this CPU runs.
void add_product(const float* left, size_t rows, size_t depth, const float* panels, size_t columns, float factor,
                 float* out) noexcept;

}  // namespace ckmerge
